import type {
  Attribution,
  AttributionKind,
  Classifier,
  Collected,
  Effects,
  Explainer,
  FullClassifier,
  Json,
  Metric,
  MetricContext,
  ModelVariant,
  PassCount,
  Score,
  Undefined,
  VariantMap,
} from '../core/contracts/index.ts';
import { isUndefined } from '../core/contracts/index.ts';
import { defineExplainer } from '../core/define.ts';
import { CtXaiError } from '../core/errors.ts';
import { fingerprint } from '../core/fingerprint.ts';
import { createRng } from '../core/rng.ts';
import { mapDefect, type Tensor, tensor } from '../core/tensor.ts';
import { explainSubject, type Subject, subjectFor } from './subject.ts';

export interface ScoreRequest {
  readonly metric: Metric;
  readonly subject: Subject;
  /** [h, w] */
  readonly attribution: Tensor;
  /** [h, w] of 0 and 1; given to metrics that need one. */
  readonly mask: Tensor;
  readonly options?: Readonly<Record<string, unknown>> | undefined;
  /** Default: the first kind that the metric takes. */
  readonly kind?: AttributionKind | undefined;
  readonly regions?: Int32Array | undefined;
  /** The class explained. Default: 0. */
  readonly class?: number | undefined;
  readonly seed?: string;
  /** Default: remembers nothing, as while timing. */
  readonly memo?: MetricContext<unknown>['memo'];
  readonly mapMemo?: MetricContext<unknown>['memo'];
  /** What explains again. Default: `smallExplainer`. */
  readonly explainer?: Explainer | undefined;
  /** The model under other weights; undefined: there is none. Default: none for any. */
  readonly variantModel?: ((variant: ModelVariant) => FullClassifier | undefined) | undefined;
  /** Other versions of the sample, by name. */
  readonly sampleVariants?: Readonly<Record<string, { readonly image: Tensor; readonly view: Tensor }>> | undefined;
  readonly effects?: Effects | undefined;
  readonly otherEffects?: Effects | undefined;
  /** Default: twelve images drawn from seeds, of stronger and weaker contrast and its opposite. */
  readonly trainingImages?: readonly Tensor[] | undefined;
}

/** Passes of the metric itself, and of the explanations that it asked for. */
export interface Spent extends PassCount {
  readonly explanations: { readonly count: number } & PassCount;
}

export interface Scored extends Spent {
  readonly result: Score | Undefined;
}

/** What a group metric collected of one map. */
export interface CollectedOf extends Spent {
  readonly item: Json | Undefined;
}

/**
 * A small explainer that draws: the gradient times the difference to the baseline, both averaged over two noisy copies
 * of the image.
 */
export const smallExplainer = defineExplainer({
  name: 'small',
  title: 'Small',
  cite: 'none',
  kind: 'additive',
  requires: ['gradients'],
  baseline: 'air',
  cost: () => ({ forward: 2, backward: 2 }),
  async explain({ model, image, baseline, target, rng, signal }) {
    const [height = 0, width = 0, channels = 1] = image.shape;
    const map = tensor([height, width]);
    const copies = [0, 1].map(() => image.data.map(v => v + 0.01 * rng.normal()));
    await model.gradients(
      { count: copies.length, write: (i, out) => out.set(copies[i]!) },
      { class: target.class, score: 'margin' },
      (i, gradient) => {
        gradient.forEach((g, k) => {
          map.data[Math.floor(k / channels)]! += (g * (copies[i]![k]! - baseline.data[k]!)) / copies.length;
        });
      },
      { signal },
    );
    return { map };
  },
});

/** One score as the runner asks for it: options parsed, passes metered, an undeclared model out of reach. */
export async function scoreSubject(request: ScoreRequest): Promise<Scored> {
  const { context, spent } = await contextOf(request);
  return { result: await request.metric.evaluate(context), ...spent() };
}

/** What a group metric takes of one map, as `scoreSubject` gives a score. */
export async function collectSubject(request: ScoreRequest): Promise<CollectedOf> {
  const { metric } = request;
  if (!metric.collect) throw new CtXaiError('PLUGIN', `metric '${metric.name}' collects nothing: it is of one map.`);
  const { context, spent } = await contextOf(request);
  return { item: await metric.collect(context), ...spent() };
}

/**
 * The value of a group, each map of another patient unless told otherwise. Items go through JSON, as they do in a run.
 */
export async function scoreGroup(
  metric: Metric,
  members: readonly (Omit<ScoreRequest, 'metric'> & { readonly patient?: string })[],
  options: Readonly<Record<string, unknown>> = {},
): Promise<Score | Undefined> {
  const items: Collected[] = [];
  for (const [i, member] of members.entries()) {
    const { item } = await collectSubject({ ...member, metric, options });
    if (isUndefinedItem(item)) continue;
    const { patient = `patient-${i}` } = member;
    items.push({ item: JSON.parse(JSON.stringify(item)), sample: `sample-${i}`, patient, class: member.class ?? 0 });
  }
  return metric.combine!(items, metric.options.parse(options));
}

export function isUndefinedItem(item: Json | Undefined): item is Undefined {
  return typeof item === 'object' && item !== null && isUndefined(item);
}

