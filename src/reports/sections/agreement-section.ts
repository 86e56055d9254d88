import type { AgreementMatrix } from '../analysis/agreement.ts';
import type { ModelAnalysis } from '../analysis/analysis.ts';
import { primaryEntry } from '../analysis/verdict.ts';
import { table } from '../page/html-table.ts';
import { html, type Markup } from '../page/markup.ts';
import type { ReportContext, Section } from '../page/section.ts';
import { fixed } from '../text/format.ts';
import { byModel, markdownTable } from '../text/markdown.ts';

const ABOUT =
  'Kendall’s τ-b over the images of the verdict: 1 is the same order, 0 no relation, −1 the reverse order. Two metrics that ' +
  'disagree measure different things, or one of them measures nothing: do not average them. A dash stands where fewer than ' +
  '6 patients have values, or where there are no differences to order.';

/** Whether metrics order explainers alike, and whether explainers do well on the same patients. */
export function agreementSection({ analysis: { models } }: ReportContext): Section | undefined {
  const told = models.filter(({ agreement }) => agreement.metrics || agreement.explainers);
  if (told.length === 0) return undefined;
  return {
    id: 'agreement',
    title: 'Agreement',
    html: html`<p>${ABOUT}</p>${told.map(
      model =>
        html`${models.length > 1 ? html`<h3>${model.model.id}</h3>` : undefined}${matricesOf(model).map(
          ({ caption, matrix }) => page(caption, matrix),
        )}`,
    )}`,
    markdown: [
      ABOUT,
      ...byModel(
        told,
        model =>
          matricesOf(model).flatMap(({ caption, matrix: { names, tau } }) => [
            `${caption}`,
            markdownTable(
              ['', ...names],
              names.map((name, i) => [name, ...tau[i]!.map(text)]),
              names.map((_, i) => i + 1),
            ),
          ]),
        models.length > 1,
      ),
    ],
  };
}

function matricesOf(model: ModelAnalysis): { readonly caption: string; readonly matrix: AgreementMatrix }[] {
  const { metrics, explainers } = model.agreement;
  const primary = primaryEntry(model)?.metric.title ?? '';
  return [
    ...(metrics
      ? [
          {
            caption: 'Do two metrics order the explainers alike? Order on each image, mean over patients',
            matrix: metrics,
          },
        ]
      : []),
    ...(explainers
      ? [
          {
            caption: `Do two explainers do well on the same patients? Order of the patients by ${primary}`,
            matrix: explainers,
          },
        ]
      : []),
  ];
}

function page(caption: string, { names, tau }: AgreementMatrix): Markup {
  return table(
    caption,
    [{ title: '', style: 'name' }, ...names.map(title => ({ title, numeric: true }))],
    [{ rows: names.map((name, i) => [name, ...tau[i]!.map((value, j) => (i === j ? '' : cell(value)))]) }],
    'matrix',
  );
}

/** The number on a ground that is the stronger the farther it is from 0. */
function cell(value: number | null): Markup {
  if (value === null) return html`–`;
  const share = Math.round(Math.min(1, Math.abs(value)) * 45);
  return html`<span class="tau ${value < 0 ? 'against' : 'with'}" style="--share:${share}%">${text(value)}</span>`;
}

function text(value: number | null): string {
  return fixed(value ?? undefined, 2);
}
