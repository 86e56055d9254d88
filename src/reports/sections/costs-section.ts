import type { ModelAnalysis } from '../analysis/analysis.ts';
import { table } from '../page/html-table.ts';
import { html, type Markup } from '../page/markup.ts';
import type { Names } from '../page/part-names.ts';
import type { ReportContext, Section } from '../page/section.ts';
import type { MapCell } from '../summary/collect.ts';
import type { RunData } from '../summary/run-data.ts';
import { compact, fixed, group } from '../text/format.ts';
import { byModel, markdownTable, markdownText } from '../text/markdown.ts';
import { elsewhereText, middleHalf, placeText, savedText, timingNotes, timingRemarks } from '../text/timing-words.ts';
import { times } from './times-section.ts';

/** What an explanation costs: time as measured alone on the machine, and passes, which do not depend on it. */
export function costsSection({ analysis: { models }, run, names }: ReportContext): Section {
  const parts = models.map(
    model =>
      html`${models.length > 1 ? html`<h3>${model.model.id}</h3>` : undefined}${timings(model, run, names)}${passes(model, run, names)}${saved(model)}`,
  );
  const timed = models.flatMap(({ timings: rows }) => rows);
  const notes = timed.length > 0 ? [timingNotes(timed)] : [];
  return {
    id: 'costs',
    title: 'Costs',
    html: html`${parts}${notes.map(text => html`<p class="note">${text}</p>`)}`,
    markdown: [...byModel(models, markdownOf), ...notes],
  };
}

function timings({ timings: rows }: ModelAnalysis, { manifest }: RunData, names: Names): Markup {
  if (rows.length === 0) return html`<p>This run has no timing phase: no time was measured.</p>`;
  return times(rows, id => {
    const method = manifest.methods.find(m => m.id === id);
    return method ? names.method(method) : id;
  });
}

function passes({ maps }: ModelAnalysis, { manifest }: RunData, names: Names): Markup | undefined {
  if (maps.length === 0) return undefined;
  const rows = maps.map(cell => {
    const method = manifest.methods.find(m => m.id === cell.method);
    return [
      method ? names.method(method) : cell.method,
      group(cell.ok.size),
      cell.passes.n > 0 ? compact(cell.passes.forward) : '–',
      cell.passes.n > 0 ? compact(cell.passes.backward) : '–',
      cell.baselines.join(', ') || '–',
      about(cell),
    ];
  });
  return html`<details><summary>Passes, and what the methods say of their maps</summary>${table(
    'Maps of the whole run: mean passes asked for, and what the methods say of their maps',
    [
      { title: 'Method', style: 'name' },
      { title: 'Maps', numeric: true },
      { title: 'Forward', numeric: true },
      { title: 'Backward', numeric: true },
      { title: 'Baseline' },
      { title: 'Diagnostics: mean (least to largest)', style: 'wide' },
    ],
    [{ rows }],
  )}</details>`;
}

function saved(model: ModelAnalysis): Markup | undefined {
  const text = savedText(model);
  return text ? html`<p class="note">${text}</p>` : undefined;
}

function about({ diagnostics, notes }: MapCell): string {
  const numbers = [...diagnostics].map(([name, { mean, min, max }]) =>
    min === max ? `${name} ${digits(mean)}` : `${name} ${digits(mean)} (${digits(min)} to ${digits(max)})`,
  );
  const words = [...notes].map(([name, values]) => `${name}: ${values.join(', ')}`);
  return [...words, ...numbers].join('; ') || '–';
}

function digits(value: number): string {
  return Math.abs(value) >= 100 || Number.isInteger(value)
    ? compact(value)
    : fixed(value, Math.abs(value) < 0.1 ? 4 : 2);
}

function markdownOf(model: ModelAnalysis): string[] {
  const { timings, maps } = model;
  const passes = [
    markdownTable(
      ['Method', 'Maps', 'Forward passes', 'Backward passes'],
      maps.map(m => [m.method, group(m.ok.size), compact(m.passes.forward), compact(m.passes.backward)]),
      [1, 2, 3],
    ),
    markdownText(savedText(model)),
  ];
  if (timings.length === 0) return ['No time was measured: this run has no timing phase.', ...passes];
  return [
    'Milliseconds for one explanation, warmed up, methods interleaved.',
    markdownTable(
      [
        'Method',
        'Median',
        'Middle half',
        'Mean ± SD',
        '95th percentile',
        'Timed',
        'Device time',
        'CPU',
        'JavaScript',
        'Open',
        'First call',
        'Forward',
        'Backward',
        'Peak memory, MB',
        'Operators elsewhere',
        'Ran on',
      ],
      timings.map(row => [
        row.method,
        row.status === 'ok' ? compact(row.wallMs?.p50) : `${row.status}: ${row.reason ?? 'no reason was recorded'}`,
        middleHalf(row),
        row.wallMs ? `${compact(row.wallMs.mean)} ± ${compact(row.wallMs.sd)}` : '–',
        row.wallMs?.p95 === undefined ? '' : compact(row.wallMs.p95),
        group(row.samples),
        row.deviceMs ? compact(row.deviceMs.p50) : '',
        compact(row.cpuMs),
        compact(row.jsMs),
        compact(row.openMs),
        compact(row.firstMs),
        row.passes ? compact(row.passes.forward) : '–',
        row.passes ? compact(row.passes.backward) : '–',
        compact(row.peakRssMb),
        elsewhereText(row),
        placeText(row),
      ]),
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13],
    ),
    timingRemarks(timings)
      .map(line => `- ${markdownText(line)}`)
      .join('\n'),
    ...passes,
  ];
}
