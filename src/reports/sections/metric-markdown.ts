import type { CellResult, GroupAnalysis, MetricAnalysis, Stratum } from '../analysis/analysis.ts';
import { fixed, group, plural } from '../text/format.ts';
import { markdownTable, markdownText } from '../text/markdown.ts';
import {
  controlsText,
  differenceText,
  groupCells,
  groupColumns,
  intervalText,
  metricAbout,
  metricDecimals,
  metricNotes,
  missingText,
  ranksText,
} from '../text/words.ts';

/** @param model named where the run has several */
export function metricMarkdown(entry: MetricAnalysis, stratum: Stratum, model: string | undefined): string[] {
  const { methods, controls, chance, doNotRank } = entry;
  const decimals = metricDecimals(entry);
  const line = (result: CellResult, ranks: string, own: string, others: string) => [
    result.method.id + ((result as { matched?: boolean }).matched ? ' ‡' : ''),
    fixed(result.summary?.mean, decimals),
    intervalText(result.summary, decimals),
    ranks,
    own,
    others,
    group(result.summary?.patients ?? 0),
    group(result.summary?.images ?? 0),
    missingText(result),
  ];
  return [
    headingOf(entry, model),
    markdownText(
      `${entry.metric.id}: ${metricAbout(entry.metric).join('; ')}. Mean over patients of the mean within each patient; ${stratum.name}, ${plural(stratum.patients, 'patient')}.`,
    ),
    ...(doNotRank === undefined ? [] : [`**Do not rank by this here**: ${markdownText(doNotRank)}.`]),
    markdownTable(
      [
        'Method',
        'Mean',
        '95 % interval',
        'Ranks',
        'Against its own maps of other patients',
        'Beats the controls',
        'Patients',
        'Images',
        'Without a value',
      ],
      [
        ...methods.map(m =>
          line(
            m,
            ranksText(entry, m.method.id),
            m.shuffled ? differenceText(m.shuffled, decimals).slice(1).join(' ') : '–',
            controlsText(m.controls)[1],
          ),
        ),
        ...controls.map(c => line(c, 'control', '', '')),
        ...(chance === undefined ? [] : [['chance', fixed(chance, decimals), '', '', '', '', '', '', '']]),
      ],
      [1, 2, 3, 6, 7],
    ),
    ...metricNotes(entry).map(markdownText),
  ];
}

/** A metric with one value for all maps of an explainer. */
export function groupMarkdown(entry: GroupAnalysis, model: string | undefined): string[] {
  const { head, numeric } = groupColumns(entry);
  return [
    headingOf(entry, model),
    markdownText(
      `${entry.metric.id}: ${metricAbout(entry.metric).join('; ')}. One value for all maps of an explainer.`,
    ),
    markdownTable(
      head,
      entry.rows.map(({ method, row }) => [
        method.id + (method.role === 'control' ? ' (control)' : ''),
        ...groupCells(entry, row),
      ]),
      numeric,
    ),
  ];
}

function headingOf({ metric }: Pick<MetricAnalysis, 'metric'>, model: string | undefined): string {
  return `### ${markdownText(metric.title)} ${metric.better === 'higher' ? '↑' : '↓'}${model ? ` on ${markdownText(model)}` : ''}`;
}
