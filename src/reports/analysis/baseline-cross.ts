import type { Rng } from '../../core/rng.ts';
import { kendallW } from '../../core/statistics/concordance.ts';
import { patientMeans } from '../../core/statistics/patients.ts';
import { quantile } from '../../core/statistics/quantile.ts';
import { averageRanks } from '../../core/statistics/ranks.ts';
import type { ScoreCell } from '../summary/collect.ts';
import { CURVE_POINTS } from '../summary/curve-mean.ts';
import type { Answered, MethodEntry, MetricEntry, Stratum } from './analysis.ts';

/** Draws of patients for the interval of W. */
const DRAWS = 500;
const LEAST_PATIENTS = 6;

/** One metric that was computed with several baselines: whether the order of the explainers depends on them. */
export interface BaselineCross {
  /** The metric without its baseline. */
  readonly metric: string;
  readonly better: 'higher' | 'lower';
  readonly columns: readonly CrossColumn[];
  /** Explainers, each over those of its own baselines that are not the column's. */
  readonly rows: readonly CrossRow[];
  /** Kendall's W of the columns' orders, its 95 % interval over patients, and what chance gives. */
  readonly concordance?: { readonly w: number; readonly interval?: readonly [number, number]; readonly chance: number };
  /** The explainer with the best mean rank, and where it is farthest behind the best one. */
  readonly winner?: { readonly explainer: string; readonly regret: number; readonly baseline: string };
}

export interface CrossColumn {
  readonly baseline: string;
  /** Mean change of the score from the image to where everything is removed; absent where there are no curves. */
  readonly removed?: number;
}

export interface CrossRow {
  readonly explainer: string;
  /** One for each column; absent where there are no values but of the same baseline. */
  readonly values: readonly (number | undefined)[];
  /** Of the same baseline as the column, which favours the explainer: kept out of ranks. */
  readonly matched: readonly (number | undefined)[];
  /** How far behind the best explainer of a column, at most; in the metric's unit. */
  readonly worstRegret?: number;
}

interface Context {
  readonly methods: readonly MethodEntry[];
  readonly cells: readonly ScoreCell[];
  readonly only: Stratum;
  readonly answered: Answered;
  readonly rng: Rng;
}

/** An id without the baseline that crossing adds to it. */
export function withoutBaseline({ id, baseline }: { readonly id: string; readonly baseline?: string }): string {
  const ending = `(${baseline})`;
  return baseline !== undefined && id.endsWith(ending) ? id.slice(0, -ending.length) : id;
}

/** Metrics whose ids differ in their baseline alone, in the plan's order. */
export function crossesOf(metrics: readonly MetricEntry[], context: Context): BaselineCross[] {
  const groups = new Map<string, MetricEntry[]>();
  for (const metric of metrics) {
    const base = withoutBaseline(metric);
    if (base !== metric.id) groups.set(base, [...(groups.get(base) ?? []), metric]);
  }
  return [...groups].flatMap(([base, list]) => (list.length > 1 ? [crossOf(base, list, context)] : []));
}

function crossOf(name: string, metrics: readonly MetricEntry[], context: Context): BaselineCross {
  const { methods, rng } = context;
  const better = metrics[0]!.better;
  const sign = better === 'higher' ? 1 : -1;
  const own = methods.filter(m => m.role === 'method');
  const names = [...new Set(own.map(withoutBaseline))];
  const table = names.map(explainer => {
    const variants = own.filter(m => withoutBaseline(m) === explainer);
    const over = (metric: MetricEntry, wanted: boolean) =>
      byPatient(
        metric,
        variants.filter(v => (v.baseline === metric.baseline) === wanted),
        context,
      );
    return { explainer, fair: metrics.map(m => over(m, false)), matched: metrics.map(m => over(m, true)) };
  });
  const means = table.map(row => row.fair.map(meanOf));
  const complete = table.flatMap((row, i) => (means[i]!.every(v => v !== undefined) ? [row] : []));
  const best = metrics.map((_, j) => {
    const column = means.flatMap(row => row[j] ?? []);
    return column.length > 0 ? Math.max(...column.map(v => sign * v)) : undefined;
  });
  const regretOf = (i: number) =>
    means[i]!.map((v, j) => (v === undefined || best[j] === undefined ? undefined : best[j] - sign * v));
  const rows = table.map(({ explainer, matched }, i) => {
    const regrets = regretOf(i).filter(r => r !== undefined);
    return {
      explainer,
      values: means[i]!,
      matched: matched.map(meanOf),
      ...(regrets.length === metrics.length ? { worstRegret: Math.max(...regrets) } : {}),
    };
  });
  const concordance = concordanceOf(complete, sign, rng.fork('concordance', name));
  const winner = winnerOf(rows, sign, metrics, regretOf);
  return {
    metric: name,
    better,
    columns: metrics.map(metric => columnOf(metric, context)),
    rows,
    ...(concordance ? { concordance } : {}),
    ...(winner ? { winner } : {}),
  };
}

