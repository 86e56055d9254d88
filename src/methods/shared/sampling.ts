import { z } from 'zod';
import type { Batch } from '../../core/contracts/index.ts';

/** How precise the map of a method that samples must be before it stops. */
export const samplingPrecision = z
  .union([z.literal('exact'), z.number().positive().max(1)])
  .default('exact')
  .describe(
    'standard error of the map, relative to the standard deviation of its values, at which sampling stops; exact: all samples',
  );

/** Samples before the first look at the error, and by how much they grow until the next. */
const FIRST = 100;
const GROWTH = 1.5;

/** Numbers of samples after which the error is looked at, ascending, `most` being the last. */
export function looks(most: number, precision: number | 'exact', first = FIRST): number[] {
  if (precision === 'exact') return [most];
  const found: number[] = [];
  for (let n = first; n < most; n = Math.ceil(n * GROWTH)) found.push(n);
  return [...found, most];
}

/**
 * Draws in portions until the relative error of the map is at most `precision`, and no more than `most`. The draws are
 * the first of those that all would be, so that the same seed gives the same ones.
 * @param first draws before the first look at the error
 * @param draw makes the draws `from` … `to` − 1
 * @param error relative standard error of the map of the draws so far; undefined where it is not known
 */
export async function drawUntil(
  { most, precision, first }: { readonly most: number; readonly precision: number | 'exact'; readonly first?: number },
  draw: (from: number, to: number) => Promise<void>,
  error: (draws: number) => number | undefined,
): Promise<{ readonly draws: number; readonly relativeError?: number }> {
  let draws = 0;
  for (const to of looks(most, precision, first)) {
    await draw(draws, to);
    draws = to;
    if (precision === 'exact') break;
    const relativeError = error(draws);
    if (relativeError === undefined) continue;
    if (relativeError <= precision || draws === most) return { draws, relativeError };
  }
  return { draws };
}

/**
 * Scores samples in portions until the relative error of the map is at most `precision`, and no more than `most`. The
 * samples are the first of those that all would be, so that the same seed gives the same ones.
 * @param score scores of the samples `from` … `to` − 1
 * @param error relative standard error of the map of all samples so far; undefined where it is not known
 */
export async function sampleUntil(
  limits: { readonly most: number; readonly precision: number | 'exact' },
  score: (from: number, to: number) => Promise<Float32Array>,
  error: (scores: Float32Array) => number | undefined,
): Promise<{ readonly scores: Float32Array; readonly relativeError?: number }> {
  const scores = new Float32Array(limits.most);
  const { draws, ...rest } = await drawUntil(
    limits,
    async (from, to) => scores.set(await score(from, to), from),
    known => error(scores.subarray(0, known)),
  );
  return { scores: scores.subarray(0, draws), ...rest };
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
