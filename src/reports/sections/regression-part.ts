import type { Correlation, RegressionErrors } from '../../core/statistics/regression-errors.ts';
import type { Summary } from '../../core/statistics/summary.ts';
import type { ModelAnalysis } from '../analysis/analysis.ts';
import { table } from '../page/html-table.ts';
import { html, type Markup } from '../page/markup.ts';
import { compact, fixed, plural } from '../text/format.ts';
import { markdownTable } from '../text/markdown.ts';

/** How good a regression is: it has errors, and neither classes nor probabilities. */
export function regressionPart(entry: ModelAnalysis): Markup {
  const { errors } = entry;
  if (!errors) return html`<p>${withoutReference(entry)}</p>`;
  const rows = rowsOf(entry, errors);
  return html`<p class="note">${overText(entry, errors)}</p>${table(
    `How well it predicts ${entry.positive}`,
    [{ title: 'Measure' }, { title: 'Value', numeric: true }, { title: '95 % interval', numeric: true }],
    [{ rows }],
  )}`;
}

export function regressionMarkdown(entry: ModelAnalysis): string[] {
  const { errors } = entry;
  if (!errors) return [withoutReference(entry)];
  return [overText(entry, errors), markdownTable(['Measure', 'Value', '95 % interval'], rowsOf(entry, errors), [1, 2])];
}

function withoutReference({ answered, images, positive }: ModelAnalysis): string {
  return answered === 0
    ? `The model gave no value for any of ${plural(images, 'image')}.`
    : `The data do not say what ${positive} is: how good the regression is here is not known.`;
}

function overText(entry: ModelAnalysis, { images, patients }: RegressionErrors): string {
  const left = entry.answered - images;
  return (
    `Over ${plural(images, 'image')} of ${plural(patients, 'patient')}` +
    `${left > 0 ? `; ${plural(left, 'image')} without a known value left out` : ''}. Means and correlations are over patients. Intervals of correlations are Fisher’s; they take values that are spread evenly around a line.`
  );
}

function rowsOf({ model }: ModelAnalysis, errors: RegressionErrors): string[][] {
  const unit = model.measure === undefined ? '' : ` (${model.measure})`;
  const summary = (name: string, { mean, low, high, note }: Summary) => [
    `${name}${unit}`,
    compact(mean),
    low === null || high === null ? (note ?? '–') : `${compact(low)} to ${compact(high)}`,
  ];
  const correlation = (name: string, found: Correlation | null) => [
    name,
    found === null ? '–' : fixed(found.value, 3),
    found === null || found.low === null || found.high === null
      ? '–'
      : `${fixed(found.low, 3)} to ${fixed(found.high, 3)}`,
  ];
  return [
    summary('Mean absolute error ↓', errors.absolute),
    [`The same of a constant, the references’ median${unit}`, compact(errors.withoutModel), ''],
    summary('Bias, value − reference', errors.bias),
    correlation('Pearson correlation', errors.pearson),
    correlation('Spearman correlation', errors.spearman),
  ];
}
