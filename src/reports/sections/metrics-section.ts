import type { GroupAnalysis, MetricAnalysis, ModelAnalysis } from '../analysis/analysis.ts';
import { curveChart } from '../charts/curve-chart.ts';
import { table } from '../page/html-table.ts';
import { html, type Markup } from '../page/markup.ts';
import type { Names } from '../page/part-names.ts';
import type { ReportContext, Section } from '../page/section.ts';
import { categoryParts } from '../text/categories.ts';
import { listed, plural } from '../text/format.ts';
import { orderText } from '../text/verdict-words.ts';
import { groupCells, groupColumns, metricAbout, metricDecimals, scoreName } from '../text/words.ts';
import { meansCaption, meansChart } from './means-figure.ts';
import { groupMarkdown, metricMarkdown } from './metric-markdown.ts';
import { metricDetails, metricTable } from './metric-tables.ts';
import { ranksFigure } from './ranks-figure.ts';

/** One section a category, one part a metric and model. */
export function metricsSections({ analysis, names }: ReportContext): Section[] {
  const several = analysis.models.length > 1;
  return categoryParts(analysis).map(({ category, title, sense, entries, groups }, i) => ({
    id: `metrics-${/^[a-z-]+$/.test(category) ? category : i}`,
    title,
    html: html`<p>${sense}</p>${entries.map(({ model, entry }) => metricPart(model, entry, names, several))}${groups.map(
      ({ model, entry }) => groupPart(model, entry, names, several),
    )}`,
    markdown: [
      sense,
      ...entries.flatMap(({ model, entry }) =>
        metricMarkdown(entry, model.primary, several ? model.model.id : undefined),
      ),
      ...groups.flatMap(({ model, entry }) => groupMarkdown(entry, several ? model.model.id : undefined)),
    ],
  }));
}

/** The primary metric stands open; the others are exploratory, and look so: a line each, with all of it behind. */
function metricPart(model: ModelAnalysis, entry: MetricAnalysis, names: Names, several: boolean): Markup {
  const valued = [...entry.methods, ...entry.controls].some(r => r.summary);
  const title = heading(model, entry, several);
  const about = html`${aboutList(entry, names)}${warning(entry)}`;
  if (!valued) {
    return html`${title}${about}<p>No value: ${plural(model.primary.samples.size, 'image')} of the primary stratum (${model.primary.name}), and none has a value of this metric. The reasons stand under <a href="#outcomes">Outcomes</a>.</p>`;
  }
  const decimals = metricDecimals(entry);
  const body = html`${metricTable(entry, model.primary, names, decimals)}<div class="figures">${meansFigure(entry, names)}${curvesFigure(entry, names)}${ranksFigure(entry, names)}</div>${metricDetails(model, entry, names, decimals)}`;
  if (entry.metric.id === model.primaryMetric) return html`${title}${about}${body}`;
  return html`<details class="metric"><summary>${title}<span class="soft">exploratory: ${inShort(entry)}</span></summary>${about}${body}</details>\n`;
}

/** What the metric says, in a clause. */
function inShort(entry: MetricAnalysis): string {
  const { doNotRank, ranking, metric } = entry;
  if (metric.rankable === false) return 'describes maps, ranks none';
  if (doNotRank !== undefined) return `do not rank by this here, since ${doNotRank}`;
  if (!ranking) return 'fewer than two explainers have values';
  if (!ranking.canRank) return `no order of ${plural(ranking.patients, 'patient')}`;
  return orderText(entry);
}

function heading({ model }: ModelAnalysis, { metric }: Pick<MetricAnalysis, 'metric'>, several: boolean): Markup {
  const arrow = metric.better === 'higher' ? '↑' : '↓';
  return html`<h3>${metric.title} ${arrow}${metric.id === metric.name ? undefined : html` <small class="soft">${metric.id}</small>`}${
    several ? html` <small class="soft">on ${model.id}</small>` : undefined
  }</h3>\n`;
}

function aboutList({ metric }: Pick<MetricAnalysis, 'metric'>, names: Names): Markup {
  const source = names.metricSource(metric);
  return html`<ul class="meta">${metricAbout(metric).map(text => html`<li>${text}</li>`)}${
    source ? html`<li><a href="#${source}">source</a></li>` : undefined
  }</ul>\n`;
}

function warning({ doNotRank }: MetricAnalysis): Markup | undefined {
  if (doNotRank === undefined) return undefined;
  return html`<p class="warning"><b>Do not rank by this here</b>: ${doNotRank}.</p>`;
}

/** A metric with one value for all maps of an explainer. */
function groupPart(model: ModelAnalysis, entry: GroupAnalysis, names: Names, several: boolean): Markup {
  const { head, numeric } = groupColumns(entry);
  const rowsOf = (role: 'method' | 'control') =>
    entry.rows
      .filter(({ method }) => method.role === role)
      .map(({ method, row }) => [names.method(method), ...groupCells(entry, row)]);
  return html`${heading(model, entry, several)}${aboutList(entry, names)}${table(
    `${entry.metric.title}: one value for all maps of an explainer`,
    head.map((title, i) => ({ title, numeric: numeric.includes(i), ...(i === 0 ? { style: 'name' } : {}) })),
    [{ rows: rowsOf('method') }, { title: 'Controls: lines of reference, not ranked', rows: rowsOf('control') }],
  )}<p class="note">No interval, and no test: the value is of all images at once.</p>`;
}

function meansFigure(entry: MetricAnalysis, names: Names): Markup | undefined {
  const drawn = meansChart(entry, names);
  return drawn && html`<figure>${drawn.chart}<figcaption>${meansCaption(drawn)}</figcaption></figure>`;
}

function curvesFigure(entry: MetricAnalysis, names: Names): Markup | undefined {
  const common = entry.controls.filter(c => c.of === undefined && c.curve);
  const series = [
    ...entry.methods.flatMap(({ method, curve }) =>
      curve ? [{ label: method.id, colour: names.colour(method.id), control: false, ...curve }] : [],
    ),
    ...common.map(({ method, curve }, i) => ({ label: method.id, colour: `k${i % 4}`, control: true, ...curve! })),
  ];
  if (series.length === 0) return undefined;
  const counts = [...new Set(series.map(s => s.patients))].sort((a, b) => a - b);
  const over =
    counts.length === 1
      ? plural(counts[0]!, 'patient')
      : `${counts[0]} to ${plural(counts[counts.length - 1]!, 'patient')}`;
  const y = scoreName(entry.metric) ?? 'score';
  const chart = curveChart({
    name: `Mean curves of ${entry.metric.title}: ${listed(series.map(s => s.label))}, score against share of pixels changed.`,
    x: 'share of pixels changed',
    y: entry.metric.name === 'srg' ? `difference in ${y}` : y,
    series,
    ...(y === 'probability' ? { within: entry.metric.name === 'srg' ? ([-1, 1] as const) : ([0, 1] as const) } : {}),
  });
  const hidden = entry.controls.filter(c => c.of !== undefined && c.curve).length;
  return html`<figure>${chart}<ul class="legend">${series.map(
    s =>
      html`<li><svg viewBox="0 0 28 10" aria-hidden="true"><g class="${s.control ? 'control' : 'series'} ${s.colour}"><path class="line" d="M0 5H28"/></g></svg>${s.label}</li>`,
  )}</ul><figcaption>Mean curves over ${over}; bands: pointwise 95 % intervals (Student’s t). Controls grey and dashed.${
    hidden > 0 ? ` ${hidden} shuffled controls are not drawn.` : ''
  }</figcaption></figure>`;
}
