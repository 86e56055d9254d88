import { ORDER_FROM } from '../../core/statistics/max-t.ts';
import type { ModelAnalysis } from '../analysis/analysis.ts';
import type { BudgetAnalysis, BudgetMetric, BudgetPoint } from '../analysis/budget-analysis.ts';
import { SETTLED } from '../analysis/budget-analysis.ts';
import { type CostPoint, costChart } from '../charts/cost-chart.ts';
import { table } from '../page/html-table.ts';
import { html, type Markup } from '../page/markup.ts';
import type { Names } from '../page/part-names.ts';
import type { ReportContext, Section } from '../page/section.ts';
import {
  budgetsAbout,
  budgetsNote,
  frontText,
  pointCells,
  pointColumns,
  pointName,
  rankingRest,
  settledRows,
} from '../text/budget-words.ts';
import { compact, fixed, group, plural } from '../text/format.ts';
import { byModel, markdownTable, markdownText } from '../text/markdown.ts';
import { scoreName } from '../text/words.ts';

/** What a minute buys: quality against passes and against time, and from where on more of them change nothing. */
export function budgetsSection({ analysis: { models }, names }: ReportContext): Section | undefined {
  const tried = models.filter(model => model.budgets);
  if (tried.length === 0) return undefined;
  return {
    id: 'budgets',
    title: 'What a minute buys',
    html: html`<p>${budgetsAbout()}</p>${tried.map(model => modelPart(model, model.budgets!, names, models.length > 1))}`,
    markdown: [budgetsAbout(), ...byModel(tried, markdownOf, models.length > 1)],
  };
}

/** One metric stands open, the primary one where it was tried; the others are behind a line each. */
function modelPart(
  { model, primaryMetric }: ModelAnalysis,
  analysis: BudgetAnalysis,
  names: Names,
  several: boolean,
): Markup {
  const open = analysis.metrics.find(m => m.metric.id === primaryMetric) ?? analysis.metrics[0];
  const first = open ? [open] : [];
  const rest = analysis.metrics.filter(m => m !== open);
  return html`${several ? html`<h3>${model.id}</h3>` : undefined}<ul class="meta"><li>${plural(analysis.images, 'image')} of ${plural(
    analysis.patients,
    'patient',
  )}</li><li>budgets: ${analysis.budgets.map(group).join(', ')} passes</li></ul>${first.map(metric =>
    metricPart(metric, analysis, names),
  )}${rest.map(
    entry => html`<details><summary>${entry.metric.title}</summary>${metricPart(entry, analysis, names)}</details>`,
  )}${pointsTable(analysis, names)}<h4>Until the map stops moving</h4>${settledTable(analysis, names)}`;
}

function metricPart(entry: BudgetMetric, analysis: BudgetAnalysis, names: Names): Markup {
  const { metric, common, tried } = entry;
  const arrow = metric.better === 'higher' ? '↑' : '↓';
  const heading = html`<h4>${metric.title} ${arrow}</h4>`;
  if (common === 0) return html`${heading}<p>No image has a value for all methods and budgets.</p>`;
  const drawn = analysis.points.filter(p => p.values.has(metric.id));
  const legend = analysis.points.filter((p, i, all) => all.findIndex(q => q.method.id === p.method.id) === i);
  return html`${heading}<div class="figures">${figure(entry, drawn, names, 'passes')}${figure(entry, drawn, names, 'time')}</div>
<ul class="legend">${legend.map(
    ({ method, budget }) =>
      html`<li><svg viewBox="0 0 28 10" aria-hidden="true"><g class="series row ${names.colour(method.id)}">${
        budget === undefined
          ? html`<path class="point" d="M14 0l5 5l-5 5l-5 -5z"/>`
          : html`<path class="line" d="M0 5H28"/><circle cx="14" cy="5" r="3.5"/>`
      }</g></svg>${method.id}</li>`,
  )}</ul><p class="note">Means over ${plural(common, 'image')}${
    common < tried ? ` of ${tried}: only those that every point has a value for` : ''
  }; bars reach from the least to the largest patient’s mean. ${frontsText(entry)} ${rankingRest(entry)}</p>`;
}

/** Which points no other beats at the same cost or less. */
function frontsText({ fronts }: BudgetMetric): string {
  if (fronts.passes.length === 0 && fronts.time.length === 0)
    return `Which explainer is best for its cost is not shown: that takes ${ORDER_FROM} patients.`;
  return `Rings joined by the dashed line: no other explainer is as good at the same cost or less. By passes: ${frontText(fronts.passes)}. By time: ${frontText(fronts.time)}.`;
}