/** Means of patients over the variants of an explainer, and over their images of the stratum. */
function byPatient(
  metric: MetricEntry,
  variants: readonly MethodEntry[],
  { cells, only, answered }: Context,
): ReadonlyMap<string, number> {
  const values = variants.flatMap(({ id }) => {
    const cell = cells.find(c => c.metric === metric.id && c.method === id);
    return [...(cell?.values ?? [])].filter(([sample]) => only.samples.has(sample));
  });
  const named = values.map(([sample, value]) => ({ patient: answered.get(sample)?.patient ?? sample, value }));
  return new Map(patientMeans(named).map(({ patient, value }) => [patient, value]));
}

function meanOf(values: ReadonlyMap<string, number>): number | undefined {
  return values.size > 0 ? [...values.values()].reduce((a, b) => a + b, 0) / values.size : undefined;
}

interface FairRow {
  readonly fair: readonly ReadonlyMap<string, number>[];
}

function concordanceOf(rows: readonly FairRow[], sign: number, rng: Rng): BaselineCross['concordance'] {
  const [first] = rows;
  if (!first || rows.length < 2) return undefined;
  const columns = first.fair.map((_, j) => j);
  const patients = [...first.fair[0]!.keys()].filter(p => rows.every(row => row.fair.every(values => values.has(p))));
  const wOf = (drawn: readonly string[]) =>
    kendallW(columns.map(j => rows.map(row => sign * drawn.reduce((sum, p) => sum + row.fair[j]!.get(p)!, 0))));
  const w = patients.length > 0 ? wOf(patients) : null;
  if (w === null) return undefined;
  const chance = 1 / columns.length;
  if (patients.length < LEAST_PATIENTS) return { w, chance };
  const draws = Array.from({ length: DRAWS }, () =>
    wOf(patients.map(() => patients[rng.int(patients.length)]!)),
  ).filter(v => v !== null);
  return { w, chance, interval: [quantile(draws, 0.025), quantile(draws, 0.975)] };
}

function winnerOf(
  rows: readonly CrossRow[],
  sign: number,
  metrics: readonly MetricEntry[],
  regretOf: (i: number) => readonly (number | undefined)[],
): BaselineCross['winner'] {
  const ranked = rows.flatMap((row, i) => (row.worstRegret === undefined ? [] : [{ row, i }]));
  if (ranked.length < 2) return undefined;
  const ranks = metrics.map((_, j) => averageRanks(ranked.map(({ row }) => -sign * row.values[j]!)));
  const sums = ranked.map((_, n) => ranks.reduce((sum, r) => sum + r[n]!, 0));
  const { row, i } = ranked[sums.indexOf(Math.min(...sums))]!;
  const regrets = regretOf(i) as readonly number[];
  const at = regrets.indexOf(Math.max(...regrets));
  return { explainer: row.explainer, regret: regrets[at]!, baseline: metrics[at]!.baseline! };
}

/** Where a metric's curve begins with the whole image: 1, where it ends with it: −1. Others have no such curve. */
const FALLS: Readonly<Record<string, 1 | -1>> = { deletion: 1, insertion: -1 };

function columnOf(metric: MetricEntry, { cells }: Context): CrossColumn {
  const falls = FALLS[metric.name];
  const own = falls === undefined ? [] : cells.filter(c => c.metric === metric.id);
  const patients = own.flatMap(c => (c.curve ? [...c.curve.patients.values()] : []));
  const removed = patients.map(curve => (curve[0]! - curve[CURVE_POINTS - 1]!) * falls!);
  return {
    baseline: metric.baseline!,
    ...(removed.length > 0 ? { removed: removed.reduce((a, b) => a + b, 0) / removed.length } : {}),
  };
}
