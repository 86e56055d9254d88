import type { Summary } from '../../core/statistics/summary.ts';
import type { CellType } from '../../results/parquet.ts';
import type {
  Analysis,
  CellResult,
  GroupAnalysis,
  MethodEntry,
  MethodResult,
  MetricAnalysis,
  ModelAnalysis,
} from '../analysis/analysis.ts';
import { shownRanks } from '../analysis/shown-ranks.ts';
import { countOf } from '../summary/tally.ts';
import type { ReportTable } from './report-table.ts';

const TYPES = {
  model: 'text',
  method: 'text',
  role: 'text',
  of: 'text',
  metric: 'text',
  category: 'text',
  baseline: 'text',
  better: 'text',
  patients: 'count',
  images: 'count',
  mean: 'number',
  sd: 'number',
  low: 'number',
  high: 'number',
  interval: 'text',
  rank_best: 'count',
  rank_worst: 'count',
  rank_patients: 'count',
  shuffled_difference: 'number',
  shuffled_low: 'number',
  shuffled_high: 'number',
  matched_baseline: 'flag',
  undefined: 'count',
  skipped: 'count',
  failed: 'count',
  not_run: 'count',
  stratum: 'text',
  chance: 'number',
  skewed: 'flag',
  shuffled_verdict: 'text',
  controls_beaten: 'count',
  controls_tested: 'count',
  exploratory: 'flag',
  do_not_rank: 'text',
} as const satisfies Record<string, CellType>;

type ColumnName = keyof typeof TYPES;

const COLUMNS = Object.entries(TYPES).map(([name, type]) => ({ name: name as ColumnName, type }));

type Cells = Partial<Record<ColumnName, string | number | null | undefined>>;

/**
 * One line per model, metric and method, in full precision, of the primary stratum; after them the same of the other
 * strata, as means. The mean is over patients of the patients' means, with their standard deviation, the 95 % interval
 * and how it was made; the rank set, empty where no order is shown; the difference from the method's own maps of other
 * patients with an interval that holds for all verdicts at once; chance; how many images have no value. Empty: none.
 */
export function summaryTable(analysis: Analysis): ReportTable {
  const lines = analysis.models.flatMap(model => [
    ...model.metrics.flatMap(entry => resultsOf(entry).map(result => line(model, entry, result))),
    ...model.groups.flatMap(entry => groupLines(model, entry)),
    ...model.metrics.flatMap(entry =>
      model.strata.flatMap((stratum, i) =>
        resultsOf(entry).flatMap(({ method, strata }) =>
          strata[i] ? [{ ...namesOf(model, entry, method), ...meanCells(strata[i]), stratum: stratum.name }] : [],
        ),
      ),
    ),
  ]);
  return { name: 'summary', columns: COLUMNS, lines: lines.map(cells => COLUMNS.map(({ name }) => cells[name])) };
}

function resultsOf({ methods, controls }: MetricAnalysis): readonly (CellResult & Partial<MethodResult>)[] {
  return [...methods, ...controls];
}

function line(model: ModelAnalysis, entry: MetricAnalysis, result: CellResult & Partial<MethodResult>): Cells {
  const { method, summary, others, shuffled } = result;
  const { ranking, chance, doNotRank } = entry;
  const ranks = shownRanks(entry)?.get(method.id);
  const fixed = method.role === 'method' ? result.controls : undefined;
  return {
    ...namesOf(model, entry, method),
    ...meanCells(summary),
    sd: result.sd,
    rank_best: ranks?.[0],
    rank_worst: ranks?.[1],
    rank_patients: ranks && ranking?.patients,
    shuffled_difference: shuffled?.mean,
    shuffled_low: shuffled?.low,
    shuffled_high: shuffled?.high,
    matched_baseline: result.matched === undefined ? undefined : String(result.matched),
    undefined: countOf(others, 'undefined'),
    skipped: countOf(others, 'skipped'),
    failed: countOf(others, 'failed'),
    not_run: result.notRun,
    stratum: model.primary.name,
    chance,
    shuffled_verdict: shuffled?.verdict,
    controls_beaten: fixed?.filter(d => d.verdict === 'better').length,
    controls_tested: fixed?.length,
    exploratory: ranks && String(ranking?.exploratory),
    do_not_rank: doNotRank,
  };
}

function namesOf({ model }: ModelAnalysis, { metric }: Pick<MetricAnalysis, 'metric'>, method: MethodEntry): Cells {
  return {
    model: model.id,
    method: method.id,
    role: method.role,
    of: method.of,
    metric: metric.id,
    category: metric.category,
    baseline: metric.baseline,
    better: metric.better,
  };
}

function meanCells(summary: Summary | undefined): Cells {
  return {
    patients: summary?.patients ?? 0,
    images: summary?.images ?? 0,
    mean: summary?.mean,
    low: summary?.low,
    high: summary?.high,
    interval: summary?.method,
    skewed: summary && String(summary.skewed),
  };
}

/** A metric with one value for all maps of an explainer: that value as the mean, without patients and interval. */
function groupLines(model: ModelAnalysis, entry: GroupAnalysis): Cells[] {
  return entry.rows.map(({ method, row }) => ({
    ...namesOf(model, entry, method),
    images: row?.maps ?? 0,
    mean: row?.value,
    undefined: row?.status === 'undefined' ? 1 : 0,
    skipped: row?.status === 'skipped' ? 1 : 0,
    failed: row?.status === 'failed' ? 1 : 0,
    not_run: row ? 0 : 1,
    stratum: 'all images',
    chance: row?.chance,
  }));
}
