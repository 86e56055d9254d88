import type { Analysis, MetricAnalysis, ModelAnalysis } from '../../analysis/types.ts';
import { decimalsFor, fixed, listed, plural } from '../../format.ts';
import { rangeText, scoreName } from '../../words.ts';
import { curveChart } from '../curve-chart.ts';
import { intervalChart } from '../interval-chart.ts';
import { html, type Markup } from '../markup.ts';
import type { Names } from '../names.ts';
import { metricTable, outcomeTable, shuffledTable } from './metric-tables.ts';

/** Headings by category: what a model uses and where a doctor looks are never one table. */
const CATEGORIES: Readonly<Record<string, readonly [title: string, sense: string]>> = {
  faithfulness: [
    'Faithfulness',
    'Whether a map shows what the model uses: the score is followed while pixels are changed in the map’s order.',
  ],
  localisation: [
    'Localisation',
    'Whether a map lies where a reader drew. This is plausibility, not faithfulness: a model may be right for other reasons.',
  ],
  robustness: ['Robustness', 'Whether a map stays the same under changes that should not matter.'],
  randomisation: ['Randomisation', 'Whether a map depends on what the model has learnt.'],
  complexity: ['Complexity', 'How concentrated a map is. Descriptive: neither end is better in itself.'],
};

/** One section a category, one part a metric and model. */
export function metrics(analysis: Analysis, names: Names): Markup[] {
  const found = new Set(analysis.models.flatMap(m => m.metrics.map(entry => entry.metric.category)));
  const known = Object.keys(CATEGORIES);
  const categories = [...known.filter(c => found.has(c)), ...[...found].filter(c => !known.includes(c))];
  return categories.map((category, i) => {
    const [title, sense] = CATEGORIES[category] ?? [category, ''];
    const parts = analysis.models.flatMap(model =>
      model.metrics
        .filter(entry => entry.metric.category === category)
        .map(entry => metricPart(model, entry, names, analysis.models.length > 1)),
    );
    return html`<section id="metrics-${i}"><h2>${title}</h2><p>${sense}</p>${parts}</section>\n`;
  });
}

/** Titles of the sections that `metrics` makes, for the contents. */
export function metricSections(analysis: Analysis): readonly [id: string, title: string][] {
  const found = new Set(analysis.models.flatMap(m => m.metrics.map(entry => entry.metric.category)));
  const known = Object.keys(CATEGORIES);
  const categories = [...known.filter(c => found.has(c)), ...[...found].filter(c => !known.includes(c))];
  return categories.map((category, i) => [`metrics-${i}`, CATEGORIES[category]?.[0] ?? category]);
}

function metricPart(model: ModelAnalysis, entry: MetricAnalysis, names: Names, several: boolean): Markup {
  const { metric } = entry;
  const results = [...entry.methods, ...entry.controls];
  const valued = results.filter(r => r.summary);
  const decimals = decimalsFor(
    entry.methods.flatMap(({ summary: s }) => (s?.low != null && s.high != null ? [(s.high - s.low) / 2] : [])),
    valued.map(r => r.summary!.mean),
  );
  const arrow = metric.better === 'higher' ? '↑' : '↓';
  const about = [
    `${metric.better} is better`,
    rangeText(metric.range),
    metric.baseline === undefined ? '' : `baseline: ${metric.baseline}`,
    scoreName(metric) === undefined ? '' : `score: ${scoreName(metric)}`,
  ].filter(Boolean);
  return html`<h3>${metric.title} ${arrow}${metric.id === metric.name ? undefined : html` <small class="soft">${metric.id}</small>`}${
    several ? html` <small class="soft">on ${model.model.id}</small>` : undefined
  }</h3>
<ul class="meta">${about.map(text => html`<li>${text}</li>`)}<li><a href="#${names.metricSource(metric)}">source</a></li></ul>
${
  valued.length === 0
    ? html`<p>No value: ${plural(model.answered, 'image')} classified, and none has a value of this metric. The reasons stand under <a href="#outcomes">Outcomes</a>.</p>`
    : html`${metricTable(entry, names, decimals)}<div class="figures">${meansFigure(entry, names, decimals)}${curvesFigure(entry, names)}</div>${outcomeTable(model, entry, names, decimals)}${shuffledTable(entry, names, decimals)}`
}`;
}

function meansFigure(entry: MetricAnalysis, names: Names, decimals: number): Markup | undefined {
  const rows = entry.methods.flatMap(({ method, summary }) => {
    if (!summary) return [];
    const shuffled = entry.controls.find(c => c.of === method.id)?.summary?.mean;
    return [
      {
        label: method.id,
        colour: names.colour(method.id),
        mean: summary.mean,
        ...(summary.low !== null && summary.high !== null ? { low: summary.low, high: summary.high } : {}),
        ...(shuffled === undefined ? {} : { shuffled }),
      },
    ];
  });
  if (rows.length === 0) return undefined;
  const references = entry.controls.flatMap(c =>
    c.of === undefined && c.summary ? [{ label: c.method.id, value: c.summary.mean }] : [],
  );
  if (entry.chance !== undefined) references.push({ label: 'chance', value: entry.chance });
  const spoken = rows.map(r => `${r.label} ${fixed(r.mean, decimals)}`).join('; ');
  const name = `${entry.metric.title}: ${spoken}. Controls: ${references.map(r => `${r.label} ${fixed(r.value, decimals)}`).join('; ') || 'none'}.`;
  const [low, high] = entry.metric.range;
  const chart = intervalChart({
    name,
    title: `${entry.metric.title} (${entry.metric.better} is better)`,
    rows,
    references,
    within: [low ?? Number.NEGATIVE_INFINITY, high ?? Number.POSITIVE_INFINITY],
  });
  const hasOwn = rows.some(r => 'shuffled' in r);
  return html`<figure>${chart}<figcaption>Means over patients with 95 % intervals.${
    references.length > 0 ? ' Dashed lines: controls.' : ''
  }${hasOwn ? ' Diamonds: the method’s own maps of other patients.' : ''}</figcaption></figure>`;
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
  });
  const hidden = entry.controls.filter(c => c.of !== undefined && c.curve).length;
  return html`<figure>${chart}<ul class="legend">${series.map(
    s =>
      html`<li><svg viewBox="0 0 28 10" aria-hidden="true"><g class="${s.control ? 'control' : 'series'} ${s.colour}"><path class="line" d="M0 5H28"/></g></svg>${s.label}</li>`,
  )}</ul><figcaption>Mean curves over ${over}; bands: pointwise 95 % intervals (Student’s t). Controls grey and dashed.${
    hidden > 0 ? ` ${hidden} shuffled controls are not drawn.` : ''
  }</figcaption></figure>`;
}
