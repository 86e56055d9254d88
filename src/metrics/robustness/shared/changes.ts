import { distance, norm } from '../../../core/norm.ts';
import type { Tensor } from '../../../core/tensor.ts';
import type { Neighbour, Neighbourhood } from './neighbours.ts';

export interface Changes {
  readonly largest: number;
  readonly mean: number;
  /** Standard error of the mean; absent for one copy, which tells nothing of it. */
  readonly error?: number;
}

/**
 * The relative change of the map, ‖a(x′) − a(x)‖ / ‖a(x)‖, of every copy, over a measure of how far the copy is from
 * the image. Copies at no distance are left out.
 */
export function changesOf(
  map: Tensor,
  { neighbours }: Neighbourhood,
  far: (neighbour: Neighbour) => number = () => 1,
): Changes {
  const length = norm(map.data);
  const ratios = neighbours
    .map(n => distance(n.map.data, map.data) / length / far(n))
    .filter(ratio => Number.isFinite(ratio));
  return spreadOf(ratios);
}

/** Largest, mean and standard error of some values; NaN where there are none. */
export function spreadOf(values: readonly number[]): Changes {
  const n = values.length;
  const mean = values.reduce((a, b) => a + b, 0) / n;
  const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (n - 1);
  return {
    largest: n > 0 ? Math.max(...values) : Number.NaN,
    mean,
    ...(n > 1 ? { error: Math.sqrt(variance / n) } : {}),
  };
}
