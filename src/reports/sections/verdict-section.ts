import type { MetricAnalysis, ModelAnalysis } from '../analysis/analysis.ts';
import { primaryEntry, verdictOf } from '../analysis/verdict.ts';
import { type Column, table } from '../page/html-table.ts';
import { html, type Markup } from '../page/markup.ts';
import type { ReportContext, Section } from '../page/section.ts';
import { senseOf } from '../text/categories.ts';
import { fixed, listed, plural } from '../text/format.ts';
import { markdownTable, markdownText } from '../text/markdown.ts';
import { subjectsOf } from '../text/subject-words.ts';
import { explainedText, intervalText, metricDecimals, ranksText } from '../text/words.ts';
import { meansCaption, meansChart } from './means-figure.ts';

const OWN = { better: 'yes', worse: 'no: worse', open: 'not shown' } as const;
/** Charts of so many models are drawn, and for so many the table says more than the mean. */
const MOST_DRAWN = 2;

const RANKS_NOTE =
  'Ranks: the places that an explainer may have, with 95 % confidence. Where a cell says “cannot rank” or has a dash, no order can be given.';

/** The first screen: the verdict, one table, one figure. */
export function verdictSection(report: ReportContext): Section {
  const { analysis, run } = report;
  const { sentences, conclusive } = verdictOf(run.manifest, analysis);
  const facts = factsOf(report);
  const shown = rowsOf(analysis.models);
  const caption = captionOf(analysis.models);
  return {
    id: 'verdict',
    title: 'Verdict',
    html: html`<div class="first"><div><div class="verdict ${conclusive ? '' : 'silent'}">${sentences.map(sentence => html`<p>${sentence}</p>`)}</div>
<ul class="meta">${facts.map(fact => html`<li>${fact}</li>`)}</ul>
${shown.rows.length > 0 ? table(caption, shown.columns, [{ rows: shown.rows }], 'compact') : undefined}${shown.rows.length > 0 ? html`<p class="note">${RANKS_NOTE}</p>` : undefined}${otherStrata(report)}</div>${figure(report)}</div>`,
    markdown: [
      sentences.map(markdownText).join(' '),
      facts.map(markdownText).join(' · '),
      ...(shown.rows.length > 0
        ? [
            markdownTable(
              shown.columns.map(c => String(c.title)),
              shown.rows,
              shown.columns.flatMap((c, i) => (c.numeric ? [i] : [])),
            ),
            `${markdownText(caption)}. ${RANKS_NOTE}`,
          ]
        : []),
    ],
  };
}

function factsOf({ run: { manifest, summary }, analysis: { models, settings } }: ReportContext): string[] {
  const samples = new Set(summary.samples.map(s => s.sample)).size;
  const patients = new Set(summary.samples.map(s => s.patient)).size;
  const [first] = models;
  const entry = first && primaryEntry(first);
  const declared = manifest.analysis?.changed
    ? 'declared otherwise when the run began'
    : settings.declared
      ? 'declared before the run'
      : 'chosen by rule, not declared';
  return [
    ...(first && first.primary.samples.size > 0
      ? [
          `n = ${plural(first.primary.patients, 'patient')} with ${first.primary.name} (${plural(first.primary.samples.size, 'image')}); in the data: ${plural(patients, 'patient')} (${plural(samples, 'image')})`,
        ]
      : [`${plural(samples, 'image')} of ${plural(patients, 'patient')}`]),
    ...(entry ? [`primary metric: ${entry.metric.title}, ${declared}`, senseOf(entry.metric.category)] : []),
    explainedText(manifest),
    ...(entry && entry.smallest > 0 ? [`smallest effect of interest: ${entry.smallest}`] : []),
  ].filter(Boolean);
}

function captionOf(models: readonly ModelAnalysis[]): string {
  const titles = [...new Set(models.flatMap(m => primaryEntry(m)?.metric.title ?? []))];
  const strata = [...new Set(models.map(m => m.primary.name))];
  const intervals = models.some(m => primaryEntry(m)?.methods.some(({ summary }) => (summary?.low ?? null) !== null));
  return `${listed(titles)}, ${listed(strata)}: mean over patients${intervals ? ' (95 % interval)' : ''}`;
}

/** Means of the same metric over the other images, folded away: they are described, not tested. */
function otherStrata({ analysis: { models } }: ReportContext): Markup | undefined {
  const tables = models.flatMap(({ model, strata, ...rest }) => {
    const entry = primaryEntry({ model, strata, ...rest });
    if (!entry || strata.length === 0 || entry.methods.every(m => m.strata.every(s => !s))) return [];
    const columns: Column[] = [
      { title: 'Explainer', style: 'name' },
      ...strata.map(s => ({ title: `${s.name} (${plural(s.patients, 'patient')})`, numeric: true })),
    ];
    const rows = entry.methods.map(({ method, strata: means }) => [
      method.id,
      ...means.map(s => meanText(s, decimalsOf(entry))),
    ]);
    const where = models.length > 1 ? ` on ${model.id}` : '';
    return [
      table(`${entry.metric.title}${where}, other images: described, not tested`, columns, [{ rows }], 'compact'),
    ];
  });
  return tables.length > 0 ? html`<details><summary>Other groups of images</summary>${tables}</details>` : undefined;
}

