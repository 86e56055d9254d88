import {
  type Attribution,
  type AttributionKind,
  type Capability,
  type FullClassifier,
  isUndefined,
  type Metric,
  type Runtime,
  type Score,
  type Undefined,
} from '../core/contracts/index.ts';
import { CtXaiError, messageOf } from '../core/errors.ts';
import { mapDefect, sameShape, sizeOf, type Tensor, tensor } from '../core/tensor.ts';
import type { MapRow, ScoreRow } from '../results/rows.ts';
import type { RowArrays } from '../results/run-store.ts';
import { throwIfInterrupted } from './interrupt.ts';
import { EngineLost } from './open-model.ts';
import type { Counter } from './pass-counter.ts';
import type { Services } from './services.ts';

/** What a unit of work ended as, without the names of the unit. */
export type MapOutcome = Pick<MapRow, 'status' | 'reason' | 'passes' | 'diagnostics' | 'notes' | 'predicted'>;
export type ScoreOutcome = Omit<
  ScoreRow,
  'kind' | 'job' | 'model' | 'sample' | 'method' | 'metric' | 'target' | 'baseline'
>;

export type Failure = { readonly status: 'failed' | 'skipped'; readonly reason: string };

/**
 * Work that ends as a failure with a reason where it throws. Only an interruption and an engine that can't be had again
 * are thrown on.
 */
export async function attempt<T>(services: Pick<Services, 'signal'>, work: () => Promise<T>): Promise<T | Failure> {
  try {
    return await work();
  } catch (error) {
    throwIfInterrupted(services.signal);
    if (error instanceof EngineLost) throw error;
    return failureOf(error);
  }
}

/** Of an error within a part: an engine that died is thrown on, so that it is started again. */
export function failureWithin(error: unknown, signal: AbortSignal): Failure {
  if (signal.aborted) throw error;
  if (error instanceof CtXaiError && error.code === 'ENGINE') throw error;
  return failureOf(error);
}

/** An operator without a gradient, or a baseline that the data has not, makes a part inapplicable; else it failed. */
export function failureOf(error: unknown): Failure {
  const inapplicable = error instanceof CtXaiError && (error.code === 'OPERATOR' || error.code === 'BASELINE');
  return { status: inapplicable ? 'skipped' : 'failed', reason: oneLine(messageOf(error)) };
}

/** Reasons stand in tables. */
export function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim().slice(0, 1000);
}

/** Why an explainer can't run on a model at all, or undefined where it can. */
export function obstacle(requires: readonly Capability[], model: FullClassifier): string | undefined {
  const missing = requires.filter(capability => !model.capabilities.has(capability));
  if (missing.length === 0) return undefined;
  const { limitations, engine }: Runtime = model.runtime;
  return missing
    .map(c => limitations?.[c] ?? `the model has no ${c.replace('-', ' ')} on the engine '${engine}'`)
    .join('; ');
}

/** Why a part does not work on images with so many axes, or undefined where it does. */
export function wrongDimensions(part: { readonly dimensions: readonly number[] }, axes: number): string | undefined {
  if (part.dimensions.includes(axes)) return undefined;
  return `it works on images of ${part.dimensions.join(' or ')} dimensions, and these have ${axes}`;
}

/** Why a metric does not take maps of this kind. */
export function wrongKind({ kinds, name }: Metric, kind: AttributionKind): string {
  return `'${name}' takes ${kinds.join(' and ')} maps, and this map is ${kind}`;
}

/** An explanation: how it ended, and its arrays. */
export interface MapResult {
  readonly outcome: MapOutcome;
  readonly arrays?: RowArrays;
}

/**
 * What an explainer returned, checked.
 * @throws CtXaiError PLUGIN where it is no map of the model's grid
 */
