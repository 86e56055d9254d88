import { createRng, type Rng } from '../rng.ts';

/** Two methods compared over the patients that have both. */
export interface PairTest {
  /** Columns of the table, a < b. */
  readonly a: number;
  readonly b: number;
  /** Mean over patients of a − b. */
  readonly difference: number;
  /** Studentised; null where all patients differ by the same amount. */
  readonly t: number | null;
  /** Adjusted for all pairs. */
  readonly p: number;
  readonly significant: boolean;
}

export interface MaxT {
  /** Every pair, by a, then b. */
  readonly pairs: readonly PairTest[];
  readonly methods: number;
  /** Complete patients, which the test uses. */
  readonly patients: number;
  /** Patients left out because a method has no value for them. */
  readonly incomplete: number;
  /** Fewest patients with which any ranking is claimed: ⌈1 + log₂(pairs / alpha)⌉. */
  readonly floor: number;
  /** Whether there are that many; if not, nothing is significant. */
  readonly canRank: boolean;
  /** Sign patterns looked at; `exact`: all there are. */
  readonly patterns: number;
  readonly exact: boolean;
  readonly alpha: number;
}

export interface MaxTOptions {
  readonly rng?: Rng;
  /** Random sign patterns, where all are more than that. Default 9,999. */
  readonly permutations?: number;
  /** Family-wise error. Default 0.05. */
  readonly alpha?: number;
}

/**
 * All pairs of methods at once: each patient's differences change sign together, and every pair is held against the
 * largest |t| of all pairs (single-step max-T, Westfall & Young 1993), so that the chance of any false difference is
 * at most alpha. Assumes that under no difference a patient's differences are symmetric about 0.
 * @param table patients × methods: means within patients; null where a method has none. Patients with a null are left
 * out whole.
 * @throws RangeError if rows differ in length or a value is not finite.
 */
export function maxT(table: readonly (readonly (number | null)[])[], options: MaxTOptions = {}): MaxT {
  const { rng = createRng('max-t'), permutations = 9999, alpha = 0.05 } = options;
  const k = table[0]?.length ?? 0;
  const rows = completeRows(table, k);
  const n = rows.length;
  const pairs: [number, number][] = [];
  for (let a = 0; a < k; a++) for (let b = a + 1; b < k; b++) pairs.push([a, b]);
  // Σd² of a pair does not change with signs, and |t| grows with |Σd| / √Σd² alike for all pairs: no variances needed.
  const scale = Float64Array.from(pairs, ([a, b]) => {
    const squares = rows.reduce((sum, row) => sum + (row[a]! - row[b]!) ** 2, 0);
    return squares > 0 ? 1 / Math.sqrt(squares) : 0;
  });
  const statistics = (sums: Float64Array): Float64Array =>
    Float64Array.from(pairs, ([a, b], p) => Math.abs(sums[a]! - sums[b]!) * scale[p]!);
  const observed = statistics(signedSums(rows, k, () => true));
  const exact = n < 31 && 2 ** Math.max(0, n - 1) <= permutations;
  const patterns = exact ? 2 ** Math.max(0, n - 1) : permutations;
  const reached = new Float64Array(pairs.length);
  for (let m = 0; m < patterns; m++) {
    // Flipping every sign changes no |t|, so the last patient keeps theirs.
    const sums = exact ? signedSums(rows, k, i => ((m >>> i) & 1) === 0) : signedSums(rows, k, coin(rng));
    const largest = statistics(sums).reduce((x, y) => Math.max(x, y), 0);
    for (let p = 0; p < pairs.length; p++) if (largest >= observed[p]! * (1 - 1e-12)) reached[p]!++;
  }
  const floor = leastPatients(pairs.length, alpha);
  const canRank = pairs.length > 0 && n >= floor;
  return {
    pairs: pairs.map(([a, b], i) => {
      const p = exact ? reached[i]! / patterns : (reached[i]! + 1) / (patterns + 1);
      return { a, b, ...studentised(rows, a, b), p, significant: canRank && p <= alpha };
    }),
    methods: k,
    patients: n,
    incomplete: table.length - n,
    floor,
    canRank,
    patterns,
    exact,
    alpha,
  };
}

/** Below this many patients, tests of so many pairs that hold the family-wise error cannot reach alpha. */
export function leastPatients(pairs: number, alpha = 0.05): number {
  return Math.ceil(1 + Math.log2(Math.max(1, pairs) / alpha) - 1e-9);
}

/**
 * For each method the ranks that it may have, [1 + significantly better ones, k − significantly worse ones]: all of
 * them hold at once with probability 1 − alpha (Al Mohamad, Goeman & van Zwet 2022). Rank 1 is best.
 */
export function rankSets(test: MaxT, better: 'higher' | 'lower'): [number, number][] {
  const sets = Array.from({ length: test.methods }, (): [number, number] => [1, test.methods]);
  for (const { a, b, difference, significant } of test.pairs) {
    if (!significant) continue;
    const aWins = difference > 0 === (better === 'higher');
    sets[aWins ? b : a]![0]++;
    sets[aWins ? a : b]![1]--;
  }
  return sets;
}

/** Rows without a null, each less its own mean, which differences do not see but rounding does. */
function completeRows(table: readonly (readonly (number | null)[])[], k: number): number[][] {
  const rows: number[][] = [];
  table.forEach((row, i) => {
    if (row.length !== k) throw new RangeError(`row ${i} has ${row.length} methods, row 0 has ${k}`);
    const bad = row.find(v => v !== null && !Number.isFinite(v));
    if (bad !== undefined) throw new RangeError(`row ${i} has the value ${bad}`);
    if (row.includes(null)) return;
    const values = row as readonly number[];
    const mean = values.reduce((a, b) => a + b, 0) / k;
    rows.push(values.map(v => v - mean));
  });
  return rows;
}

/** Σ over patients of ± their row. */
function signedSums(rows: readonly number[][], k: number, positive: (i: number) => boolean): Float64Array {
  const sums = new Float64Array(k);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    if (positive(i)) for (let m = 0; m < k; m++) sums[m]! += row[m]!;
    else for (let m = 0; m < k; m++) sums[m]! -= row[m]!;
  }
  return sums;
}

/** Fair coins, 32 to a draw. */
function coin(rng: Rng): (i: number) => boolean {
  let bits = 0;
  return i => {
    if (i % 32 === 0) bits = rng.next() * 4294967296;
    return ((bits >>> (i % 32)) & 1) === 0;
  };
}

function studentised(rows: readonly number[][], a: number, b: number): Pick<PairTest, 'difference' | 't'> {
  const n = rows.length;
  if (n === 0) return { difference: 0, t: null };
  const d = rows.map(row => row[a]! - row[b]!);
  const difference = d.reduce((x, y) => x + y, 0) / n;
  const variance = d.reduce((sum, v) => sum + (v - difference) ** 2, 0) / (n - 1);
  const t = variance > 1e-24 * difference ** 2 && n > 1 ? difference / Math.sqrt(variance / n) : null;
  return { difference, t };
}
