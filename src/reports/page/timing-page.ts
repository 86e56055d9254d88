import type { TimingRow } from '../../results/rows.ts';
import type { TimingsFile } from '../../results/timings-file.ts';
import { deviceRatio, type TimingChange } from '../analysis/timing-compare.ts';
import { timeChart } from '../charts/time-chart.ts';
import { times } from '../sections/times-section.ts';
import { compact, fixed, listed } from '../text/format.ts';
import { placeText, timingNotes } from '../text/timing-words.ts';
import { table } from './html-table.ts';
import { html, type Markup, trusted } from './markup.ts';
import { STYLE } from './style.ts';

/** Timings alone as one self-contained page: a plot, ratios between devices, all columns, changes from a baseline. */
export function renderTimingPage(file: TimingsFile, changes: readonly TimingChange[] = []): string {
  const { cpu, cores, memoryGb, os } = file.hardware;
  const title = `Time of explanations: ${listed(file.models.map(m => m.id))}`;
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="generator" content="ct-xai-bench">
<title>${title}</title><style>${trusted(STYLE)}</style></head>
<body><header><h1>${title}</h1><p class="soft">${cpu}, ${cores} cores, ${memoryGb} GB, ${os}; ${file.startedAt}; ct-xai-bench ${file.versions['ct-xai-bench'] ?? ''}</p></header>
<main>${changes.length > 0 ? changesSection(changes) : undefined}${file.models.map(({ id }) => modelSection(file, id))}<p class="note">${timingNotes(file.rows)}</p>
<section id="provenance"><h2>Provenance</h2><p>Images: ${file.data.name}; ${file.settings.samples} images, ${file.settings.repeats} repeats or ${file.settings.seconds} s per method; seed ${file.seed}.</p><pre class="wrap">${file.command}</pre></section>
</main></body></html>
`;
  return page.markup;
}

function modelSection(file: TimingsFile, model: string): Markup {
  const rows = file.rows.filter(row => row.model === model);
  const places = [...new Set(rows.map(placeText))];
  const methods = [...new Set(rows.map(row => row.method))];
  const marked = methods.map(method => ({
    label: method,
    marks: rows
      .filter(row => row.method === method && row.wallMs)
      .map(({ wallMs, ...row }) => ({
        colour: colourOf(places.indexOf(placeText(row as TimingRow))),
        label: `${method}, ${placeText(row as TimingRow)}`,
        median: wallMs!.p50,
        ...(wallMs!.q1 === undefined || wallMs!.q3 === undefined ? {} : { q1: wallMs!.q1, q3: wallMs!.q3 }),
      })),
  }));
  const drawn = marked.filter(row => row.marks.length > 0);
  const spoken = drawn.map(r => `${r.label} ${r.marks.map(m => compact(m.median)).join(', ')}`).join('; ');
  return html`<section><h2>${model}</h2>${
    drawn.length === 0
      ? html`<p>Nothing was timed; the reasons stand in the table.</p>`
      : html`<figure>${timeChart({ name: `Milliseconds for one explanation: ${spoken}.`, rows: drawn })}<ul class="legend">${places.map(
          (place, i) =>
            html`<li><svg viewBox="0 0 28 10" aria-hidden="true"><g class="row ${colourOf(i)}"><line class="interval" x1="4" x2="24" y1="5" y2="5"/><circle cx="14" cy="5" r="4"/></g></svg>${place}</li>`,
        )}</ul><figcaption>Dots: medians. Bars: the middle half of the repeats. Equal steps to the right are equal factors.</figcaption></figure>`
  }${places.length > 1 ? ratioTable(rows, methods, places, file.seed) : undefined}${times(rows, id => id)}</section>\n`;
}

function colourOf(place: number): string {
  return `c${place % 7}`;
}

function ratioTable(
  rows: readonly TimingRow[],
  methods: readonly string[],
  places: readonly string[],
  seed: string,
): Markup {
  return table(
    `Wall time as a multiple of that by ${places[0]}, with 95 % intervals over repeats`,
    [{ title: 'Method', style: 'name' }, ...places.slice(1).map(title => ({ title, numeric: true }))],
    [
      {
        rows: methods.map(method => [
          method,
          ...places.slice(1).map(place => ratioText(rows, method, [places[0]!, place], seed)),
        ]),
      },
    ],
  );
}

/** '3.2 (3.0 to 3.4)'; a dash where one of the two has no time. */
export function ratioText(
  rows: readonly TimingRow[],
  method: string,
  [reference, place]: readonly [string, string],
  seed: string,
): string {
  const at = (name: string) => rows.find(row => row.method === method && placeText(row) === name && row.wallMs);
  const [a, b] = [at(reference), at(place)];
  const found = a && b && deviceRatio(b, a, seed);
  if (!found) return '–';
  const { ratio, low, high } = found;
  return low === null || high === null
    ? `${compact(ratio)} (no interval)`
    : `${compact(ratio)} (${compact(low)} to ${compact(high)})`;
}

function changesSection(changes: readonly TimingChange[]): Markup {
  return html`<section><h2>Against the baseline</h2>${table(
    'Median, ms, and the ratio of now to then over the same images, with 95 % intervals over repeats',
    [
      { title: 'Model', style: 'name' },
      { title: 'Method', style: 'name' },
      { title: 'Ran on', style: 'name' },
      { title: 'Then', numeric: true },
      { title: 'Now', numeric: true },
      { title: 'Ratio', numeric: true },
      { title: 'Verdict' },
    ],
    [{ rows: changes.map(changeCells) }],
  )}<p class="note">Slower and faster: the interval excludes 1 and the change is over 5 %. Intervals are over repeats within a start; starts differ by more than that.</p></section>\n`;
}

/** A change as the cells of a table. */
export function changeCells({ model, method, place, before, after, ratio, verdict, note }: TimingChange): string[] {
  const interval =
    ratio?.low == null || ratio.high == null ? '' : ` (${fixed(ratio.low, 2)} to ${fixed(ratio.high, 2)})`;
  return [
    model,
    method,
    place,
    compact(before),
    compact(after),
    ratio ? `${fixed(ratio.ratio, 2)}${interval}` : '–',
    [verdict === 'open' ? '' : verdict, note].filter(Boolean).join(', ') || 'no interval',
  ];
}
