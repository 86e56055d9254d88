import { html, type Markup } from '../page/markup.ts';
import { signed } from '../text/format.ts';
import { axisOver, bottomAxis, px, svg } from './axis.ts';
import { rowLabel, rowLabels } from './row-labels.ts';

export interface IntervalRow {
  readonly label: string;
  /** Class that carries the method's colour. */
  readonly colour: string;
  readonly mean: number;
  readonly low?: number;
  readonly high?: number;
  /** The control made of this method's own maps, drawn as a hollow diamond in its row. */
  readonly shuffled?: number;
}

export interface ReferenceLine {
  readonly label: string;
  readonly value: number;
}

/** In the drawing's own pixels: it is scaled to its column, and its letters with it. */
const WIDTH = 460;
const ROW = 26;
const CHARACTER = 6.3;

/** Means as dots, intervals as bars, a row a method; controls as dashed lines across all rows. */
export function intervalChart(chart: {
  readonly name: string;
  readonly title: string;
  readonly rows: readonly IntervalRow[];
  readonly references: readonly ReferenceLine[];
  readonly within?: readonly [number, number];
  readonly width?: number;
}): Markup {
  const { rows, references, width = WIDTH } = chart;
  const longest = Math.max(...rows.map(row => row.label.length), 4);
  const left = Math.min(150, Math.max(60, longest * CHARACTER + 14));
  const values = [
    ...rows.flatMap(row => [row.mean, row.low ?? row.mean, row.high ?? row.mean, row.shuffled ?? row.mean]),
    ...references.map(r => r.value),
  ];
  const x = axisOver(values, [left, width - 14], chart.within ? { within: chart.within } : {});
  const labels = placeLabels(references, x, { left, width });
  const top = 8 + labels.levels * 15;
  const bottom = top + Math.max(1, rows.length) * ROW;
  const frame = { left, right: width - 14, top, bottom };
  const names = rowLabels(
    rows.map(row => row.label),
    // Rounded up by a hair: 9 × 6.3 ÷ 6.3 may be less than 9.
    Math.floor((left - 14) / CHARACTER + 1e-6),
  );
  return svg(width, bottom + 40, chart.name, [
    bottomAxis(x, frame, chart.title),
    html`<g class="reference">${labels.placed.map(
      ({ at, level }) => html`<line x1="${px(at)}" x2="${px(at)}" y1="${18 + level * 15}" y2="${bottom}"/>`,
    )}${labels.placed.map(
      ({ label, level, anchor }) =>
        html`<text x="${px(anchor)}" y="${14 + level * 15}" text-anchor="middle">${label}</text>`,
    )}</g>`,
    html`${rows.map((row, i) => drawRow(row, rowLabel(names[i]!, left - 8, top + (i + 0.5) * ROW), top + (i + 0.5) * ROW, x))}`,
  ]);
}

function drawRow(row: IntervalRow, label: Markup, y: number, x: (value: number) => number): Markup {
  const interval =
    row.low !== undefined && row.high !== undefined
      ? html`<line class="interval" x1="${px(x(row.low))}" x2="${px(x(row.high))}" y1="${y}" y2="${y}"/>`
      : undefined;
  const shuffled =
    row.shuffled !== undefined
      ? html`<path class="shuffled" d="M${px(x(row.shuffled))} ${y - 5}l5 5l-5 5l-5 -5z"><title>shuffled maps of ${row.label}</title></path>`
      : undefined;
  return html`<g class="row ${row.colour}">${label}${shuffled}${interval}<circle cx="${px(x(row.mean))}" cy="${y}" r="4.5"><title>${row.label}: ${signed(row.mean, 4)}</title></circle></g>`;
}

interface PlacedLabel {
  readonly label: string;
  readonly at: number;
  /** Middle of the text. */
  readonly anchor: number;
  readonly level: number;
}

/** Puts each label in the lowest line of text where it meets no other. */
function placeLabels(
  references: readonly ReferenceLine[],
  x: (value: number) => number,
  { left, width }: { readonly left: number; readonly width: number },
): { placed: readonly PlacedLabel[]; levels: number } {
  const ends: number[] = [];
  const placed = [...references]
    .sort((a, b) => a.value - b.value)
    .map(({ label, value }) => {
      const half = (label.length * CHARACTER) / 2;
      const at = x(value);
      const anchor = Math.max(left * 0.3 + half, Math.min(width - 2 - half, at));
      let level = ends.findIndex(end => end + 6 <= anchor - half);
      if (level < 0) level = ends.length;
      ends[level] = anchor + half;
      return { label, at, anchor, level };
    });
  return { placed, levels: ends.length };
}
