import type { Analysis, CellResult, MetricAnalysis, ModelAnalysis } from '../analysis/analysis.ts';
import { escapeTex } from '../text/bibtex.ts';
import { fixed, plural } from '../text/format.ts';
import { controlsText, differenceText, intervalText, metricDecimals, ranksText } from '../text/words.ts';

/** Every metric's table of the primary stratum, for LaTeX with booktabs. */
export function renderLatex({ models }: Analysis): string {
  const tables = models.flatMap(model =>
    model.metrics.filter(entry => entry.methods.some(m => m.summary)).map(entry => tableOf(model, entry)),
  );
  const head = '% Tables of a run of ct-xai-bench. Needs \\usepackage{booktabs} and an engine that reads UTF-8.';
  return `${[head, ...tables].join('\n\n')}\n`;
}

function tableOf(model: ModelAnalysis, entry: MetricAnalysis): string {
  const { metric, methods, controls, chance, doNotRank } = entry;
  const decimals = metricDecimals(entry);
  const line = (cells: readonly string[]) => `    ${cells.map(tex).join(' & ')} \\\\`;
  const cells = ({ method, summary }: CellResult, rest: readonly string[]) => [
    method.id,
    fixed(summary?.mean, decimals),
    intervalText(summary, decimals),
    ...rest,
  ];
  const rows = methods.map(m =>
    line(
      cells(m, [
        ranksText(entry, m.method.id),
        m.shuffled ? differenceText(m.shuffled, decimals)[1] : '–',
        controlsText(m.controls)[1],
      ]),
    ),
  );
  const references = controls.filter(c => c.of === undefined).map(c => line(cells(c, ['', '', ''])));
  if (chance !== undefined) references.push(line(['chance', fixed(chance, decimals), '', '', '', '']));
  const way = metric.better === 'higher' ? 'higher is better' : 'lower is better';
  const caption =
    `${metric.title} (${way}) on ${model.model.id}, ${model.primary.name}, ${plural(model.primary.patients, 'patient')}: mean over patients.` +
    (doNotRank === undefined ? '' : ` Not to be ranked by: ${doNotRank}.`);
  return [
    '\\begin{table}',
    '  \\centering',
    `  \\caption{${tex(caption)}}`,
    `  \\label{tab:${labelOf(model.model.id)}-${labelOf(metric.id)}}`,
    '  \\begin{tabular}{lrrrll}',
    '    \\toprule',
    line(['Explainer', 'Mean', '95 % interval', 'Ranks', 'Own maps of others', 'Beats controls']),
    '    \\midrule',
    ...rows,
    ...(references.length > 0 ? ['    \\midrule', ...references] : []),
    '    \\bottomrule',
    '  \\end{tabular}',
    '\\end{table}',
  ].join('\n');
}

/** Text on one line that LaTeX reads as text: braces and what else has a meaning there is taken out or escaped. */
function tex(text: string): string {
  return (
    escapeTex(text.replace(/[{}]/g, '').replace(/\s+/g, ' '))
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
      .replace(/[\u0000-\u001f\u007f]/g, '')
      .replace(/[\u00a0\u202f]/g, '~')
      .replace(/−/g, '$-$')
      .replace(/–/g, '--')
      .trim()
  );
}

function labelOf(id: string): string {
  return id.replace(/[^A-Za-z0-9-]/g, '-');
}
