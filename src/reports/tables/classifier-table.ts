import type { Estimate, Performance } from '../../core/statistics/performance.ts';
import type { Analysis, ModelAnalysis } from '../analysis/analysis.ts';
import { columnsOf, type ReportTable } from './report-table.ts';

const COLUMNS = [
  ...columnsOf('text', 'model', 'unit', 'subgroup', 'value'),
  ...columnsOf('count', 'images', 'patients'),
  ...columnsOf('text', 'measure'),
  ...columnsOf('number', 'estimate', 'low', 'high'),
];

type Line = readonly (string | number | null)[];

/**
 * The classifier's performance, a line per measure: by image, by exam (or patient) and by subgroup, with 95 % intervals
 * that take patients as units. Empty cells: there is none.
 */
export function classifierTable(analysis: Analysis): ReportTable {
  return { name: 'classifier', columns: COLUMNS, lines: analysis.models.flatMap(linesOf) };
}

function linesOf({ model, classifier, errors }: ModelAnalysis): Line[] {
  if (errors) {
    const line = (name: string, value: number | null, low: number | null = null, high: number | null = null): Line => [
      ...[model.id, 'image', '', '', errors.images, errors.patients],
      ...[name, value, low, high],
    ];
    const { absolute, bias } = errors;
    return [
      line('mean absolute error', absolute.mean, absolute.low, absolute.high),
      line('mean absolute error of a constant', errors.withoutModel),
      line('bias', bias.mean, bias.low, bias.high),
      ...(['pearson', 'spearman'] as const).map(name => {
        const { value = null, low = null, high = null } = errors[name] ?? {};
        return line(name, value, low, high);
      }),
    ];
  }
  if (!classifier) return [];
  const { byImage, byExam, subgroups, findings = [] } = classifier;
  return [
    ...measures([model.id, 'image', '', ''], byImage),
    ...(byExam ? measures([model.id, byExam.unit, '', ''], byExam.performance) : []),
    ...subgroups.flatMap(({ column, value, performance }) =>
      measures([model.id, 'image', column, value], performance, false),
    ),
    ...findings.flatMap(({ finding, performance }) =>
      measures([model.id, 'image', 'finding', finding], performance, false),
    ),
  ];
}

/** @param brier whether its interval was resampled often enough to be shown */
function measures(head: readonly string[], p: Performance, brier = true): Line[] {
  const line = (name: string, { value, low, high }: Estimate): Line => [
    ...head,
    ...[p.images, p.patients, name, value, low, high],
  ];
  return [
    line('accuracy', p.accuracy),
    line('sensitivity', p.sensitivity),
    line('specificity', p.specificity),
    line('auc', p.auc),
    ...(brier ? [line('brier', p.brier), [...head, p.images, p.patients, 'ece', p.calibration.ece, null, null]] : []),
  ];
}
