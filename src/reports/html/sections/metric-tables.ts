import type { Summary } from '../../../core/statistics/summary.ts';
import type { CellResult, Difference, MethodResult, MetricAnalysis, ModelAnalysis } from '../../analysis/types.ts';
import { fixed, group, plural, signed } from '../../format.ts';
import { countOf } from '../../tally.ts';
import { ranksNote, ranksText } from '../../words.ts';
import { html, type Markup } from '../markup.ts';
import type { Names } from '../names.ts';
import { type Column, table } from '../table.ts';

const VERDICTS = { better: ['yes', 'beats it'], worse: ['no', 'worse'], open: ['open', 'not separated'] } as const;

/** Methods with their ranks; below them the controls, which are never ranked. */
export function metricTable(entry: MetricAnalysis, names: Names, decimals: number): Markup {
  const { methods, controls, ranking, metric } = entry;
  const own = methods.some(m => m.shuffled);
  const others = methods.some(m => m.controls.length > 0);
  const columns: Column[] = [
    { title: 'Method', style: 'name' },
    { title: 'Mean', numeric: true },
    { title: '95 % interval', numeric: true },
    { title: 'Ranks', numeric: true },
    ...(own
      ? [{ title: html`Against its own maps of<br>other patients <small>difference</small>`, style: 'name' }]
      : []),
    ...(others ? [{ title: html`Beats the controls` }] : []),
    { title: 'Patients', numeric: true },
    { title: 'Images', numeric: true },
    { title: 'Without a value', style: 'name' },
  ];
  const cells = (result: CellResult, middle: readonly (Markup | string)[], ranks: Markup | string) => [
    html`${names.method(result.method)}${(result as Partial<MethodResult>).matched ? html` <abbr title="same baseline as the metric">‡</abbr>` : undefined}`,
    fixed(result.summary?.mean, decimals),
    intervalCell(result.summary, decimals),
    ranks,
    ...middle,
    group(result.summary?.patients ?? 0),
    group(result.summary?.images ?? 0),
    missingText(result),
  ];
  const notes = tableNotes(entry);
  return html`${table(`${metric.title}: mean over patients of the mean within each patient`, columns, [
    {
      rows: methods.map(m =>
        cells(
          m,
          [
            ...(own ? [differenceCell(m.shuffled, decimals)] : []),
            ...(others ? [controlsCell(m.controls, decimals)] : []),
          ],
          ranksText(ranking, m.method.id),
        ),
      ),
    },
    {
      title: 'Controls: lines of reference, not ranked',
      rows: controls.map(c => cells(c, [...(own ? [''] : []), ...(others ? [''] : [])], '')),
    },
  ])}${notes.map(text => html`<p class="note">${text}</p>`)}`;
}

function tableNotes({ methods, ranking }: MetricAnalysis): string[] {
  const notes = [ranksNote(ranking, methods.length)];
  if (methods.some(m => m.matched)) {
    notes.push('‡ The method and the metric use the same baseline, which favours the method.');
  }
  const intervals = [...new Set(methods.flatMap(m => (m.summary?.note ? `${m.method.id}: ${m.summary.note}` : [])))];
  if (intervals.length > 0) notes.push(`Intervals – ${intervals.join('; ')}.`);
  return notes.filter(Boolean);
}

function intervalCell(summary: Summary | undefined, decimals: number): Markup | string {
  if (!summary) return '–';
  if (summary.low === null || summary.high === null) {
    return html`<abbr title="${summary.note ?? 'no interval'}">none</abbr>`;
  }
  return `${fixed(summary.low, decimals)} to ${fixed(summary.high, decimals)}`;
}

function differenceCell(difference: Difference | undefined, decimals: number): Markup | string {
  if (!difference) return '–';
  const { summary, verdict } = difference;
  const [style, word] = VERDICTS[verdict];
  const interval =
    summary.low === null || summary.high === null
      ? ''
      : ` (${signed(summary.low, decimals)} to ${signed(summary.high, decimals)})`;
  return html`<span class="${style}">${word}</span> <span class="soft">${signed(summary.mean, decimals)}${interval}</span>`;
}

function controlsCell(differences: readonly Difference[], decimals: number): Markup | string {
  if (differences.length === 0) return '–';
  const beaten = differences.filter(d => d.verdict === 'better');
  const rest = differences.filter(d => d.verdict !== 'better');
  const title = differences
    .map(d => `${d.control}: ${VERDICTS[d.verdict][1]}, difference ${signed(d.summary.mean, decimals)}`)
    .join('; ');
  if (rest.length === 0) return html`<span class="yes" title="${title}">all ${beaten.length}</span>`;
  return html`<span class="${rest.some(d => d.verdict === 'worse') ? 'no' : 'open'}" title="${title}">${beaten.length} of ${differences.length}; not ${rest.map(d => d.control).join(', ')}</span>`;
}

/** '5 undefined, 2 failed', or 'none'. */
function missingText({ others, notRun }: CellResult): Markup | string {
  const parts = (['undefined', 'skipped', 'failed'] as const).flatMap(status => {
    const n = countOf(others, status);
    return n > 0 ? [`${group(n)} ${status}`] : [];
  });
  if (notRun > 0) parts.push(`${group(notRun)} not run`);
  if (parts.length === 0) return 'none';
  const why = others.map(o => `${o.count}: ${o.reason}`).join('\n');
  return html`<abbr title="${why || 'the run was cut'}">${parts.join(', ')}</abbr>`;
}

/** The controls made of each method's own maps, by themselves. */
export function shuffledTable(
  { controls, metric }: MetricAnalysis,
  names: Names,
  decimals: number,
): Markup | undefined {
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
          intervalCell(result.summary, decimals),
          group(result.summary?.patients ?? 0),
          group(result.summary?.images ?? 0),
          missingText(result),
        ]),
      },
    ],
  )}</details>`;
}

/** Means by what the classifier made of the images; nothing where it made the same of all. */
export function outcomeTable(
  { strata }: ModelAnalysis,
  { methods, metric }: MetricAnalysis,
  names: Names,
  decimals: number,
): Markup | undefined {
  if (strata.length < 2 || methods.every(m => !m.summary)) return undefined;
  return html`<details><summary>By the classifier’s outcome</summary>${table(
    `${metric.title} by label and outcome: mean over patients (95 % interval), patients`,
    [
      { title: 'Method', style: 'name' },
      ...strata.map(s => ({
        title: html`${s.name} <small>${plural(s.samples.size, 'image')}, ${plural(s.patients, 'patient')}</small>`,
        numeric: true,
      })),
    ],
    [
      {
        rows: methods.map(m => [
          names.method(m.method),
          ...m.strata.map(s =>
            s
              ? html`${fixed(s.mean, decimals)} <small>${
                  s.low === null || s.high === null ? '' : `(${fixed(s.low, decimals)} to ${fixed(s.high, decimals)})`
                }, ${group(s.patients)}</small>`
              : '–',
          ),
        ]),
      },
    ],
  )}<p class="note">Described, not tested: the outcomes were not drawn at random. No interval below six patients.</p></details>`;
}
