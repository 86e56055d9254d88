import type { Analysis, ModelAnalysis } from '../../analysis/types.ts';
import type { MapCell } from '../../collect.ts';
import { compact, fixed, group } from '../../format.ts';
import type { RunData } from '../../run.ts';
import { html, type Markup } from '../markup.ts';
import type { Names } from '../names.ts';
import { table } from '../table.ts';

/** What an explanation costs: time as measured alone on the machine, and passes, which do not depend on it. */
export function costs({ models }: Analysis, run: RunData, names: Names): Markup {
  const parts = models.map(
    model =>
      html`${models.length > 1 ? html`<h3>${model.model.id}</h3>` : undefined}${timings(model, run, names)}${passes(model, run, names)}`,
  );
  return html`<section id="costs"><h2>Costs</h2>${parts}</section>\n`;
}

function timings({ timings: rows }: ModelAnalysis, { manifest }: RunData, names: Names): Markup {
  if (rows.length === 0) return html`<p>This run has no timing phase: no time was measured.</p>`;
  const where = new Set(rows.map(row => `${row.engine} on ${row.device}`));
  const quantile = rows.some(r => r.wallMs?.p95 !== undefined);
  const device = rows.some(r => r.deviceMs);
  const cells = rows.map(row => {
    const method = manifest.methods.find(m => m.id === row.method);
    const { wallMs } = row;
    return [
      method ? names.method(method) : row.method,
      row.status === 'ok'
        ? compact(wallMs?.p50)
        : html`<abbr title="${row.reason ?? 'no reason was recorded'}">${row.status}</abbr>`,
      wallMs ? `${compact(wallMs.mean)} ± ${compact(wallMs.sd)}` : '–',
      compact(wallMs?.min),
      ...(quantile ? [wallMs?.p95 === undefined ? '' : compact(wallMs.p95)] : []),
      group(row.samples),
      compact(row.firstMs),
      compact(row.cpuMs),
      ...(device
        ? [row.deviceMs ? html`${compact(row.deviceMs.p50)} <small>${row.deviceTimeSource ?? ''}</small>` : '']
        : []),
      row.passes ? compact(row.passes.forward) : '–',
      row.passes ? compact(row.passes.backward) : '–',
      compact(row.peakRssMb),
      ...(where.size > 1 ? [`${row.engine} on ${row.device}`] : []),
    ];
  });
  const num = (title: string) => ({ title, numeric: true });
  return html`${table(
    `Time of one explanation${where.size === 1 ? ` by ${[...where][0]}` : ''}: milliseconds of wall time, warmed up, methods interleaved`,
    [
      { title: 'Method', style: 'name' },
      num('Median'),
      num('Mean ± SD'),
      num('Least'),
      ...(quantile ? [num('95th percentile')] : []),
      num('Timed'),
      num('First call'),
      num('CPU time'),
      ...(device ? [num('Device time')] : []),
      num('Forward'),
      num('Backward'),
      num('Peak memory, MB'),
      ...(where.size > 1 ? [{ title: 'Ran on', style: 'name' }] : []),
    ],
    [{ rows: cells }],
  )}<p class="note">Timed: explanations measured after warm-up. First call: unwarmed, compilation included. CPU time: user and system time of all threads, for one explanation. Forward and backward: passes one explanation asks for. Peak memory: resident, of the whole process. ${
    quantile
      ? 'A quantile is blank where there are too few measurements to carry it. '
      : 'No quantile is given: too few measurements carry one. '
  }${device ? '' : 'Device time: none, no device clock was read.'}</p>`;
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
