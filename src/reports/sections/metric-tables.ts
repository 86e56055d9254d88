import type { CellResult, Difference, MetricAnalysis, ModelAnalysis, Stratum } from '../analysis/analysis.ts';
import { type Column, table } from '../page/html-table.ts';
import { html, type Markup } from '../page/markup.ts';
import type { Names } from '../page/part-names.ts';
import { fixed, group, plural, pValue, signed } from '../text/format.ts';
import { controlsText, differenceText, intervalText, metricNotes, missingText, ranksText } from '../text/words.ts';

/** Methods with their ranks; below them the controls, which are never ranked. */
export function metricTable(entry: MetricAnalysis, stratum: Stratum, names: Names, decimals: number): Markup {
  const { methods, controls, metric, chance } = entry;
  const own = methods.some(m => m.shuffled);
  const others = methods.some(m => m.controls.length > 0);
  const columns: Column[] = [
    { title: 'Method', style: 'name' },
    { title: 'Mean', numeric: true },
    { title: '95 % interval', numeric: true },
    { title: 'Ranks', numeric: true },
    ...(own ? [{ title: html`Against its own maps of other patients <small>difference</small>`, style: 'name' }] : []),
    ...(others ? [{ title: 'Beats the controls', style: 'roomy' }] : []),
    { title: 'Patients', numeric: true },
    { title: 'Images', numeric: true },
    { title: 'Without a value', style: 'name' },
  ];
  const cells = (result: CellResult, middle: readonly (Markup | string)[]) => [
    nameCell(result, names),
    fixed(result.summary?.mean, decimals),
    intervalText(result.summary, decimals),
    ...middle,
    group(result.summary?.patients ?? 0),
    group(result.summary?.images ?? 0),
    missingText(result),
  ];
  return html`${table(`${metric.title}, ${stratum.name}: mean over patients of the mean within each patient`, columns, [
    {
      rows: methods.map(m =>
        cells(m, [
          ranksText(entry, m.method.id),
          ...(own ? [differenceCell(m.shuffled, decimals)] : []),
          ...(others ? [controlsCell(m.controls)] : []),
        ]),
      ),
    },
    {
      title: 'Controls: lines of reference, not ranked',
      rows: controls
        .filter(c => c.of === undefined)
        .map(c => cells(c, ['', ...(own ? [''] : []), ...(others ? [''] : [])])),
    },
    {
      rows: chance === undefined ? [] : [['chance', fixed(chance, decimals), ...columns.slice(2).map(() => '')]],
    },
  ])}${metricNotes(entry).map(text => html`<p class="note">${text}</p>`)}`;
}

function nameCell(result: CellResult & { readonly matched?: boolean }, names: Names): Markup {
  const mark = result.matched ? ' ‡' : undefined;
  return html`${names.method(result.method)}${mark}`;
}

function differenceCell(difference: Difference | undefined, decimals: number): Markup | string {
  if (!difference) return '–';
  const [tone, word, numbers] = differenceText(difference, decimals);
  return html`<span class="${tone}">${word}</span> <span class="soft">${numbers}</span>`;
}

function controlsCell(differences: readonly Difference[]): Markup {
  const [tone, text] = controlsText(differences);
  return html`<span class="${tone}">${text}</span>`;
}

/** What stands behind the table: pairs, the classifier's outcomes, the shuffled controls; folded away. */
export function metricDetails(model: ModelAnalysis, entry: MetricAnalysis, names: Names, decimals: number): Markup {
  return html`${pairTable(entry, decimals)}${controlTable(entry, names, decimals)}${outcomeTable(model, entry, names, decimals)}${shuffledTable(entry, names, decimals)}`;
}

