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
export function looks(most: number, precision: number | 'exact'): number[] {
  if (precision === 'exact') return [most];
  const found: number[] = [];
  for (let n = FIRST; n < most; n = Math.ceil(n * GROWTH)) found.push(n);
  return [...found, most];
}

/**
 * Scores samples in portions until the relative error of the map is at most `precision`, and no more than `most`. The
 * samples are the first of those that all would be, so that the same seed gives the same ones.
 * @param score scores of the samples `from` … `to` − 1
 * @param error relative standard error of the map of all samples so far; undefined where it is not known
 */
export async function sampleUntil(
  { most, precision }: { readonly most: number; readonly precision: number | 'exact' },
  score: (from: number, to: number) => Promise<Float32Array>,
  error: (scores: Float32Array) => number | undefined,
): Promise<{ readonly scores: Float32Array; readonly relativeError?: number }> {
  const scores = new Float32Array(most);
  let done = 0;
  for (const to of looks(most, precision)) {
    scores.set(await score(done, to), done);
    done = to;
    if (precision === 'exact') break;
    const relativeError = error(scores.subarray(0, done));
    if (relativeError === undefined) continue;
    if (relativeError <= precision || done === most) return { scores: scores.subarray(0, done), relativeError };
  }
  return { scores: scores.subarray(0, done) };
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
  const n = a.length;
  let [apart, sum, squares] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    const middle = (a[i]! + b[i]!) / 2;
    apart += (a[i]! - b[i]!) ** 2 / n;
    sum += middle / n;
    squares += middle ** 2 / n;
  }
  const spread = Math.sqrt(Math.max(0, squares - sum * sum));
  const relative = Math.sqrt(apart) / 2 / spread;
  return Number.isFinite(relative) ? relative : undefined;
}
