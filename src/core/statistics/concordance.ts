import { averageRanks } from './ranks.ts';

/**
 * Kendall's coefficient of concordance: how far m judges order k things alike, 0 … 1, corrected for ties:
 * W = 12 Σ(Rᵢ − R̄)² / (m²(k³ − k) − m ΣT), T = Σ(t³ − t) over each judge's ties (Kendall & Babington Smith 1939; Kendall
 * 1948, chapter 6). Judges that order at random have W = 1/m on average.
 * @param judges values of the k things by each judge, [m][k]
 * @returns null with fewer than two judges or things, and where every judge finds all things alike
 */
export function kendallW(judges: readonly (readonly number[])[]): number | null {
  const m = judges.length;
  const k = judges[0]?.length ?? 0;
  if (m < 2 || k < 2) return null;
  if (judges.some(values => values.length !== k)) throw new RangeError('every judge needs a value of each thing');
  const ranks = judges.map(values => averageRanks(values));
  const sums = Array.from({ length: k }, (_, i) => ranks.reduce((sum, r) => sum + r[i]!, 0));
  const middle = (m * (k + 1)) / 2;
  const spread = sums.reduce((sum, r) => sum + (r - middle) ** 2, 0);
  const ties = judges.reduce((sum, values) => sum + tieTerm(values), 0);
  const most = m * m * (k ** 3 - k) - m * ties;
  return most > 0 ? (12 * spread) / most : null;
}

function tieTerm(values: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const v of values) counts.set(v, (counts.get(v) ?? 0) + 1);
  return [...counts.values()].reduce((sum, t) => sum + t ** 3 - t, 0);
}
