import type { Summary } from '../../core/statistics/summary.ts';
import type { GroupRow } from '../../results/rows.ts';
import type {
  CellResult,
  Difference,
  GroupAnalysis,
  MetricAnalysis,
  MetricEntry,
  MetricRanking,
} from '../analysis/analysis.ts';
import { countOf } from '../summary/tally.ts';
import { decimalsFor, fixed, group, listed, signed } from './format.ts';

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

/** What a metric changes at once, where that is not single pixels. */
function patchesOf({ options }: MetricEntry): string {
  const { unit, patch, patchPixels } = (options ?? {}) as Readonly<Record<string, unknown>>;
  if (unit !== 'patches') return '';
  if (typeof patchPixels === 'number') return `patches of ${patchPixels} pixels`;
  return typeof patch === 'number' ? `patches of ${patch} mm (pixels without spacing)` : '';
}

/** '1', '2–3', or a dash where the method is not ranked. */
export function ranksText(ranking: MetricRanking | undefined, method: string): string {
  const set = ranking?.sets.get(method);
  if (!ranking || !set) return '–';
  if (!ranking.canRank) return 'cannot rank';
  return rangeOf(set) + (differs(ranking, method) ? '*' : '');
}

function rangeOf([best, worst]: readonly [number, number]): string {
  return best === worst ? String(best) : `${best}–${worst}`;
}

function differs({ sets, worstCase }: MetricRanking, method: string): boolean {
  const [a, b] = [sets.get(method), worstCase?.get(method)];
  return a !== undefined && b !== undefined && (a[0] !== b[0] || a[1] !== b[1]);
}

function ranksNote(ranking: MetricRanking | undefined, methods: number): string {
  if (!ranking) return methods > 1 ? 'Ranks need two methods with values.' : '';
  const left =
    ranking.incomplete > 0 ? `, ${ranking.incomplete} left out because no image has values for all methods` : '';
  const base = `${ranking.patients} complete patients${left}`;
  if (!ranking.canRank) {
    return `Cannot rank: ${base}; an order is shown from ${ranking.floor} patients on.`;
  }
  const changed = [...ranking.sets.keys()].filter(method => differs(ranking, method));
  const worst =
    changed.length > 0
      ? ` * Where missing values count as the image’s worst: ${changed.map(m => `${m} ${rangeOf(ranking.worstCase!.get(m)!)}`).join(', ')}.`
      : ranking.worstCase
        ? ' The same where missing values count as the image’s worst.'
        : '';
  return (
    `Ranks: simultaneous 95 % rank sets from sign-flip and bootstrap max-T over ${ranking.pairs.length} pairs (${base}). ` +
    `Methods whose ranks overlap may still differ; sets that do not overlap do.${worst}`
  );
}

/** Decimals for a metric's table: its median interval to two digits. */
export function metricDecimals({ methods, controls }: MetricAnalysis): number {
  const summaries = [...methods, ...controls].flatMap(r => r.summary ?? []);
  const widths = methods.flatMap(({ summary: s }) => (s?.low != null && s.high != null ? [(s.high - s.low) / 2] : []));
  return decimalsFor(
    widths,
    summaries.map(s => s.mean),
  );
}

/** What stands under a metric's table. */
export function metricNotes({ methods, ranking }: MetricAnalysis): string[] {
  const notes = [ranksNote(ranking, methods.length)];
  if (methods.some(m => m.matched)) {
    notes.push('‡ The method and the metric use the same baseline, which favours the method.');
  }
  const intervals = new Map<string, string[]>();
  for (const { method, summary } of methods) {
    if (summary?.note) intervals.set(summary.note, [...(intervals.get(summary.note) ?? []), method.id]);
  }
  for (const [note, ids] of intervals) notes.push(`Intervals of ${listed(ids)}: ${note}.`);
  return notes.filter(Boolean);
}

