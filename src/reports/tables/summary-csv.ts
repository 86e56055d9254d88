import { stringify } from 'csv-stringify/sync';
import { analyse } from '../analysis/analyse.ts';
import type {
  Analysis,
  CellResult,
  GroupAnalysis,
  MethodResult,
  MetricAnalysis,
  ModelAnalysis,
} from '../analysis/analysis.ts';
import type { RunData } from '../summary/run-data.ts';
import { countOf } from '../summary/tally.ts';

const HEADER = [
  'model',
  'method',
  'role',
  'of',
  'metric',
  'category',
  'baseline',
  'better',
  'patients',
  'images',
  'mean',
  'sd',
  'low',
  'high',
  'interval',
  'rank_best',
  'rank_worst',
  'rank_patients',
  'shuffled_difference',
  'shuffled_low',
  'shuffled_high',
  'matched_baseline',
  'undefined',
  'skipped',
  'failed',
  'not_run',
] as const;

/**
 * One line per model, metric and method, in full precision: the mean over patients of the patients' means, their
 * standard deviation, the 95 % interval and how it was made, the rank set (empty where methods can't be ranked), the
 * difference from the method's own maps of other patients, and how many images have no value. Empty: there is none.
 */
export function renderSummaryCsv(run: RunData, analysis: Analysis = analyse(run)): string {
  const lines = analysis.models.flatMap(model => [
    ...model.metrics.flatMap(entry => [...entry.methods, ...entry.controls].map(result => line(model, entry, result))),
    ...model.groups.flatMap(entry => groupLines(model, entry)),
  ]);
  return stringify([[...HEADER], ...lines]);
}

function line(
  { model }: ModelAnalysis,
  { metric, ranking }: MetricAnalysis,
  result: CellResult & Partial<MethodResult>,
): (string | number | undefined | null)[] {
  const { method, summary, others, shuffled } = result;
  const ranks = ranking?.canRank ? ranking.sets.get(method.id) : undefined;
  return [
    model.id,
    method.id,
    method.role,
    method.of,
    metric.id,
    metric.category,
    metric.baseline,
    metric.better,
    summary?.patients ?? 0,
    summary?.images ?? 0,
    summary?.mean,
    result.sd,
    summary?.low,
    summary?.high,
    summary?.method,
    ranks?.[0],
    ranks?.[1],
    ranks && ranking?.patients,
    shuffled?.summary.mean,
    shuffled?.summary.low,
    shuffled?.summary.high,
    result.matched === undefined ? undefined : String(result.matched),
    countOf(others, 'undefined'),
    countOf(others, 'skipped'),
    countOf(others, 'failed'),
    result.notRun,
  ];
}

/** A metric with one value for all maps of an explainer: that value as the mean, without patients and interval. */
function groupLines({ model }: ModelAnalysis, { metric, rows }: GroupAnalysis): (string | number | undefined)[][] {
  return rows.map(({ method, row }) => {
    const cells: Partial<Record<(typeof HEADER)[number], string | number | undefined>> = {
      model: model.id,
      method: method.id,
      role: method.role,
      of: method.of,
      metric: metric.id,
      category: metric.category,
      baseline: metric.baseline,
      better: metric.better,
      images: row?.maps ?? 0,
      mean: row?.value,
      undefined: row?.status === 'undefined' ? 1 : 0,
      skipped: row?.status === 'skipped' ? 1 : 0,
      failed: row?.status === 'failed' ? 1 : 0,
      not_run: row ? 0 : 1,
    };
    return HEADER.map(name => cells[name]);
  });
}
