import type { MetricEntry, Ranking } from './analysis/types.ts';
import { fixed } from './format.ts';

/** 'range 0 to 1', 'range −1 to 1', or that there is none. */
export function rangeText([low, high]: MetricEntry['range']): string {
  const end = (v: number) => fixed(v, Number.isInteger(v) ? 0 : 2);
  if (low === null && high === null) return '';
  if (low === null) return `range up to ${end(high!)}`;
  return high === null ? `range from ${end(low)}` : `range ${end(low)} to ${end(high)}`;
}

/** What a curve metric follows, by its options: 'probability', 'logit', 'margin'. */
export function scoreName({ options }: MetricEntry): string | undefined {
  const score = (options as { readonly score?: unknown } | null | undefined)?.score;
  return typeof score === 'string' ? score : undefined;
}

/** '1', '2–3', or a dash where the method is not ranked. */
export function ranksText(ranking: Ranking | undefined, method: string): string {
  const set = ranking?.sets.get(method);
  if (!ranking || !set) return '–';
  if (!ranking.canRank) return 'cannot rank';
  return rangeOf(set) + (differs(ranking, method) ? '*' : '');
}

function rangeOf([best, worst]: readonly [number, number]): string {
  return best === worst ? String(best) : `${best}–${worst}`;
}

function differs({ sets, worstCase }: Ranking, method: string): boolean {
  const [a, b] = [sets.get(method), worstCase?.get(method)];
  return a !== undefined && b !== undefined && (a[0] !== b[0] || a[1] !== b[1]);
}

/** What the ranks rest on, and what changes them. */
export function ranksNote(ranking: Ranking | undefined, methods: number): string {
  if (!ranking) return methods > 1 ? 'Ranks need two methods with values.' : '';
  const left =
    ranking.incomplete > 0 ? `, ${ranking.incomplete} left out because no image has values for all methods` : '';
  const base = `${ranking.patients} complete patients${left}`;
  if (!ranking.canRank) {
    return `Cannot rank: ${base}; ${ranking.floor} are needed for ${ranking.pairs} pairs at 5 % family-wise error.`;
  }
  const changed = [...ranking.sets.keys()].filter(method => differs(ranking, method));
  const worst =
    changed.length > 0
      ? ` * Where missing values count as the image’s worst: ${changed.map(m => `${m} ${rangeOf(ranking.worstCase!.get(m)!)}`).join(', ')}.`
      : ranking.worstCase
        ? ' The same where missing values count as the image’s worst.'
        : '';
  return (
    `Ranks: simultaneous 95 % rank sets from sign-flip max-T over ${ranking.pairs} pairs (${base}). ` +
    `Methods whose ranks overlap may still differ; sets that do not overlap do.${worst}`
  );
}