async function contextOf(request: ScoreRequest): Promise<{ readonly context: MetricContext<unknown>; spent(): Spent }> {
  const { metric, subject, attribution, mask, seed = 'conformance', explainer = smallExplainer } = request;
  const passes = { forward: 0, backward: 0 };
  const meter = {
    forward(n: number) {
      passes.forward += n;
    },
    backward(n: number) {
      passes.backward += n;
    },
  };
  const metered = subject.model.metered(meter);
  const options = metric.options.parse(request.options ?? {});
  const needs = (need: Metric['needs'][number]) => metric.needs.includes(need);
  const explanations = { count: 0, forward: 0, backward: 0 };
  const names = new Map<string, string>();
  const explained = async (on: Subject, target: number, replicate: number) => {
    const found = await explainSubject({ explainer, subject: on, class: target, seed: `explain ${replicate}` });
    explanations.count++;
    explanations.forward += found.forward;
    explanations.backward += found.backward;
    return comparable(found.result);
  };
  const again: MetricContext<unknown>['explain'] = async asked => {
    if (!needs('explain')) throw undeclared(metric.name, 'context.explain', 'explain');
    const known = names.get(asked.key);
    const given = fingerprint(asked.image);
    if (known !== undefined && known !== given) {
      throw new CtXaiError('PLUGIN', `metric '${metric.name}' names two images '${asked.key}'.`, {
        hint: 'An explanation’s key must name all that its image depends on.',
      });
    }
    names.set(asked.key, given);
    const model = asked.variant === undefined ? subject.model : request.variantModel?.(asked.variant);
    if (!model) return { undefined: 'the model has no such variant' };
    const { baseline } = subject;
    const moved = asked.shift === undefined ? baseline : movedBy(baseline, asked.shift);
    return explained(
      { ...subject, model, image: asked.image, baseline: moved },
      asked.class ?? request.class ?? 0,
      asked.replicate ?? 0,
    );
  };
  const context: MetricContext<unknown> = {
    ...subject,
    model: needs('model') ? metered : outOfReach(metric.name),
    target: { class: request.class ?? 0 },
    attribution,
    kind: request.kind ?? metric.kinds[0]!,
    ...(request.regions ? { regions: request.regions } : {}),
    ...(needs('mask') ? { mask } : {}),
    options,
    rng: createRng(seed),
    memo: request.memo ?? ((_, compute) => compute()),
    mapMemo: request.mapMemo ?? ((_, compute) => compute()),
    explain: again,
    async onVariant(variant, work) {
      if (!needs('weights')) throw undeclared(metric.name, 'context.onVariant', 'weights');
      const model = request.variantModel?.(variant);
      return model ? work(model.metered(meter)) : { undefined: 'the model has no such variant' };
    },
    variantMaps: needs('weights') ? await variantMaps(request, metric.variantsOf(options), explainer) : [],
    sampleVariants: needs('variants') ? Object.keys(request.sampleVariants ?? {}) : [],
    sampleVariant: async name => request.sampleVariants?.[name],
    ...(needs('effects') && request.effects ? { effects: request.effects } : {}),
    ...(needs('other-effects') && request.otherEffects ? { otherEffects: request.otherEffects } : {}),
    trainingImages: async count => {
      if (!needs('training-images')) throw undeclared(metric.name, 'context.trainingImages', 'training-images');
      const drawn = (n: number) => Array.from({ length: n }, (_, i) => trainingImage(subject.model, i));
      return request.trainingImages?.slice(0, count) ?? drawn(Math.min(count, TRAINING_IMAGES));
    },
  };
  return { context, spent: () => ({ ...passes, explanations: { ...explanations } }) };
}

/** As in a run: a map that is constant, or has NaN, is none. */
function comparable(found: Attribution | Undefined): Attribution | Undefined {
  if (isUndefined(found)) return found;
  const defect = mapDefect(found.map);
  return defect === null ? found : { undefined: defect };
}

/** How many there are unless others are given. */
const TRAINING_IMAGES = 12;

/** Of contrast 1, −2, 4, −8, 1, …, so that they are not all of one class. */
function trainingImage(model: FullClassifier, i: number): Tensor {
  const { image } = subjectFor(model, 90 + i);
  const contrast = (-2) ** (i % 4);
  return tensor(
    image.shape,
    image.data.map(v => contrast * v),
  );
}

function movedBy({ shape, data }: Tensor, by: number): Tensor {
  return { shape, data: data.map(v => v + by) };
}

/** Maps of the same image under other weights, as other units of work make them. */
async function variantMaps(
  { subject, variantModel, ...request }: ScoreRequest,
  variants: readonly ModelVariant[],
  explainer: Explainer,
): Promise<VariantMap[]> {
  const maps: VariantMap[] = [];
  for (const variant of variants) {
    const model = variantModel?.(variant);
    if (!model) {
      maps.push({ variant, reason: 'the model has no such variant' });
      continue;
    }
    const { result } = await explainSubject({
      explainer,
      subject: { ...subject, model },
      class: request.class ?? 0,
      seed: 'explain 0',
    });
    const found = comparable(result);
    maps.push(isUndefined(found) ? { variant, reason: found.undefined } : { variant, map: found.map });
  }
  return maps;
}

/** A memo that remembers, as the runner's does for the metrics of one image and model. */
export function rememberingMemo(): MetricContext<unknown>['memo'] {
  const held = new Map<string, Promise<unknown>>();
  return <T>(key: string, compute: () => Promise<T>): Promise<T> => {
    const value = held.get(key) ?? compute();
    held.set(key, value);
    return value as Promise<T>;
  };
}

/** A model of which nothing can be asked. */
function outOfReach(metric: string): Classifier {
  return new Proxy({} as Classifier, {
    get(_, property) {
      throw undeclared(metric, `model.${String(property)}`, 'model');
    },
  });
}

function undeclared(metric: string, used: string, need: string): CtXaiError {
  return new CtXaiError('PLUGIN', `metric '${metric}' uses ${used}.`, { hint: `List '${need}' in its needs.` });
}
