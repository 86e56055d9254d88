import type { AttributionKind, Cost, ModelFacts, PassCount } from '../core/contracts/index.ts';
import { takesMap } from '../core/takes-map.ts';
import type {
  Plan,
  PlannedExplainer,
  PlannedMetric,
  PlannedModel,
  PlannedRepetition,
  RepetitionChange,
} from './plan.ts';
import { isRepeated } from './repetitions.ts';
import type { ImageCounts } from './samples.ts';

/** What one image costs on one model, by what is asked for; and the whole run. */
export interface PlanCost {
  readonly images: number;
  readonly models: readonly ModelCost[];
  /** For all images and models, timing not included. */
  readonly total: PassCount;
}

export interface ModelCost {
  readonly model: string;
  /** For one image, by the explainer's id: its map, and its maps under other weights that metrics need. */
  readonly explainers: Readonly<Record<string, PassCount>>;
  /** For one map, by the metric's id: of the explainer whose maps cost most to score. */
  readonly metrics: Readonly<Record<string, PassCount>>;
  /** For one map, by the explainer's id, then by the metric's. */
  readonly scores: Readonly<Record<string, Readonly<Record<string, PassCount>>>>;
  /** Of one image, passes that several metrics ask for and that are made once: so much less than the sum of all. */
  readonly saved: PassCount;
  /** For one image that is explained: its prediction, every explanation, and every metric of every map, shared once. */
  readonly perImage: PassCount;
  /** Images that are explained; the others have their prediction only. */
  readonly explained: number;
}

/**
 * The passes that are to be expected of a plan; maps may be undefined or the same, skipped
 * explainers cost nothing and metrics that need a mask run only where there is one.
 * @param known for each model; patches in mm are counted with 1 mm, and channels as many as any network has, where it does
 * not say
 */
export function planCost(
  plan: Pick<Plan, 'models' | 'explainers' | 'metrics' | 'repetitions'>,
  { images, explained }: ImageCounts,
  known: readonly KnownFacts[] = [],
): PlanCost {
  const models = plan.models.map((model, i) => modelCost(plan, model, explained[i]!, known[i] ?? {}));
  const each = models.flatMap(m => [scaled(m.perImage, m.explained), scaled(PREDICTION, images - m.explained)]);
  return { images, models, total: added(each) };
}

/** What is known of a model and its images beside the card: once it is open, and an image has been read. */
export type KnownFacts = Pick<ModelFacts, 'spacing' | 'layers'>;

const PREDICTION: PassCount = { forward: 1, backward: 0 };

function modelCost(
  plan: Pick<Plan, 'explainers' | 'metrics' | 'repetitions'>,
  model: PlannedModel,
  explained: number,
  known: KnownFacts,
): ModelCost {
  const { explainers, repetitions = [] } = plan;
  const metrics: readonly (PlannedMetric & Partial<PlannedRepetition>)[] = [...plan.metrics, ...repetitions];
  const facts: ModelFacts = { ...factsOf(model), ...known };
  const single = new Map(explainers.map(e => [e.id, explanationCost(e, facts)]));
  // A borrowed map can't be made again of another image.
  const again = (e: PlannedExplainer) => (e.of === undefined ? single.get(e.id)! : NONE);
  const variants = (e: PlannedExplainer) => (e.of === undefined ? variantsWanted(plan.metrics) : 0);
  const seeds = (e: PlannedExplainer) => (isRepeated(e) && repetitions.some(r => r.change === 'seed') ? 1 : 0);
  const maps = Object.fromEntries(explainers.map(e => [e.id, scaled(single.get(e.id)!, 1 + variants(e) + seeds(e))]));
  const costOf = (m: (typeof metrics)[number], e: PlannedExplainer): Cost => {
    const kind = kindOf(e, explainers);
    return takesMap(m.metric, kind, e.explainer, e.of !== undefined) &&
      (m.change === undefined || isScoredAgain(e, m.change))
      ? m.metric.cost(m.options, { ...facts, tied: tiedOf(e, explainers) }, again(e))
      : NONE;
  };
  const costs = explainers.map(e => metrics.map(m => costOf(m, e)));
  const scores = Object.fromEntries(
    explainers.map((e, i) => [e.id, Object.fromEntries(metrics.map((m, j) => [m.id, passesOf(costs[i]![j]!)]))]),
  );
  const dearest = (metric: PlannedMetric) =>
    explainers.map(e => scores[e.id]![metric.id]!).reduce((a, b) => (weight(b) > weight(a) ? b : a), NONE);
  const saved = savedBy(costs.map(row => row.map((cost, j) => ({ cost, apart: apartOf(metrics[j]!) }))));
  const all = added([PREDICTION, ...Object.values(maps), ...Object.values(scores).flatMap(row => Object.values(row))]);
  return {
    model: model.id,
    explainers: maps,
    metrics: Object.fromEntries(metrics.map(m => [m.id, dearest(m)])),
    scores,
    saved,
    explained,
    perImage: { forward: all.forward - saved.forward, backward: all.backward - saved.backward },
  };
}