export function attributionOutcome(
  found: Attribution | Undefined,
  name: string,
  grid: readonly number[],
  counter: Counter,
): MapResult {
  requireObject(found, name);
  const passes = counter.read();
  if (isUndefined(found)) return { outcome: { status: 'undefined', reason: String(found.undefined), passes } };
  const map = checkedMap(found.map, name, grid);
  const defect = mapDefect(map);
  if (!map.data.every(Number.isFinite)) {
    return { outcome: { status: 'failed', reason: `explainer '${name}': ${defect}`, passes } };
  }
  const diagnostics = finiteOnly(found.diagnostics);
  return {
    outcome: {
      status: defect === null ? 'ok' : 'undefined',
      ...(defect === null ? {} : { reason: defect }),
      passes,
      ...(diagnostics ? { diagnostics } : {}),
      ...(found.notes ? { notes: mapValues(found.notes, String) } : {}),
    },
    arrays: {
      map,
      ...(found.standardErrors ? { standardErrors: checkedMap(found.standardErrors, name, grid) } : {}),
      ...(found.regions?.length === map.data.length ? { regions: tensor(grid, Float32Array.from(found.regions)) } : {}),
      ...(found.layerMap ? { layerMap: tensor(found.layerMap.shape, found.layerMap.data.slice()) } : {}),
    },
  };
}

/**
 * What an explainer returned for another image or under other weights: a map that the first can be compared with, or why
 * there is none.
 * @throws CtXaiError PLUGIN where it is no map of the model's grid
 */
export function comparable(
  found: Attribution | Undefined,
  name: string,
  grid: readonly number[],
): Attribution | Undefined {
  requireObject(found, name);
  if (isUndefined(found)) return found;
  const map = checkedMap(found.map, name, grid);
  const defect = mapDefect(map);
  return defect === null ? { ...found, map } : { undefined: defect };
}

function requireObject(found: unknown, name: string): void {
  if (typeof found === 'object' && found !== null) return;
  throw new CtXaiError('PLUGIN', `explainer '${name}' returned ${String(found)}; it must return { map }.`);
}

function checkedMap(returned: Tensor | undefined, name: string, grid: readonly number[]): Tensor {
  const data = returned?.data;
  if (!(data instanceof Float32Array) || !Array.isArray(returned!.shape)) {
    throw new CtXaiError('PLUGIN', `explainer '${name}' returned no map; 'map' must be a tensor { shape, data }.`);
  }
  // A copy: what a getter or a proxy computes late is computed here, once, and whoever times this call times it.
  const map: Tensor = { shape: [...returned!.shape], data: new Float32Array(data.length) };
  for (let i = 0; i < data.length; i++) map.data[i] = data[i]!;
  if (!sameShape(map.shape, grid) || map.data.length !== sizeOf(grid)) {
    throw new CtXaiError(
      'PLUGIN',
      `explainer '${name}' returned a map of shape [${map.shape.join(', ')}] with ${map.data.length} values; ` +
        `the model's grid is [${grid.join(', ')}].`,
    );
  }
  return map;
}

/**
 * What a metric returned, checked.
 * @throws CtXaiError PLUGIN where it is no number in the metric's range
 */
export function scoreOutcome(found: Score | Undefined, metric: Metric, counter: Counter): ScoreOutcome {
  if (typeof found !== 'object' || found === null) {
    throw new CtXaiError('PLUGIN', `metric '${metric.name}' returned ${String(found)}; it must return { value }.`);
  }
  const cost = costOf(counter);
  if (isUndefined(found)) return { status: 'undefined', reason: String(found.undefined), ...cost };
  const { value, curve, error, chance } = found;
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
    ...(finite(error) ? { error: error! } : {}),
    ...(finite(chance) ? { chance: chance! } : {}),
    ...cost,
    ...(details ? { details } : {}),
    ...(curve ? { curve: { fraction: [...curve.fraction], score: [...curve.score] } } : {}),
  };
}

/** Passes demanded, and of them those that other units had made. */
export function costOf(counter: Counter): Pick<ScoreRow, 'passes' | 'saved'> {
  const saved = counter.saved();
  return { passes: counter.read(), ...(saved.forward + saved.backward > 0 ? { saved } : {}) };
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
