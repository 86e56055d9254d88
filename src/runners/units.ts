import type { PlannedExplainer, PlannedMetric } from '../config/plan.ts';
import {
  type AbleModel,
  type Attribution,
  type AttributionKind,
  type Capability,
  type FullClassifier,
  isUndefined,
  type Runtime,
  type Score,
  type Undefined,
  undefinedBecause,
} from '../core/contracts/index.ts';
import { CtXaiError, messageOf } from '../core/errors.ts';
import type { Rng } from '../core/rng.ts';
import { mapDefect, sameShape, type Tensor } from '../core/tensor.ts';
import type { MapRow, ScoreRow } from '../results/rows.ts';
import { copy, type LoadedImage } from './loaded-image.ts';
import type { SharedWork } from './memo.ts';
import { type Counter, createCounter } from './meter.ts';

/** What a unit of work ended as, without the names of the unit. */
type Result<Row> = Omit<Row, 'kind' | 'model' | 'sample' | 'method' | 'metric' | 'target' | 'baseline'>;

export interface UnitContext {
  readonly model: FullClassifier;
  readonly image: LoadedImage;
  readonly target: { readonly class: number };
  readonly rng: Rng;
  readonly signal: AbortSignal;
}

/** Why a method can't run on a model at all, or undefined where it can. */
export function obstacle(requires: readonly Capability[], model: FullClassifier): string | undefined {
  const missing = requires.filter(capability => !model.capabilities.has(capability));
  if (missing.length === 0) return undefined;
  const { limitations, engine }: Runtime = model.runtime;
  return missing.map(c => limitations?.[c] ?? `the model has no ${c} on the engine '${engine}'`).join('; ');
}

/**
 * One explanation. Whatever the explainer does, it ends as a result; only an interruption and a dead engine
 * (CtXaiError ENGINE) are thrown.
 */
export async function explainUnit(
  planned: PlannedExplainer,
  context: UnitContext & { readonly donor?: Tensor },
): Promise<{ result: Result<MapRow>; map?: Tensor }> {
  const { model, signal } = context;
  const missing = obstacle(planned.explainer.requiresOf(planned.options), model);
  if (missing !== undefined) return { result: { status: 'skipped', reason: missing } };
  const counter = createCounter();
  try {
    const found = await planned.explainer.explain({
      ...(await inputs(context, planned.baseline)),
      model: model.metered(counter) as AbleModel,
      options: planned.options,
      rng: context.rng,
      memo: (_, compute) => compute(),
      inner: async () => undefinedBecause('it wraps no explainer'),
      trainingImages: async () => [],
      ...(context.donor ? { donor: copy(context.donor) } : {}),
    });
    return attributionResult(found, planned.explainer.name, model.input.spatial, counter);
  } catch (error) {
    rethrowUnlessUnit(error, signal);
    return { result: failure(error) };
  }
}

async function inputs({ image, target, signal }: UnitContext, name: string | undefined) {
  const { image: baseline, ...filler } = await image.baseline(name);
  return {
    image: image.image(),
    baseline,
    ...filler,
    view: image.view(),
    ...(image.spacing ? { spacing: image.spacing } : {}),
    target,
    signal,
  };
}

function attributionResult(
  found: Attribution | Undefined,
  name: string,
  grid: readonly number[],
  counter: Counter,
): { result: Result<MapRow>; map?: Tensor } {
  if (typeof found !== 'object' || found === null) {
    throw new CtXaiError('PLUGIN', `explainer '${name}' returned ${String(found)}; it must return { map }.`);
  }
  const passes = counter.read();
  if (isUndefined(found)) return { result: { status: 'undefined', reason: String(found.undefined), passes } };
  const returned = found.map;
  const data = returned?.data;
  if (!(data instanceof Float32Array) || !Array.isArray(returned.shape)) {
    throw new CtXaiError('PLUGIN', `explainer '${name}' returned no map; 'map' must be a tensor { shape, data }.`);
  }
  // A copy: what a getter or a proxy computes late is computed here, once, and whoever times this call times it.
  const map: Tensor = { shape: [...returned.shape], data: new Float32Array(data.length) };
  for (let i = 0; i < data.length; i++) map.data[i] = data[i]!;
  if (!sameShape(map.shape, grid) || map.data.length !== grid[0]! * grid[1]!) {
    throw new CtXaiError(
      'PLUGIN',
      `explainer '${name}' returned a map of shape [${map.shape.join(', ')}] with ${map.data.length} values; ` +
        `the model's grid is [${grid.join(', ')}].`,
    );
  }
  const defect = mapDefect(map);
  const finite = map.data.every(Number.isFinite);
  if (!finite) return { result: { status: 'failed', reason: `explainer '${name}': ${defect}`, passes } };
  const diagnostics = finiteOnly(found.diagnostics);
  return {
    result: {
      status: defect === null ? 'ok' : 'undefined',
      ...(defect === null ? {} : { reason: defect }),
      passes,
      ...(diagnostics ? { diagnostics } : {}),
      ...(found.notes ? { notes: mapValues(found.notes, String) } : {}),
    },
    map,
  };
}

