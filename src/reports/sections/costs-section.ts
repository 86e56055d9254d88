import type { Analysis, ModelAnalysis } from '../analysis/analysis.ts';
import { table } from '../page/html-table.ts';
import { html, type Markup } from '../page/markup.ts';
import type { Names } from '../page/part-names.ts';
import type { MapCell } from '../summary/collect.ts';
import type { RunData } from '../summary/run-data.ts';
import { compact, fixed, group } from '../text/format.ts';
import { savedText } from '../text/timing-words.ts';
import { times } from './times-section.ts';

/** What an explanation costs: time as measured alone on the machine, and passes, which do not depend on it. */
export function costs({ models }: Analysis, run: RunData, names: Names): Markup {
  const parts = models.map(
    model =>
      html`${models.length > 1 ? html`<h3>${model.model.id}</h3>` : undefined}${timings(model, run, names)}${passes(model, run, names)}${saved(model)}`,
  );
  return html`<section id="costs"><h2>Costs</h2>${parts}</section>\n`;
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
  return table(
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
  );
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
