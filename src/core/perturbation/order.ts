import type { Rng } from '../rng.ts';

/** Elements from the most to the least relevant. */
export interface Ranking {
  readonly order: Uint32Array;
  /** Positions in `order` where a run of equal values starts, ascending, closed by the number of elements. */
  readonly runs: Uint32Array;
}

const LEVELS = 2 ** 16;

/**
 * Values on a grid of 2⁻¹⁶ of the largest magnitude, as integers −65536 … 65536, so that rounding in the last bits
 * (another batch size, another engine) does not reorder pixels.
 */
export function quantise(values: ArrayLike<number>): Int32Array {
  let largest = 0;
  for (let i = 0; i < values.length; i++) largest = Math.max(largest, Math.abs(values[i]!));
  const keys = new Int32Array(values.length);
  if (largest > 0) for (let i = 0; i < values.length; i++) keys[i] = Math.round((values[i]! / largest) * LEVELS);
  return keys;
}

/** A random order of `count` elements; it decides among equals, alike for all maps that are given the same stream. */
export function priorityField(count: number, rng: Rng): Uint32Array {
  return rng.shuffle(Uint32Array.from({ length: count }, (_, i) => i));
}

/** Descending by `quantise`, equals in the order of `field` (a permutation of the elements). */
export function rankByField(values: ArrayLike<number>, field: Uint32Array): Ranking {
  const n = values.length;
  const keys = quantise(values);
  // Key and priority in one exact float (< 2⁵³): sorting numbers natively is far faster than with a comparator.
  const sortable = new Float64Array(n);
  for (let p = 0; p < n; p++) sortable[p] = (LEVELS - keys[field[p]!]!) * n + p;
  sortable.sort();
  const order = new Uint32Array(n);
  for (let r = 0; r < n; r++) order[r] = field[sortable[r]! % n]!;
  return { order, runs: runsOf(order, keys) };
}

/** Descending by the exact values, equals in row-major order, as a stable sort leaves them. */
export function rankStably(values: ArrayLike<number>): Ranking {
  const order = Uint32Array.from({ length: values.length }, (_, i) => i);
  order.sort((a, b) => values[b]! - values[a]! || a - b);
  return { order, runs: runsOf(order, values) };
}

function runsOf(order: Uint32Array, keys: ArrayLike<number>): Uint32Array {
  const runs: number[] = [];
  for (let r = 0; r < order.length; r++) {
    if (r === 0 || keys[order[r]!] !== keys[order[r - 1]!]) runs.push(r);
  }
  runs.push(order.length);
  return Uint32Array.from(runs);
}