/** One metric of one map. Errors as in `explainUnit`. */
export async function scoreUnit(
  planned: PlannedMetric,
  kind: AttributionKind,
  map: Tensor,
  context: UnitContext & { readonly shared: SharedWork },
): Promise<Result<ScoreRow>> {
  const { metric } = planned;
  const mask = context.image.mask();
  if (metric.needs.includes('mask') && !mask) {
    return { status: 'skipped', reason: 'the image has no mask' };
  }
  const counter = createCounter();
  try {
    const found = await metric.evaluate({
      ...(await inputs(context, planned.baseline)),
      model: context.model.metered(counter),
      attribution: copy(map),
      kind,
      ...(mask ? { mask } : {}),
      options: planned.options,
      rng: context.rng,
      memo: context.shared.memoFor(counter),
      mapMemo: (_, compute) => compute(),
      explain: async () => undefinedBecause('it asks for no other explanation'),
      variantMaps: [],
      sampleVariants: [],
      sampleVariant: async () => undefined,
      trainingImages: async () => [],
    });
    return scoreResult(found, planned, counter);
  } catch (error) {
    rethrowUnlessUnit(error, context.signal);
    return failure(error);
  }
}

function scoreResult(found: Score | Undefined, { metric }: PlannedMetric, counter: Counter): Result<ScoreRow> {
  if (typeof found !== 'object' || found === null) {
    throw new CtXaiError('PLUGIN', `metric '${metric.name}' returned ${String(found)}; it must return { value }.`);
  }
  const passes = counter.read();
  const saved = counter.saved();
  const cost = { passes, ...(saved.forward + saved.backward > 0 ? { saved } : {}) };
  if (isUndefined(found)) return { status: 'undefined', reason: String(found.undefined), ...cost };
  const { value, curve } = found;
  const [low, high] = metric.range;
  const slack = 1e-6 * Math.max(1, Math.abs(value));
  if (typeof value !== 'number' || !Number.isFinite(value) || value < low - slack || value > high + slack) {
    throw new CtXaiError('PLUGIN', `metric '${metric.name}' returned ${value}; its range is [${low}, ${high}].`);
  }
  if (curve && !(curve.fraction.length === curve.score.length && [...curve.fraction, ...curve.score].every(finite))) {
    throw new CtXaiError('PLUGIN', `metric '${metric.name}' returned a curve of unequal lengths or with NaN.`);
  }
  const details = finiteOnly(found.details);
  return {
    status: 'ok',
    value,
    ...cost,
    ...(details ? { details } : {}),
    ...(curve ? { curve: { fraction: [...curve.fraction], score: [...curve.score] } } : {}),
  };
}

function rethrowUnlessUnit(error: unknown, signal: AbortSignal): void {
  if (signal.aborted) throw error;
  if (error instanceof CtXaiError && error.code === 'ENGINE') throw error;
}

/** An operator without a gradient makes a method inapplicable; anything else is a failure. */
function failure(error: unknown): { status: 'skipped' | 'failed'; reason: string } {
  const inapplicable = error instanceof CtXaiError && error.code === 'OPERATOR';
  return { status: inapplicable ? 'skipped' : 'failed', reason: oneLine(messageOf(error)) };
}

/** Reasons stand in tables. */
export function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim().slice(0, 1000);
}

function finite(v: unknown): boolean {
  return typeof v === 'number' && Number.isFinite(v);
}

function finiteOnly(values: Readonly<Record<string, number>> | undefined): Record<string, number> | undefined {
  const kept = Object.entries(values ?? {}).filter(([, v]) => finite(v));
  return kept.length > 0 ? Object.fromEntries(kept) : undefined;
}

function mapValues<A, B>(o: Readonly<Record<string, A>>, f: (a: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(o).map(([k, v]) => [k, f(v)]));
}