function figure(entry: BudgetMetric, points: readonly BudgetPoint[], names: Names, by: 'passes' | 'time'): Markup {
  const { metric, fronts } = entry;
  const cost = (p: BudgetPoint) => (by === 'passes' ? p.passes.total : p.wallMs);
  const unit = by === 'passes' ? 'passes' : 'ms';
  const ids = [...new Set(points.map(p => p.method.id))];
  const series = ids.map(id => ({
    label: id,
    colour: names.colour(id),
    points: points
      .filter(p => p.method.id === id)
      .map((p): CostPoint => {
        const { mean, least, largest } = p.values.get(metric.id)!;
        return {
          cost: cost(p),
          mean,
          least,
          largest,
          title: `${pointName(p)}: ${compact(cost(p))} ${unit}, ${fixed(mean, 3)} (${fixed(least, 3)} to ${fixed(largest, 3)})`,
          front: fronts[by].includes(p),
        };
      })
      .sort((a, b) => a.cost - b.cost),
  }));
  const [low, high] = metric.range;
  // A mean probability along a curve; the difference of two (srg) may be below 0.
  const probability = scoreName(metric) === 'probability' && metric.name !== 'srg';
  const spoken = series
    .map(s => `${s.label} ${s.points.map(p => `${fixed(p.mean, 3)} at ${compact(p.cost)}`).join(', ')}`)
    .join('; ');
  const chart = costChart({
    name: `${metric.title} against ${by === 'passes' ? 'passes' : 'wall time'}: ${spoken}.`,
    x: by === 'passes' ? 'passes of one explanation, forward and backward' : 'wall time of one explanation, ms',
    y: `${metric.title} (${metric.better} is better)`,
    series,
    within: probability ? [0, 1] : [low ?? Number.NEGATIVE_INFINITY, high ?? Number.POSITIVE_INFINITY],
  });
  return html`<figure>${chart}</figure>`;
}

function pointsTable(analysis: BudgetAnalysis, names: Names): Markup {
  const columns = pointColumns(analysis);
  const all = [...analysis.points, ...analysis.empty];
  const ids = [...new Set(all.map(p => p.method.id))];
  return html`<details><summary>All points</summary>${table(
    'One explanation at each budget: passes, wall time (mean), and means over patients (least to largest)',
    columns.map((title, i) => ({ title, numeric: i > 0, ...(i === 0 ? { style: 'name' } : {}) })),
    ids.map(id => ({
      rows: all.filter(p => p.method.id === id).map(p => [names.method(p.method), ...pointCells(p, analysis).slice(1)]),
    })),
  )}<p class="note">${budgetsNote()}</p></details>`;
}

function settledTable(analysis: BudgetAnalysis, names: Names): Markup {
  const { head, rows } = settledRows(analysis);
  if (rows.length === 0) return html`<p>No method here has a choice of passes, or maps to compare.</p>`;
  return html`${table(
    'Rank correlation of a method’s map with itself at each budget: mean over patients (least to largest)',
    head.map((title, i) => ({ title, numeric: i > 1, ...(i < 2 ? { style: 'name' } : {}) })),
    [{ rows: rows.map(({ method, cells }) => [names.method(method), ...cells]) }],
  )}<p class="note">Spearman’s correlation over pixels. Methods that draw at random: with their map of another seed and as many passes. Others: with their own map at the largest budget; how far that one is from still larger ones is not known, and occlusion’s windows become smaller as passes grow, so its map changes in kind. At rest: the smallest budget from which on the mean is at least ${SETTLED}.</p>`;
}

/** The front of each metric that has one; for those without, once why. */
function frontLines({ metrics }: BudgetAnalysis): string[] {
  const lines = metrics
    .filter(({ fronts }) => fronts.passes.length > 0 || fronts.time.length > 0)
    .map(entry => `- ${markdownText(`${entry.metric.title}: ${frontsText(entry)} ${rankingRest(entry)}`)}`);
  return lines.length > 0 ? [lines.join('\n')] : metrics.slice(0, 1).map(frontsText);
}

function markdownOf({ budgets: tried }: ModelAnalysis): string[] {
  if (!tried) return [];
  const columns = pointColumns(tried);
  const { head, rows } = settledRows(tried);
  return [
    markdownTable(
      columns,
      [...tried.points, ...tried.empty].map(point => pointCells(point, tried)),
      columns.map((_, i) => i).slice(1),
    ),
    budgetsNote(),
    ...frontLines(tried),
    ...(rows.length === 0
      ? []
      : [
          'Rank correlation of a map with itself:',
          markdownTable(
            [...head],
            rows.map(({ method, cells }) => [method.id, ...cells]),
            head.map((_, i) => i).slice(2),
          ),
        ]),
  ];
}
