import { differencesOf } from './differences.ts';
import { type PairComparison, type SeparationOptions, separate } from './separation.ts';

/** Two methods compared over the patients that have all. */
export interface PairTest extends Omit<PairComparison, 'mean' | 'separated'> {
  /** Columns of the table, a < b; a is the reference where there is one. */
  readonly a: number;
  readonly b: number;
  /** Mean over patients of a − b. */
  readonly difference: number;
  readonly significant: boolean;
}

export interface MaxT {
  /** Every pair, by a, then b; with a reference, its pairs alone. */
  readonly pairs: readonly PairTest[];
  readonly methods: number;
  /** Against which column all others are tested; absent: all pairs are. */
  readonly reference?: number;
  /** Complete patients, which the test uses. */
  readonly patients: number;
  /** Patients left out because a method has no value for them. */
  readonly incomplete: number;
  /** Whether an order is claimed: all pairs of two or more methods, `ORDER_FROM` patients or more. */
  readonly canRank: boolean;
  /** Whether there are fewer than `CONFIRM_FROM` patients. */
  readonly exploratory: boolean;
  /** Sign patterns looked at; `exact`: all there are. */
  readonly patterns: number;
  readonly exact: boolean;
  readonly alpha: number;
}

/** No order and no Pareto front of fewer patients: our choice. The test alone could tell from `leastPatients` on. */
export const ORDER_FROM = 12;
/** Ranks of fewer patients are exploratory: our choice, since there the bootstrap costs much power. */
export const CONFIRM_FROM = 24;

export interface MaxTOptions extends SeparationOptions {
  /** Column that every other is tested against, instead of all pairs. */
  readonly reference?: number;
}

/**
 * All pairs of methods at once, or all methods against one of them: see `separate`.
 * @param table patients × methods: means within patients; null where a method has none. Patients with a null are left
 * out whole.
 * @throws RangeError if rows differ in length, a value is not finite, or the reference is no column.
 */
export function maxT(table: readonly (readonly (number | null)[])[], options: MaxTOptions = {}): MaxT {
  const { reference } = options;
  const k = table[0]?.length ?? 0;
  if (reference !== undefined && k > 0 && !(Number.isInteger(reference) && reference >= 0 && reference < k)) {
    throw new RangeError(`the reference ${reference} is none of the ${k} methods`);
  }
  // Checked before incomplete patients are left out, so that a bad value never hides behind a missing one.
  differencesOf(table, []);
  const rows = table.filter(row => !row.includes(null));
  const pairs = reference === undefined ? allPairs(k) : againstOne(k, reference);
  const { comparisons, ...rest } = separate(differencesOf(rows, pairs), options);
  return {
    pairs: pairs.map(([a, b], i) => {
      const { mean: difference, separated: significant, ...test } = comparisons[i]!;
      return { a, b, difference, significant, ...test };
    }),
    methods: k,
    ...(reference === undefined ? {} : { reference }),
    patients: rows.length,
    incomplete: table.length - rows.length,
    canRank: reference === undefined && pairs.length > 0 && rows.length >= ORDER_FROM,
    exploratory: rows.length < CONFIRM_FROM,
    ...rest,
  };
}

/**
 * Fewest patients whose sign flips can reach alpha, for any number of pairs: ⌈1 + log₂(1 / alpha)⌉. Of n patients there
 * are 2ⁿ⁻¹ patterns that differ, so no p is below 2¹⁻ⁿ; six separated patients have .031.
 */
export function leastPatients(alpha = 0.05): number {
  return Math.ceil(1 + Math.log2(1 / alpha) - 1e-9);
}

/**
 * For each method the ranks that it may have, [1 + significantly better ones, k − significantly worse ones]: all of
 * them hold at once with probability 1 − alpha (Al Mohamad, Goeman & van Zwet 2022). Rank 1 is best. Where no order is
 * claimed, every rank is possible.
 */
export function rankSets(test: MaxT, better: 'higher' | 'lower'): [number, number][] {
  const sets = Array.from({ length: test.methods }, (): [number, number] => [1, test.methods]);
  if (!test.canRank) return sets;
  for (const { a, b, difference, significant } of test.pairs) {
    if (!significant) continue;
    const aWins = difference > 0 === (better === 'higher');
    sets[aWins ? b : a]![0]++;
    sets[aWins ? a : b]![1]--;
  }
  return sets;
}

function allPairs(k: number): [number, number][] {
  return Array.from({ length: k }, (_, a) =>
    Array.from({ length: k - a - 1 }, (_, i): [number, number] => [a, a + 1 + i]),
  ).flat();
}

function againstOne(k: number, reference: number): [number, number][] {
  return Array.from({ length: k }, (_, b) => b)
    .filter(b => b !== reference)
    .map((b): [number, number] => [reference, b]);
}