/**
 * Passes that several metrics name alike, but for one of them: over all maps where they are the image's, else map by map.
 * What stands where pixels are removed is part of every name.
 * @param maps for each map, the cost of each metric
 */
function savedBy(maps: readonly (readonly { readonly cost: Cost; readonly apart: string }[])[]): PassCount {
  const seen = new Set<string>();
  const saved: PassCount[] = [];
  for (const [i, metrics] of maps.entries()) {
    for (const { cost, apart } of metrics) {
      for (const { key, per, forward, backward } of cost.shared ?? []) {
        const name = JSON.stringify([key, apart, per === 'image' ? 'image' : i]);
        if (seen.has(name)) saved.push({ forward, backward });
        seen.add(name);
      }
    }
  }
  return added(saved);
}

/** What keeps passes of the same name apart: what stands where pixels are removed, and other random numbers. */
function apartOf({ baseline = '', change }: PlannedMetric & Partial<PlannedRepetition>): string {
  return change === 'ties' || change === 'seed' ? `${baseline} ${change}` : baseline;
}

function passesOf({ forward, backward }: Cost): PassCount {
  return { forward, backward };
}

/** What a map's values are; of a borrowed map, what those of the explainer are that made it. */
function kindOf({ explainer, options, of }: PlannedExplainer, all: readonly PlannedExplainer[]): AttributionKind {
  const maker = all.find(other => other.id === of);
  return maker ? kindOf(maker, all) : explainer.kindOf(options);
}

/** What ties the pixels of a map; of a borrowed map, what does those of the explainer that made it. */
function tiedOf(e: PlannedExplainer, all: readonly PlannedExplainer[]): ModelFacts['tied'] {
  const maker = all.find(other => other.id === e.of);
  return maker ? tiedOf(maker, all) : e.explainer.tiesOf(e.options);
}

const NONE: PassCount = { forward: 0, backward: 0 };

/** What one explanation is expected to cost; of an explainer that wraps another, with what the wrapped one costs. */
export function explanationCost({ explainer, options, inner }: PlannedExplainer, model: ModelFacts): Cost {
  const { expected, ...cost } = explainer.cost(options, model, inner && explanationCost(inner, model));
  return { ...cost, ...expected };
}

/** Whether a metric is repeated with this change on an explainer's maps. */
function isScoredAgain(e: PlannedExplainer, change: RepetitionChange): boolean {
  return change === 'seed' ? isRepeated(e) : e.explainer.role === 'method';
}

/** Different weights under which the metrics want maps. */
function variantsWanted(metrics: readonly PlannedMetric[]): number {
  return new Set(metrics.flatMap(m => m.metric.variantsOf(m.options).map(v => JSON.stringify(v)))).size;
}

function factsOf({ card }: PlannedModel): ModelFacts {
  return { spatial: card.input.size, channels: card.input.channels, classes: card.classes.length };
}

/** A gradient costs about as much as this many forward passes. */
const BACKWARD = 3;

/** Passes as one number: what they cost in forward passes. */
export function weight({ forward, backward }: PassCount): number {
  return forward + BACKWARD * backward;
}

function added(passes: readonly PassCount[]): PassCount {
  return {
    forward: passes.reduce((n, p) => n + p.forward, 0),
    backward: passes.reduce((n, p) => n + p.backward, 0),
  };
}

function scaled(passes: PassCount, by: number): PassCount {
  return { forward: passes.forward * by, backward: passes.backward * by };
}
