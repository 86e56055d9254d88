import { html, type Markup } from '../page/markup.ts';
import { compact } from '../text/format.ts';
import { bottomAxis, px, svg } from './axis.ts';
import { logAxisOver } from './log-axis.ts';
import { rowLabel, rowLabels } from './row-labels.ts';

export interface TimeMark {
  /** Class that carries the device's colour. */
  readonly colour: string;
  readonly label: string;
  readonly median: number;
  readonly q1?: number;
  readonly q3?: number;
}

const WIDTH = 620;
const CHARACTER = 6.6;
const LANE = 14;

/** Medians as dots and middle halves as bars, on a logarithmic axis: a row a method, a lane in it a device. */
export function timeChart(chart: {
  readonly name: string;
  readonly rows: readonly { readonly label: string; readonly marks: readonly TimeMark[] }[];
}): Markup {
  const { rows } = chart;
  const left = Math.min(170, Math.max(60, Math.max(4, ...rows.map(r => r.label.length)) * CHARACTER + 14));
  const names = rowLabels(
    rows.map(r => r.label),
    Math.floor((left - 14) / CHARACTER),
  );
  const lanes = Math.max(1, ...rows.map(r => r.marks.length));
  const height = lanes * LANE + 12;
  const [top, bottom] = [8, 8 + Math.max(1, rows.length) * height];
  const frame = { left, right: WIDTH - 56, top, bottom };
  const x = logAxisOver(
    rows.flatMap(r => r.marks.flatMap(m => [m.median, m.q1 ?? m.median, m.q3 ?? m.median])),
    [left, WIDTH - 56],
  );
  return svg(WIDTH, bottom + 40, chart.name, [
    bottomAxis(x, frame, 'milliseconds for one explanation'),
    html`${rows.map(({ marks }, i) => {
      const start = top + i * height;
      return html`${rowLabel(names[i]!, left - 8, start + height / 2)}${marks.map((mark, lane) =>
        drawMark(mark, start + 6 + (lane + 0.5) * ((height - 12) / marks.length), x),
      )}`;
    })}`,
  ]);
}

function drawMark({ colour, label, median, q1, q3 }: TimeMark, y: number, x: (v: number) => number): Markup {
  const bar =
    q1 === undefined || q3 === undefined
      ? undefined
      : html`<line class="interval" x1="${px(x(q1))}" x2="${px(x(q3))}" y1="${px(y)}" y2="${px(y)}"/>`;
  const end = x(Math.max(median, q3 ?? median)) + 8;
  return html`<g class="row ${colour}">${bar}<circle cx="${px(x(median))}" cy="${px(y)}" r="4.5"><title>${label}: ${compact(median)} ms</title></circle><text class="value" x="${px(end)}" y="${px(y + 4)}">${compact(median)}</text></g>`;
}