/** One row for each explainer, the best mean of the first model first; below, the best control and chance. */
function rowsOf(models: readonly ModelAnalysis[]): { columns: Column[]; rows: string[][] } {
  const entries = models.flatMap(model => {
    const entry = primaryEntry(model);
    return entry?.methods.some(m => m.summary) ? [{ model, entry }] : [];
  });
  const [first] = entries;
  if (!first) return { columns: [], rows: [] };
  const several = entries.length > 1;
  const full = entries.length <= MOST_DRAWN;
  const own = (entry: MetricAnalysis) => full && entry.methods.some(m => m.shuffled);
  const columns: Column[] = [
    { title: 'Explainer', style: 'name' },
    ...entries.flatMap(({ model, entry }) => [
      { title: several ? model.model.id : 'Mean', numeric: true },
      { title: 'Ranks', numeric: true },
      ...(own(entry) ? [{ title: 'Beats its map of another patient', style: 'name' }] : []),
    ]),
  ];
  const sign = first.entry.metric.better === 'higher' ? -1 : 1;
  const order = [...first.entry.methods].sort(
    (a, b) =>
      sign * (a.summary?.mean ?? -sign * Number.MAX_VALUE) - sign * (b.summary?.mean ?? -sign * Number.MAX_VALUE),
  );
  const blank = (entry: MetricAnalysis) => (own(entry) ? ['', ''] : ['']);
  const rows = order.map(({ method }) => [
    method.id,
    ...entries.flatMap(({ entry }) => {
      const decimals = decimalsOf(entry);
      const result = entry.methods.find(m => m.method.id === method.id);
      return [
        meanText(result?.summary, decimals),
        ranksText(entry, method.id),
        ...(own(entry) ? [result?.shuffled ? OWN[result.shuffled.verdict] : '–'] : []),
      ];
    }),
  ]);
  const truth = ['oracle: the known truth', ...entries.flatMap(({ entry }) => [oracleText(entry), ...blank(entry)])];
  const control = ['best control', ...entries.flatMap(({ entry }) => [bestControl(entry), ...blank(entry)])];
  const chance = [
    'chance',
    ...entries.flatMap(({ entry }) => [fixed(entry.chance, decimalsOf(entry)), ...blank(entry)]),
  ];
  const has = (row: readonly string[]) => row.slice(1).some(cell => cell !== '' && cell !== '–');
  return { columns, rows: [...rows, ...[truth, control, chance].filter(has)] };
}

/** Fewer than in the metric's own table: these are read at a glance. */
function decimalsOf(entry: MetricAnalysis): number {
  return Math.min(2, metricDecimals(entry));
}

function meanText(summary: Parameters<typeof intervalText>[0], decimals: number): string {
  if (!summary) return '–';
  const interval = intervalText({ ...summary, skewed: false }, decimals);
  return `${fixed(summary.mean, decimals)}${interval === 'none' ? '' : ` (${interval})`}`;
}

/** The control that is the truth by intervention, as a map: what an explainer can reach at most. */
const ORACLE = 'oracle';

function oracleText(entry: MetricAnalysis): string {
  const found = entry.controls.find(c => c.method.name === ORACLE);
  return found?.summary ? meanText(found.summary, decimalsOf(entry)) : '';
}

/** The other fixed control with the best mean: '0.44 (edges)'. */
function bestControl(entry: MetricAnalysis): string {
  const found = entry.controls.filter(c => c.of === undefined && c.summary && c.method.name !== ORACLE);
  const sign = entry.metric.better === 'higher' ? 1 : -1;
  const [best] = found.sort((a, b) => sign * (b.summary!.mean - a.summary!.mean));
  return best ? `${fixed(best.summary!.mean, decimalsOf(entry))} (${best.method.id})` : '';
}

/** The narrow column beside the verdict. */
const FIGURE_WIDTH = 330;

function figure({ analysis: { models }, names }: ReportContext): Markup | undefined {
  const several = models.length > 1;
  const charts = models.slice(0, MOST_DRAWN).flatMap(model => {
    const entry = primaryEntry(model);
    const drawn =
      entry && meansChart(entry, names, { place: several ? `, ${model.model.id}` : '', width: FIGURE_WIDTH });
    return drawn ? [drawn] : [];
  });
  if (charts.length === 0) return undefined;
  const intervals = charts.some(c => c.intervals);
  const references = charts.some(c => c.references);
  const shuffled = charts.some(c => c.shuffled);
  const more =
    models.length > MOST_DRAWN
      ? ` The first ${MOST_DRAWN} of ${models.length} ${subjectsOf(models.map(m => m.model))}.`
      : '';
  return html`<figure>${charts.map(c => c.chart)}<figcaption>${meansCaption({ intervals, references, shuffled })}${more}</figcaption></figure>`;
}
