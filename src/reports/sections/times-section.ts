import type { TimingRow } from '../../results/rows.ts';
import { type Column, table } from '../page/html-table.ts';
import { html, type Markup } from '../page/markup.ts';
import { compact, group } from '../text/format.ts';
import { elsewhereText, middleHalf, placeText, timingRemarks } from '../text/timing-words.ts';

interface Field extends Column {
  readonly cell: (row: TimingRow) => Markup | string;
  /** Left out unless a row has it. */
  readonly has?: (row: TimingRow) => boolean;
}

/** What timings say; how their columns are to be read is said once for all tables, by `timingNotes`. The time of an explanation, what it takes besides, and what speaks against relying on it. */
export function times(rows: readonly TimingRow[], method: (id: string) => Markup | string): Markup {
  const places = [...new Set(rows.map(placeText))];
  const names: Field[] = [
    { title: 'Method', style: 'name', cell: row => method(row.method) },
    { title: 'Ran on', style: 'name', cell: placeText, has: () => places.length > 1 },
  ];
  const by = places.length === 1 ? ` by ${places[0]}` : '';
  return html`${fields(
    `Time of one explanation${by}: milliseconds, warmed up, methods interleaved`,
    [...names, ...TIME],
    rows,
  )}${fields(
    'Opening, passes and memory',
    [...names, ...BESIDES],
    rows.filter(row => row.status === 'ok'),
  )}${remarks(rows)}`;
}

function remarks(rows: readonly TimingRow[]): Markup | undefined {
  const lines = timingRemarks(rows);
  return lines.length === 0 ? undefined : html`<ul class="small">${lines.map(line => html`<li>${line}</li>`)}</ul>`;
}

const TIME: readonly Field[] = [
  { title: 'Median', numeric: true, cell: median },
  { title: 'Middle half', numeric: true, cell: middleHalf },
  num('95th percentile', row => row.wallMs?.p95),
  { title: 'Repeats', numeric: true, cell: row => group(row.samples) },
  num('Device time', row => row.deviceMs?.p50),
  num('Device time, sum of kernels', row => row.deviceMs?.sumP50),
  num('Wall time when traced', row => row.deviceMs?.wallP50),
  num('Transfers', row => row.transferMs),
  // On the CPU it is the device's own time.
  num('CPU', row => (row.deviceTimeSource === 'process CPU time' ? undefined : row.cpuMs)),
  num('JavaScript', row => row.jsMs),
  { title: 'Maps a minute', numeric: true, cell: row => (row.wallMs ? compact(60_000 / balancedMean(row)) : '–') },
];

const BESIDES: readonly Field[] = [
  num('Open, ms', row => row.openMs),
  num('First call, ms', row => row.firstMs),
  num('Forward passes', row => row.passes?.forward),
  num('Backward passes', row => row.passes?.backward),
  num('Peak memory, MB', row => row.peakRssMb),
  num('Device memory, MB', row => row.deviceMemoryMb),
  num('Energy, J', row => row.energyJ),
  { title: 'Operators on another device', cell: row => elsewhereText(row) || 'none', has: row => !!row.elsewhere },
];

/** Mean over the images of the mean of each one's repeats: a minute's work holds slow images too. */
export function balancedMean({ calls = [], wallMs }: TimingRow): number {
  const images = new Map<number, number[]>();
  for (const [image, ms] of calls) images.set(image, [...(images.get(image) ?? []), ms]);
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  return images.size > 0 ? mean([...images.values()].map(mean)) : (wallMs?.mean ?? Number.NaN);
}

function num(title: string, pick: (row: TimingRow) => number | undefined): Field {
  const shown = (row: TimingRow) => (pick(row) === undefined ? '' : compact(pick(row)));
  return { title, numeric: true, cell: shown, has: row => pick(row) !== undefined };
}

function median(row: TimingRow): Markup | string {
  if (row.status !== 'ok') return `${row.status}: ${row.reason ?? 'no reason was recorded'}`;
  const time = compact(row.wallMs?.p50);
  return row.unstable ? html`${time} <span class="no">unstable</span>` : time;
}

function fields(caption: string, all: readonly Field[], rows: readonly TimingRow[]): Markup | undefined {
  if (rows.length === 0) return undefined;
  const shown = all.filter(({ has }) => !has || rows.some(has));
  return table(caption, shown, [{ rows: rows.map(row => shown.map(({ cell }) => cell(row))) }]);
}
