import { CONFIRM_FROM } from '../../core/statistics/max-t.ts';
import type { Summary } from '../../core/statistics/summary.ts';
import type { GroupRow, Manifest } from '../../results/rows.ts';
import type {
  CellResult,
  Difference,
  GroupAnalysis,
  MetricAnalysis,
  MetricEntry,
  MetricRanking,
} from '../analysis/analysis.ts';
import { READER_RATING } from '../reading/with-readings.ts';
import { positiveOf } from '../summary/primary.ts';
import { countOf } from '../summary/tally.ts';
import { decimalsFor, fixed, group, listed, percent, plural, signed } from './format.ts';

/** What the mark behind an interval means. */
export const SKEWED = '§ Patients’ values are strongly skewed: the interval may be too narrow.';

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

/** '1', '2–3', or why the method has no ranks. */
export function ranksText({ ranking, doNotRank }: MetricAnalysis, method: string): string {
  if (doNotRank !== undefined || !ranking) return '–';
  const twin = ranking.same.get(method);
  if (twin !== undefined) return `as ${twin}`;
  if (ranking.leftOut.some(entry => entry.method === method)) return 'left out';
  if (!ranking.canRank) return 'cannot rank';
  if (ranking.reversals.length > 0) return 'withheld';
  if (ranking.reference !== undefined) return againstReference(ranking, ranking.reference, method);
  const set = ranking.sets.get(method);
  return set ? rangeOf(set) + (differs(ranking, method) ? '*' : '') : '–';
}

function againstReference({ pairs }: MetricRanking, reference: string, method: string): string {
  if (method === reference) return 'reference';
  const pair = pairs.find(p => p.better === method || p.worse === method);
  if (!pair?.significant) return 'not separated';
  return pair.better === method ? 'better' : 'worse';
}

function rangeOf([best, worst]: readonly [number, number]): string {
  return best === worst ? String(best) : `${best}–${worst}`;
}

function differs({ sets, worstCase }: MetricRanking, method: string): boolean {
  const [a, b] = [sets.get(method), worstCase?.get(method)];
  return a !== undefined && b !== undefined && (a[0] !== b[0] || a[1] !== b[1]);
}

