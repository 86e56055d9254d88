import type { Analysis } from '../analysis/analysis.ts';
import { columnsOf, type ReportTable } from './report-table.ts';

const COLUMNS = [
  ...columnsOf('text', 'model', 'metric', 'better', 'explainer', 'baseline'),
  ...columnsOf('number', 'mean', 'mean_same_baseline', 'removal_achieved', 'worst_regret'),
  ...columnsOf('number', 'kendall_w', 'kendall_w_low', 'kendall_w_high', 'kendall_w_chance'),
];

/**
 * One line per model, metric, explainer and the metric's baseline, of metrics that were computed with several. `mean`: over
 * patients, and over the explainer's own baselines but this one; `mean_same_baseline`: with this one, which favours the
 * explainer; `removal_achieved`: the mean fall of the score where everything is removed. `worst_regret` is of the explainer,
 * Kendall's W of the metric. Empty: there is none. Undefined where no metric was computed with several.
 */
export function baselinesTable({ models }: Pick<Analysis, 'models'>): ReportTable | undefined {
  const lines = models.flatMap(({ model, crosses }) =>
    crosses.flatMap(({ metric, better, columns, rows, concordance: w }) =>
      rows.flatMap(({ explainer, values, matched, worstRegret }) =>
        columns.map(({ baseline, removed }, i) => [
          ...[model.id, metric, better, explainer, baseline, values[i], matched[i], removed],
          ...[worstRegret, w?.w, w?.interval?.[0], w?.interval?.[1], w?.chance],
        ]),
      ),
    ),
  );
  return lines.length === 0 ? undefined : { name: 'baselines', columns: COLUMNS, lines };
}
