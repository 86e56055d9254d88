import type { BaselineCross, CrossRow } from '../analysis/baseline-cross.ts';
import { table } from '../page/html-table.ts';
import { html } from '../page/markup.ts';
import type { ReportContext, Section } from '../page/section.ts';
import { fixed } from '../text/format.ts';
import { byModel, markdownTable } from '../text/markdown.ts';

const ABOUT =
  'Each metric was computed with several baselines, and each explainer that starts from one was run with several. A cell ' +
  'is the mean over patients, and over the explainer’s own baselines but the column’s: an explainer is favoured by a ' +
  'metric that removes with the baseline that it started from. Those values are in brackets; they count for nothing ' +
  'here. Regret is how far an explainer is behind the best one of a column, at most.';

/** Whether the order of the explainers depends on what stands for "nothing there". */
export function baselinesSection({ analysis: { models } }: ReportContext): Section | undefined {
  const told = models.filter(model => model.crosses.length > 0);
  if (told.length === 0) return undefined;
  return {
    id: 'baselines',
    title: 'Baselines',
    html: html`<p>${ABOUT}</p>${told.map(
      ({ model, crosses }) =>
        html`${models.length > 1 ? html`<h3>${model.id}</h3>` : undefined}${crosses.map(
          cross =>
            html`${table(
              `${cross.metric}, by what it removes with`,
              [{ title: 'Explainer', style: 'name' }, ...headOf(cross).map(title => ({ title, numeric: true }))],
              [{ rows: rowsOf(cross) }],
            )}<p>${summaryOf(cross)}</p>`,
        )}`,
    )}`,
    markdown: [
      ABOUT,
      ...byModel(
        told,
        ({ crosses }) =>
          crosses.flatMap(cross => [
            `${cross.metric}, by what it removes with:`,
            markdownTable(
              ['explainer', ...headOf(cross)],
              rowsOf(cross),
              headOf(cross).map((_, i) => i + 1),
            ),
            summaryOf(cross),
          ]),
        models.length > 1,
      ),
    ],
  };
}

function headOf({ columns }: BaselineCross): string[] {
  return [...columns.map(c => c.baseline), 'regret'];
}

function rowsOf(cross: BaselineCross): string[][] {
  const removed = cross.columns.map(c => fixed(c.removed, 3));
  const achieved = cross.columns.some(c => c.removed !== undefined) ? [['removal achieved', ...removed, '']] : [];
  return [...cross.rows.map(row => [row.explainer, ...cellsOf(row), fixed(row.worstRegret, 3)]), ...achieved];
}

function cellsOf({ values, matched }: CrossRow): string[] {
  return values.map((value, i) => {
    const own = matched[i] === undefined ? '' : `[${fixed(matched[i], 3)}]`;
    return value === undefined && own ? own : [fixed(value, 3), own].filter(Boolean).join(' ');
  });
}

/** What the numbers say, in sentences. */
function summaryOf({ concordance, winner, columns }: BaselineCross): string {
  const said: string[] = [];
  if (concordance) {
    const { w, interval, chance } = concordance;
    const range = interval ? ` (95 % interval ${fixed(interval[0], 2)} to ${fixed(interval[1], 2)})` : '';
    said.push(
      `The ${columns.length} baselines order the explainers with Kendall’s W = ${fixed(w, 2)}${range}; 1 is one order, ` +
        `and chance gives ${fixed(chance, 2)}.`,
    );
  }
  if (winner) {
    said.push(
      winner.regret > 0
        ? `${winner.explainer} has the best mean rank; with ${winner.baseline} it is ${fixed(winner.regret, 3)} behind the best one.`
        : `${winner.explainer} is best whatever the baseline.`,
    );
  }
  if (columns.some(c => c.removed !== undefined)) {
    said.push('Removal achieved is the mean fall of the score where everything is removed.');
  }
  return said.join(' ');
}
