import { z } from 'zod';
import type { Batch } from '../../core/contracts/index.ts';
import { spearman } from '../../core/statistics/correlation.ts';

/**
 * How precise the map of a method that samples must be before it stops: all samples, a relative standard error, or a rank
 * correlation with the map of half as many samples.
 */
export type SamplingPrecision = 'exact' | number | { readonly rank: number };

export const samplingPrecision = z
  .union([z.literal('exact'), z.number().positive().max(1), z.strictObject({ rank: z.number().positive().lt(1) })])
  .default('exact')
  .describe(
    'when sampling stops. A number: at this standard error of the map, relative to the standard deviation of its values; {rank: 0.99}: at this rank correlation with the map of half as many samples; exact: never before the last',
  );

/** Samples before the first look at the map, and by how much they grow until the next. */
const FIRST = 100;
const GROWTH = 1.5;

/**
 * Numbers of samples after which the map is looked at, ascending, `most` being the last. For a rank correlation each is
 * half of the next, rounded up.
 */
export function looks(most: number, precision: SamplingPrecision, first = FIRST): number[] {
  if (precision === 'exact') return [most];
  const found: number[] = [];
  if (typeof precision === 'object') {
    for (let n = most; found.length === 0 || n >= first; n = Math.ceil(n / 2)) found.unshift(n);
    return found;
  }
  for (let n = first; n < most; n = Math.ceil(n * GROWTH)) found.push(n);
  return [...found, most];
}

/** What stops sampling, of the draws so far; undefined where it is not known. */
interface Judged<T> {
  /** Relative standard error of the map. */
  readonly error: (draws: T) => number | undefined;
  /** Values of the map, of its pixels or of its segments, in an array that stays as it is. */
  readonly values: (draws: T) => ArrayLike<number> | undefined;
}

/** What the last look saw: a diagnostic of the map. */
interface Reached {
  readonly relativeError?: number;
  /** Spearman’s, with the map of half as many draws. */
  readonly rankCorrelation?: number;
}

interface Limits {
  readonly most: number;
  readonly precision: SamplingPrecision;
  /** Draws before the first look. */
  readonly first?: number;
}

/**
 * Draws in portions until the map is as precise as asked, and no more than `most`. The draws are the first of those that
 * all would be, so that the same seed gives the same ones.
 * @param draw makes the draws `from` … `to` − 1
 */
export async function drawUntil(
  { most, precision, first }: Limits,
  draw: (from: number, to: number) => Promise<void>,
  { error, values }: Judged<number>,
): Promise<Reached & { readonly draws: number }> {
  let draws = 0;
  let half: ArrayLike<number> | undefined;
  for (const to of looks(most, precision, first)) {
    await draw(draws, to);
    draws = to;
    if (precision === 'exact') break;
    if (typeof precision === 'number') {
      const relativeError = error(draws);
      if (relativeError === undefined) continue;
      if (relativeError <= precision || draws === most) return { draws, relativeError };
    } else {
      const whole = values(draws);
      const rankCorrelation = half && whole && correlationOfRanks(half, whole);
      half = whole;
      if (rankCorrelation === undefined) continue;
      if (rankCorrelation >= precision.rank || draws === most) return { draws, rankCorrelation };
    }
  }
  return { draws };
}

/** Scores samples in portions, as `drawUntil`. */
export async function sampleUntil(
  limits: Limits,
  score: (from: number, to: number) => Promise<Float32Array>,
  { error, values }: Judged<Float32Array>,
): Promise<Reached & { readonly scores: Float32Array }> {
  const scores = new Float32Array(limits.most);
  const { draws, ...reached } = await drawUntil(limits, async (from, to) => scores.set(await score(from, to), from), {
    error: known => error(scores.subarray(0, known)),
    values: known => values(scores.subarray(0, known)),
  });
  return { scores: scores.subarray(0, draws), ...reached };
}

/** Spearman's rank correlation; undefined where one side does not vary, or a value is not finite. */
function correlationOfRanks(a: ArrayLike<number>, b: ArrayLike<number>): number | undefined {
  const [x, y] = [Array.from(a), Array.from(b)];
  return x.every(Number.isFinite) && y.every(Number.isFinite) ? (spearman(x, y) ?? undefined) : undefined;
}

/** Images `from` … `to` − 1 of a batch. */
export function portionOf(batch: Batch, from: number, to: number): Batch {
  return { count: to - from, write: (i, out) => batch.write(from + i, out) };
}

/**
 * Standard error of the mean of two estimates from half of the samples each, relative to the standard deviation of their
 * mean over its entries: half the root mean square of their difference. Undefined where the mean does not vary.
 */
export function errorOfHalves(a: ArrayLike<number>, b: ArrayLike<number>): number | undefined {
  const middle = Float64Array.from(a, (v, i) => (v + b[i]!) / 2);
  return relativeError(
    middle.map((_, i) => (a[i]! - b[i]!) / 2),
    middle,
  );
}

/**
 * Root mean square of standard errors, relative to the standard deviation of the values that they belong to. Undefined
 * where the values do not vary.
 */
export function relativeError(standardErrors: ArrayLike<number>, values: ArrayLike<number>): number | undefined {
  const n = values.length;
  let [errors, sum, squares] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    errors += standardErrors[i]! ** 2 / n;
    sum += values[i]! / n;
    squares += values[i]! ** 2 / n;
  }
  const relative = Math.sqrt(errors) / Math.sqrt(Math.max(0, squares - sum * sum));
  return Number.isFinite(relative) ? relative : undefined;
}