/** 'lower is better', the range, baseline, score and patches. */
export function metricAbout(metric: MetricEntry): string[] {
  const score = scoreName(metric);
  return [
    `${metric.better} is better`,
    rangeText(metric.range),
    metric.baseline === undefined ? '' : `baseline: ${metric.baseline}`,
    score === undefined ? '' : `score: ${score}`,
    patchesOf(metric),
  ].filter(Boolean);
}

/** '0.16 to 0.22', or 'none'. */
export function intervalText(summary: Summary | undefined, decimals: number): string {
  if (!summary) return '–';
  const { low, high } = summary;
  return low === null || high === null ? 'none' : `${fixed(low, decimals)} to ${fixed(high, decimals)}`;
}

export type Tone = 'yes' | 'no' | 'open';

const VERDICTS: Readonly<Record<Difference['verdict'], readonly [Tone, string]>> = {
  better: ['yes', 'beats them'],
  worse: ['no', 'worse'],
  open: ['open', 'not separated'],
};

/** A method against its own maps of other patients: the verdict, and the difference with its interval. */
export function differenceText({ summary, verdict }: Difference, decimals: number): [Tone, string, string] {
  const { mean, low, high } = summary;
  if (low === null || high === null) return ['open', 'no interval', signed(mean, decimals)];
  return [...VERDICTS[verdict], `${signed(mean, decimals)} (${signed(low, decimals)} to ${signed(high, decimals)})`];
}

/** 'all 3', or '1 of 3; not random, edges'. */
export function controlsText(differences: readonly Difference[]): [Tone, string] {
  if (differences.length === 0) return ['open', '–'];
  if (differences.every(d => d.summary.low === null)) return ['open', 'no interval'];
  const rest = differences.filter(d => d.verdict !== 'better');
  if (rest.length === 0) return ['yes', `all ${differences.length}`];
  if (rest.length === differences.length && rest.length > 1) {
    return [rest.some(d => d.verdict === 'worse') ? 'no' : 'open', `none of ${rest.length}`];
  }
  const tone = rest.some(d => d.verdict === 'worse') ? 'no' : 'open';
  return [
    tone,
    `${differences.length - rest.length} of ${differences.length}; not ${rest.map(d => d.control).join(', ')}`,
  ];
}

/** '5 undefined, 2 failed', or 'none'. */
export function missingText({ others, notRun }: CellResult): string {
  const parts = (['undefined', 'skipped', 'failed'] as const).flatMap(status => {
    const n = countOf(others, status);
    return n > 0 ? [`${group(n)} ${status}`] : [];
  });
  if (notRun > 0) parts.push(`${group(notRun)} not run`);
  return parts.join(', ') || 'none';
}

/** Columns of a group metric's table, and which of them are numbers. */
export function groupColumns({ rows }: GroupAnalysis): { readonly head: string[]; readonly numeric: number[] } {
  const chance = rows.some(({ row }) => row?.chance !== undefined);
  const details = detailNames(rows);
  const head = ['Explainer', 'Value', ...(chance ? ['Chance'] : []), ...details, 'Maps', 'Without a value'];
  return { head, numeric: head.map((_, i) => i).slice(1, -1) };
}

/** The cells beside the explainer's name. */
export function groupCells({ rows }: GroupAnalysis, row: GroupRow | undefined): string[] {
  const chance = rows.some(({ row: r }) => r?.chance !== undefined);
  const why = !row ? 'not run' : row.status === 'ok' ? 'none' : `${row.status}: ${row.reason ?? 'no reason recorded'}`;
  return [
    fixed(row?.value, 3),
    ...(chance ? [fixed(row?.chance, 3)] : []),
    ...detailNames(rows).map(name => fixed(row?.details?.[name], 3)),
    group(row?.maps ?? 0),
    why,
  ];
}

function detailNames(rows: GroupAnalysis['rows']): string[] {
  return [...new Set(rows.flatMap(({ row }) => Object.keys(row?.details ?? {})))].filter(name => name !== 'chance');
}
