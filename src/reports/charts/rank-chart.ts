import { html, type Markup } from '../page/markup.ts';
import { fixed } from '../text/format.ts';
import { px, svg } from './axis.ts';
import { rowLabel, rowLabels } from './row-labels.ts';

export interface RankedRow {
  readonly label: string;
  /** Class that carries the method's colour. */
  readonly colour: string;
  /** Mean over patients of the rank among the methods; 1 is best. */
  readonly rank: number;
}

const WIDTH = 460;
const [LEFT, RIGHT] = [118, WIDTH - 118];
const [STEP, BAR] = [20, 9];
/** Characters of a label. */
const MOST = 16;

/**
 * A critical-difference diagram (Demšar 2006): methods on an axis of mean ranks, the best at the left; a bar joins
 * methods of which no two are separated.
 * @param rows in ascending order of rank
 * @param sets of places in `rows`
 * @param difference Nemenyi's critical difference, drawn as a length
 */
export function rankChart(chart: {
  readonly name: string;
  readonly title: string;
  readonly rows: readonly RankedRow[];
  readonly sets: readonly (readonly number[])[];
  readonly difference?: number;
}): Markup {
  const { rows, sets, difference, title } = chart;
  const k = rows.length;
  const x = (rank: number) => LEFT + ((rank - 1) / Math.max(1, k - 1)) * (RIGHT - LEFT);
  const axis = difference === undefined ? 34 : 60;
  const first = axis + 12 + BAR * sets.length + 12;
  const half = Math.ceil(k / 2);
  const names = rowLabels(
    rows.map(row => row.label),
    MOST,
  );
  const y = (i: number) => first + STEP * (i < half ? i : k - 1 - i);
  const bottom = first + STEP * half;
  return svg(WIDTH, bottom, chart.name, [
    html`<g class="axis"><text class="title" x="${px((LEFT + RIGHT) / 2)}" y="12" text-anchor="middle">${title}</text><line class="axle" x1="${LEFT}" x2="${RIGHT}" y1="${axis}" y2="${axis}"/>${rows.map(
      (_, i) =>
        html`<line class="axle" x1="${px(x(i + 1))}" x2="${px(x(i + 1))}" y1="${axis - 4}" y2="${axis}"/><text x="${px(x(i + 1))}" y="${axis - 8}" text-anchor="middle">${String(i + 1)}</text>`,
    )}</g>`,
    difference === undefined ? html`` : ruler(difference, x),
    html`${rows.map(({ rank, colour }, i) => {
      const end = i < half ? LEFT - 6 : RIGHT + 6;
      const label = i < half ? rowLabel(names[i]!, end - 4, y(i)) : rowLabel(names[i]!, end + 4, y(i), 'start');
      return html`<g class="row ${colour}"><path class="line" d="M${px(x(rank))} ${axis}V${y(i)}H${end}"/><circle cx="${px(x(rank))}" cy="${axis}" r="4"/>${label}</g>`;
    })}`,
    html`${sets.map((set, s) => {
      const at = axis + 12 + BAR * s;
      const [a, b] = [rows[set[0]!]!, rows[set[set.length - 1]!]!];
      return html`<g class="undivided"><line x1="${px(x(a.rank) - 4)}" x2="${px(x(b.rank) + 4)}" y1="${at}" y2="${at}"/>${set.map(
        i => html`<circle cx="${px(x(rows[i]!.rank))}" cy="${at}" r="3.6"/>`,
      )}</g>`;
    })}`,
  ]);
}

/** The critical difference as a length, from rank 1 on. */
function ruler(difference: number, x: (rank: number) => number): Markup {
  const end = Math.min(x(1 + difference), WIDTH - 8);
  return html`<g class="axis"><path class="axle" d="M${px(x(1))} 22v8M${px(x(1))} 26H${px(end)}M${px(end)} 22v8"/><text x="${px(end + 6 > RIGHT ? (x(1) + end) / 2 : end + 6)}" y="${end + 6 > RIGHT ? 21 : 30}">CD ${fixed(difference, 2)}</text></g>`;
}