function rankNotes({ ranking, methods, doNotRank }: MetricAnalysis): string[] {
  if (doNotRank !== undefined) return [];
  if (!ranking) return methods.length > 1 ? ['Ranks need two explainers with values.'] : [];
  const { patients, incomplete, leftOut, same, reversals, reference, pairs } = ranking;
  const notes = [
    ...leftOut.map(
      ({ method, share }) => `${method} is left out of the order: it has values for ${percent(share)} of the images.`,
    ),
    ...[...same].map(
      ([method, other]) =>
        `${method} has the same map as ${other} at its layer on this model, before negative values are cut, and is not ranked twice.`,
    ),
  ];
  const without = incomplete > 0 ? `; ${incomplete} more are left out, since none of their images has them all` : '';
  const base = `${plural(patients, 'patient')} with values of all explainers${without}`;
  if (!ranking.canRank) {
    return [...notes, `Cannot rank: ${base}; an order is shown from ${ranking.floor} patients on.`];
  }
  if (reversals.length > 0) {
    const turned = reversals.map(r => `${r.ahead} is ahead of ${r.behind}, and behind it among the ${r.stratum}`);
    return [...notes, `No order is shown, since a group of images reverses it: ${turned.join('; ')}.`];
  }
  const exploratory = ranking.exploratory
    ? ` Exploratory: with fewer than ${CONFIRM_FROM} patients the test misses many real differences.`
    : '';
  if (reference !== undefined) {
    return [
      ...notes,
      `Too many explainers for all pairs: each is tested against ${reference} (sign-flip and bootstrap max-T, ${base}).${exploratory}`,
    ];
  }
  const changed = [...ranking.sets.keys()].filter(method => differs(ranking, method));
  const worst =
    changed.length > 0
      ? ` * Where missing values count as the image’s worst: ${changed.map(m => `${m} ${rangeOf(ranking.worstCase!.get(m)!)}`).join(', ')}.`
      : ranking.worstCase
        ? ` The same where missing values count as the image’s worst${leftOut.length > 0 ? ', and those left out come last' : ''}.`
        : '';
  return [
    ...notes,
    `Ranks: the places that each explainer may have; with 95 % all of them are right at once (sign-flip and bootstrap max-T over ${plural(pairs.length, 'pair')}, ${base}). ` +
      `Where the ranks of two explainers overlap, a difference is neither shown nor ruled out.${exploratory}${worst}`,
  ];
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
export function metricNotes(entry: MetricAnalysis): string[] {
  const { methods, controls, smallest, metric } = entry;
  const notes = rankNotes(entry);
  const verdicts = methods.reduce((n, m) => n + m.controls.length + (m.shuffled ? 1 : 0), 0);
  if (verdicts > 0) {
    const effect =
      smallest > 0
        ? `Differences up to ${smallest}, the smallest effect of interest, do not count.`
        : 'The suite declares no smallest effect of interest, so any difference counts.';
    notes.push(
      `${verdicts} comparisons with controls are judged together, so that one false verdict among them is unlikely (max-T, 5 %). ${effect}`,
    );
  }
  if ([...methods, ...controls].some(m => m.summary?.skewed)) {
    notes.push(SKEWED);
  }
  if (metric.category === 'localisation') {
    const what = metric.name === READER_RATING ? 'what readers find convincing' : 'where a reader drew';
    notes.push(`Plausibility: ${what}. It does not say what the model uses.`);
  }
  if (methods.some(m => m.matched)) {
    notes.push('‡ The method and the metric use the same baseline, which favours the method.');
  }
  const intervals = new Map<string, string[]>();
  for (const { method, summary } of [...methods, ...controls.filter(c => c.of === undefined)]) {
    if (summary?.note) intervals.set(summary.note, [...(intervals.get(summary.note) ?? []), method.id]);
  }
  for (const [note, ids] of intervals) notes.push(`Intervals of ${listed(ids)}: ${note}.`);
  return notes;
}

/** 'class explained: covid, the positive class', or 'value explained: volume'. */
export function explainedText(manifest: Pick<Manifest, 'target' | 'models'>): string {
  if (!givesValues(manifest.models)) return `class explained: ${targetText(manifest)}`;
  return `value explained: ${listed([...new Set(manifest.models.map(positiveOf))])}`;
}

/** Whether all models are regressions: they give values and no classes. */
export function givesValues(models: readonly Pick<Manifest['models'][number], 'task'>[]): boolean {
  return models.length > 0 && models.every(({ task }) => task === 'regression');
}

/** Which class is explained, by its name where it has one: 'covid, the positive class'. */
function targetText({ target, models }: Pick<Manifest, 'target' | 'models'>): string {
  if (target === 'predicted') return 'the class that the model predicts for the image';
  if (target === 'label') return 'the class of the image’s own label';
  if (target !== 'positive') return target;
  const names = [...new Set(models.map(positiveOf))];
  return names.length === 1 ? `${names[0]}, the positive class` : `the positive class of each model: ${listed(names)}`;
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

/** '0.16 to 0.22', marked where it may be too narrow; 'none' where there is none. */
export function intervalText(summary: Summary | undefined, decimals: number): string {
  if (!summary) return '–';
  const { low, high, skewed } = summary;
  if (low === null || high === null) return 'none';
  return `${fixed(low, decimals)} to ${fixed(high, decimals)}${skewed ? '\u00a0§' : ''}`;
}

export type Tone = 'yes' | 'no' | 'open';

const VERDICTS: Readonly<Record<Difference['verdict'], readonly [Tone, string]>> = {
  better: ['yes', 'beats them'],
  worse: ['no', 'worse'],
  open: ['open', 'not shown'],
};

/** A method against its own maps of other patients: the verdict, and the difference with its simultaneous interval. */
export function differenceText({ mean, low, high, verdict }: Difference, decimals: number): [Tone, string, string] {
  const size = signed(mean, decimals);
  const interval = low === null || high === null ? '' : ` (${signed(low, decimals)} to ${signed(high, decimals)})`;
  return [...VERDICTS[verdict], size + interval];
}

/** 'all 3', or '1 of 3, but not random, edges'. */
export function controlsText(differences: readonly Difference[]): [Tone, string] {
  if (differences.length === 0) return ['open', '–'];
  const rest = differences.filter(d => d.verdict !== 'better');
  if (rest.length === 0) return ['yes', `all ${differences.length}`];
  const tone = rest.some(d => d.verdict === 'worse') ? 'no' : 'open';
  const names = rest.map(d => d.control).join(', ');
  if (rest.length === differences.length) return [tone, rest.length > 1 ? `none of ${rest.length}` : `not ${names}`];
  return [tone, `${differences.length - rest.length} of ${differences.length}, but not ${names}`];
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
