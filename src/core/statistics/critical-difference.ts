import { averageRanks } from './ranks.ts';

/** Quantiles of the studentised range over √2, at .05 and infinite degrees of freedom, for 2 … 10 methods (SciPy 1.17.1). */
const QUANTILES = [1.96, 2.3437, 2.569, 2.7278, 2.8497, 2.9483, 3.0309, 3.1017, 3.1637];

/**
 * Nemenyi's critical difference of mean ranks at .05, q · √(k(k + 1) / 6n) (Demšar 2006); undefined for more than ten
 * methods or fewer than two. It depends on which methods are compared (Benavoli et al. 2016).
 */
export function criticalDifference(methods: number, patients: number): number | undefined {
  const q = QUANTILES[methods - 2];
  return q === undefined || patients < 1 ? undefined : q * Math.sqrt((methods * (methods + 1)) / (6 * patients));
}

/** Of each column the mean of its ranks within rows; rank 1 is best, ties share. */
export function meanRanks(table: readonly (readonly number[])[], better: 'higher' | 'lower'): number[] {
  const sign = better === 'higher' ? -1 : 1;
  const ranks = table.map(row => averageRanks(row.map(v => sign * v)));
  return (ranks[0] ?? []).map((_, m) => ranks.reduce((sum, row) => sum + row[m]!, 0) / ranks.length);
}

/**
 * The largest sets of columns of which no two differ, each in ascending order; columns that differ from all others stand
 * in none. "Differs" is not transitive: sets may overlap.
 */
export function undividedSets(columns: number, differ: (a: number, b: number) => boolean): number[][] {
  const found: number[][] = [];
  const grow = (set: readonly number[], candidates: readonly number[], seen: readonly number[]): void => {
    if (candidates.length === 0 && seen.length === 0 && set.length > 1) found.push([...set].sort((a, b) => a - b));
    let [rest, done] = [candidates, seen];
    for (const c of candidates) {
      const joins = (other: number) => !differ(c, other);
      rest = rest.filter(other => other !== c);
      grow([...set, c], rest.filter(joins), done.filter(joins));
      done = [...done, c];
    }
  };
  grow(
    [],
    Array.from({ length: columns }, (_, i) => i),
    [],
  );
  return found.sort((a, b) => a[0]! - b[0]! || b.length - a.length);
}