function pairTable({ ranking, metric, doNotRank }: MetricAnalysis, decimals: number): Markup | undefined {
  if (!ranking || doNotRank !== undefined || ranking.pairs.length === 0 || ranking.patients === 0) return undefined;
  return html`<details><summary>Pairs of methods</summary>${table(
    `${metric.title}: differences over ${plural(ranking.patients, 'complete patient')}, p adjusted for all pairs (max-T)`,
    [
      { title: 'Better mean', style: 'name' },
      { title: 'Worse mean', style: 'name' },
      { title: 'Difference', numeric: true },
      { title: 'Adjusted p', numeric: true },
      { title: 'Separated' },
    ],
    [
      {
        rows: [...ranking.pairs]
          .sort((a, b) => a.p - b.p)
          .map(pair => [
            pair.better,
            pair.worse,
            signed(pair.difference, decimals),
            pValue(pair.p),
            pair.significant ? html`<span class="yes">yes</span>` : html`<span class="open">no</span>`,
          ]),
      },
    ],
  )}</details>`;
}

/** Each method against each control that is the same for all: what the column 'Beats the controls' counts. */
function controlTable({ methods, metric }: MetricAnalysis, names: Names, decimals: number): Markup | undefined {
  const ids = [...new Set(methods.flatMap(m => m.controls.map(c => c.control)))];
  if (ids.length === 0) return undefined;
  return html`<details><summary>Against each control</summary>${table(
    `${metric.title}: mean difference from each control over patients, with its simultaneous 95 % interval`,
    [{ title: 'Method', style: 'name' }, ...ids.map(title => ({ title, style: 'name' }))],
    [
      {
        rows: methods.map(m => [
          names.method(m.method),
          ...ids.map(id =>
            differenceCell(
              m.controls.find(c => c.control === id),
              decimals,
            ),
          ),
        ]),
      },
    ],
  )}</details>`;
}

/** The controls made of each method's own maps, by themselves. */
function shuffledTable({ controls, metric }: MetricAnalysis, names: Names, decimals: number): Markup | undefined {
  const rows = controls.filter(c => c.of !== undefined);
  if (rows.length === 0) return undefined;
  return html`<details><summary>The methods’ own maps of other patients</summary>${table(
    `${metric.title} of each method’s maps put on other patients’ images: mean over patients`,
    [
      { title: 'Control', style: 'name' },
      { title: 'Mean', numeric: true },
      { title: '95 % interval', numeric: true },
      { title: 'Patients', numeric: true },
      { title: 'Images', numeric: true },
      { title: 'Without a value', style: 'name' },
    ],
    [
      {
        rows: rows.map(result => [
          names.method(result.method),
          fixed(result.summary?.mean, decimals),
          intervalText(result.summary, decimals),
          group(result.summary?.patients ?? 0),
          group(result.summary?.images ?? 0),
          missingText(result),
        ]),
      },
    ],
  )}</details>`;
}

/** Means of the other strata beside the primary one. */
function outcomeTable(
  { primary, strata }: ModelAnalysis,
  { methods, controls, metric }: MetricAnalysis,
  names: Names,
  decimals: number,
): Markup | undefined {
  if (strata.length === 0) return undefined;
  const all = [primary, ...strata];
  const fixedControls = controls.filter(c => c.of === undefined);
  const cell = (result: CellResult, i: number) => {
    const s = i === 0 ? result.summary : result.strata[i - 1];
    if (!s) return '–';
    const interval = s.low === null ? '' : `(${intervalText(s, decimals)}), `;
    return html`${fixed(s.mean, decimals)} <small>${interval}${group(s.patients)}</small>`;
  };
  return html`<details><summary>By stratum</summary>${table(
    `${metric.title} by stratum: mean over patients (95 % interval), patients`,
    [
      { title: 'Method', style: 'name' },
      ...all.map(s => ({
        title: html`${s.name} <small>${plural(s.samples.size, 'image')}, ${plural(s.patients, 'patient')}</small>`,
        numeric: true,
      })),
    ],
    [
      { rows: methods.map(m => [names.method(m.method), ...all.map((_, i) => cell(m, i))]) },
      {
        title: 'Controls',
        rows: fixedControls.map(c => [names.method(c.method), ...all.map((_, i) => cell(c, i))]),
      },
    ],
  )}<p class="note">Groups of images are never mixed. Only the first is tested, the others are described. If one of them reverses an order, that order is not shown.</p></details>`;
}
