import type { Rng } from '../rng.ts';
import type { Differences } from './differences.ts';

export interface SignFlips {
  /** Adjusted for all comparisons, one each. */
  readonly p: Float64Array;
  /** Sign patterns looked at; `exact`: all there are. */
  readonly patterns: number;
  readonly exact: boolean;
}

/** Sums over this many patterns one sign at a time stay exact to 1e-12. */
const TOLERANCE = 1e-10;

/**
 * Single-step max-T over patients' signs (Westfall & Young 1993): all differences of a patient change sign together, and
 * every comparison is held against the largest of all. Exact where patients' differences are symmetric about 0.
 * @param permutations random sign patterns, where all are more than that
 */
export function signFlips(
  { patients: n, comparisons, values }: Differences,
  permutations: number,
  rng: Rng,
): SignFlips {
  // Σd² does not change with signs, and |t| grows with |Σd| / √Σd² alike for all comparisons: no variances needed.
  const scale = new Float64Array(comparisons);
  const scaled = new Float64Array(n * comparisons);
  for (let i = 0; i < n; i++) {
    for (let c = 0; c < comparisons; c++) {
      const d = values[i * comparisons + c]!;
      if (!Number.isNaN(d)) scale[c]! += d * d;
    }
  }
  for (let i = 0; i < n; i++) {
    for (let c = 0; c < comparisons; c++) {
      const d = values[i * comparisons + c]!;
      scaled[i * comparisons + c] = Number.isNaN(d) || scale[c] === 0 ? 0 : d / Math.sqrt(scale[c]!);
    }
  }
  const sums = new Float64Array(comparisons);
  for (let i = 0; i < n; i++) for (let c = 0; c < comparisons; c++) sums[c]! += scaled[i * comparisons + c]!;
  const bar = sums.map(s => Math.abs(s) * (1 - TOLERANCE) - TOLERANCE * TOLERANCE);
  const reached = new Float64Array(comparisons);
  const count = (): void => {
    let largest = 0;
    for (let c = 0; c < comparisons; c++) {
      const size = Math.abs(sums[c]!);
      if (size > largest) largest = size;
    }
    for (let c = 0; c < comparisons; c++) if (largest >= bar[c]!) reached[c]!++;
  };
  // Flipping every sign changes no |t|, so the last patient keeps theirs.
  const flipped = Math.max(0, n - 1);
  const exact = flipped < 30 && 2 ** flipped <= permutations;
  const patterns = exact ? 2 ** flipped : permutations;
  if (exact) grayPatterns(scaled, sums, flipped, count);
  else randomPatterns(scaled, sums, { n, patterns, rng }, count);
  const p = reached.map(r => (exact ? r / patterns : (r + 1) / (patterns + 1)));
  return { p, patterns, exact };
}

/** All patterns of the first `flipped` patients, each one sign from the last (Gray's order). */
function grayPatterns(scaled: Float64Array, sums: Float64Array, flipped: number, count: () => void): void {
  const comparisons = sums.length;
  const sign = new Int8Array(flipped).fill(1);
  count();
  for (let m = 1; m < 2 ** flipped; m++) {
    const i = 31 - Math.clz32(m & -m);
    const step = -2 * sign[i]!;
    sign[i]! *= -1;
    const row = i * comparisons;
    for (let c = 0; c < comparisons; c++) sums[c]! += step * scaled[row + c]!;
    count();
  }
}

function randomPatterns(
  scaled: Float64Array,
  sums: Float64Array,
  { n, patterns, rng }: { n: number; patterns: number; rng: Rng },
  count: () => void,
): void {
  const comparisons = sums.length;
  for (let m = 0; m < patterns; m++) {
    sums.fill(0);
    let bits = 0;
    for (let i = 0; i < n; i++) {
      // Fair coins, 32 to a draw.
      if (i % 32 === 0) bits = rng.next() * 4294967296;
      const row = i * comparisons;
      if (((bits >>> (i % 32)) & 1) === 0) for (let c = 0; c < comparisons; c++) sums[c]! += scaled[row + c]!;
      else for (let c = 0; c < comparisons; c++) sums[c]! -= scaled[row + c]!;
    }
    count();
  }
}
