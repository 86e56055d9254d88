import { CtXaiError } from '../errors.ts';

/**
 * The distance from each point to the k-th nearest of a bank, Euclidean, all scaled to length 1 before (Sun et al. 2022,
 * "Out-of-Distribution Detection with Deep Nearest Neighbors"). From 0 to 2; a point of length 0 stays 0.
 * @throws CtXaiError DATA where the bank has fewer than k points
 */
export function distanceToNearest(
  points: readonly ArrayLike<number>[],
  bank: readonly ArrayLike<number>[],
  k: number,
): number[] {
  if (bank.length < k) {
    throw new CtXaiError('DATA', `distances to the nearest ${k} of ${bank.length} images can't be taken.`);
  }
  const known = bank.map(scaled);
  return points.map(point => {
    const p = scaled(point);
    const squares = known.map(q => q.reduce((sum, v, i) => sum + (v - p[i]!) ** 2, 0));
    squares.sort((a, b) => a - b);
    return Math.sqrt(squares[k - 1]!);
  });
}

function scaled(values: ArrayLike<number>): Float64Array {
  const out = Float64Array.from(values);
  const length = Math.sqrt(out.reduce((sum, v) => sum + v * v, 0));
  return length > 0 ? out.map(v => v / length) : out;
}
