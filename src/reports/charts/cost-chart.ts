import { curveStepAfter, line } from 'd3-shape';
import { html, type Markup } from '../page/markup.ts';
import { axisOver, bottomAxis, leftAxis, px, svg } from './axis.ts';
import { logAxisOver } from './log-axis.ts';

export interface CostPoint {
  readonly cost: number;
  readonly mean: number;
  readonly least: number;
  readonly largest: number;
  /** What stands beside the mark on hovering. */
  readonly title: string;
  /** Whether no other point is as good at the same cost or less. */
  readonly front: boolean;
}

export interface CostSeries {
  readonly label: string;
  readonly colour: string;
  /** By cost; one point where the cost is not a choice. */
  readonly points: readonly CostPoint[];
}

const [WIDTH, HEIGHT] = [460, 300];
const FRAME = { left: 52, right: WIDTH - 12, top: 10, bottom: HEIGHT - 42 };

/**
 * Quality against cost, which grows to the right in equal factors: a line per method, bars from the least to the
 * largest patient, single points as diamonds, rings round what lies on the front, the front as a dashed staircase.
 */
export function costChart(chart: {
  readonly name: string;
  readonly x: string;
  readonly y: string;
  readonly series: readonly CostSeries[];
  readonly within?: readonly [number, number];
}): Markup {
  const points = chart.series.flatMap(s => s.points);
  const x = logAxisOver(
    points.map(p => p.cost),
    [FRAME.left + 6, FRAME.right - 6],
  );
  const y = axisOver(
    points.flatMap(p => [p.mean, p.least, p.largest]),
    [FRAME.bottom, FRAME.top],
    chart.within ? { within: chart.within } : {},
  );
  const front = points.filter(p => p.front).sort((a, b) => a.cost - b.cost);
  const stairs = line<readonly [number, number]>(
    p => Number(px(p[0])),
    p => Number(px(p[1])),
  ).curve(curveStepAfter)([
    ...front.map(p => [x(p.cost), y(p.mean)] as const),
    ...front.slice(-1).map(p => [FRAME.right, y(p.mean)] as const),
  ]);
  return svg(WIDTH, HEIGHT, chart.name, [
    bottomAxis(x, FRAME, chart.x),
    leftAxis(y, FRAME, chart.y),
    html`<path class="front" d="${stairs ?? ''}"/>`,
    html`${chart.series.map(series => drawSeries(series, x, y))}`,
  ]);
}

type Scale = (value: number) => number;

function drawSeries({ label, colour, points }: CostSeries, x: Scale, y: Scale): Markup {
  const path = line<CostPoint>(
    p => Number(px(x(p.cost))),
    p => Number(px(y(p.mean))),
  )([...points]);
  const single = points.length === 1;
  return html`<g class="series row ${colour}"><title>${label}</title>${points.map(
    p =>
      html`<line class="spread" x1="${px(x(p.cost))}" x2="${px(x(p.cost))}" y1="${px(y(p.least))}" y2="${px(y(p.largest))}"/>`,
  )}<path class="line" d="${path ?? ''}"/>${points.map(p => mark(p, single, x, y))}</g>`;
}

function mark(p: CostPoint, single: boolean, x: Scale, y: Scale): Markup {
  const [cx, cy] = [px(x(p.cost)), px(y(p.mean))];
  const ring = p.front ? html`<circle class="ring" cx="${cx}" cy="${cy}" r="7.5"/>` : undefined;
  return single
    ? html`${ring}<path class="point" d="M${cx} ${px(y(p.mean) - 5.5)}l5.5 5.5l-5.5 5.5l-5.5 -5.5z"><title>${p.title}</title></path>`
    : html`${ring}<circle cx="${cx}" cy="${cy}" r="4"><title>${p.title}</title></circle>`;
}
