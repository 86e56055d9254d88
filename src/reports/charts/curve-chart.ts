import { area, line } from 'd3-shape';
import { html, type Markup } from '../page/markup.ts';
import { axisOver, bottomAxis, leftAxis, px, svg } from './axis.ts';

export interface CurveSeries {
  readonly label: string;
  readonly colour: string;
  readonly control: boolean;
  /** On the common grid of fractions 0…1. */
  readonly mean: ArrayLike<number>;
  /** Pointwise interval; absent where too few patients carry one. */
  readonly low?: ArrayLike<number>;
  readonly high?: ArrayLike<number>;
}

const [WIDTH, HEIGHT] = [460, 300];
const FRAME = { left: 52, right: WIDTH - 12, top: 10, bottom: HEIGHT - 42 };

/** Mean curves with their bands; controls dashed and grey, without bands. */
export function curveChart(chart: {
  readonly name: string;
  readonly x: string;
  readonly y: string;
  readonly series: readonly CurveSeries[];
  /** Possible scores: bands are cut to them. */
  readonly within?: readonly [number, number];
}): Markup {
  const [least, most] = chart.within ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  const cut = (values: ArrayLike<number>) => Array.from(values, v => Math.min(most, Math.max(least, v)));
  const all = chart.series.map(s => (s.low && s.high ? { ...s, low: cut(s.low), high: cut(s.high) } : s));
  const x = axisOver([0, 1], [FRAME.left, FRAME.right], { within: [0, 1] });
  const values = all.flatMap(s => [s.mean, s.low ?? [], s.high ?? []].flatMap(v => Array.from(v)));
  const y = axisOver(values, [FRAME.bottom, FRAME.top], chart.within ? { within: chart.within } : {});
  const order = [...all].sort((a, b) => Number(b.control) - Number(a.control));
  return svg(WIDTH, HEIGHT, chart.name, [
    bottomAxis(x, FRAME, chart.x),
    leftAxis(y, FRAME, chart.y),
    html`${order.map(series => drawSeries(series, x, y))}`,
  ]);
}

function drawSeries(series: CurveSeries, x: (v: number) => number, y: (v: number) => number): Markup {
  const at = (i: number): number => Number(px(x(i / (series.mean.length - 1))));
  const { low, high } = series;
  const indices = Array.from(series.mean, (_, i) => i);
  const path = line<number>(at, i => Number(px(y(series.mean[i]!))))(indices);
  const band =
    low && high && !series.control
      ? area<number>()
          .x(at)
          .y0(i => Number(px(y(low[i]!))))
          .y1(i => Number(px(y(high[i]!))))(indices)
      : undefined;
  return html`<g class="${series.control ? 'control' : 'series'} ${series.colour}"><title>${series.label}</title>${
    band ? html`<path class="band" d="${band}"/>` : undefined
  }<path class="line" d="${path ?? ''}"/></g>`;
}
