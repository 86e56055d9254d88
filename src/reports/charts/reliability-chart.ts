import { html, type Markup } from '../page/markup.ts';
import { axisOver, bottomAxis, leftAxis, px, svg } from './axis.ts';

export interface DrawnBin {
  readonly low: number;
  readonly high: number;
  /** Mean predicted probability and observed share. */
  readonly predicted: number;
  readonly observed: number;
  readonly count: number;
}

const [WIDTH, HEIGHT] = [340, 330];
const FRAME = { left: 52, right: WIDTH - 12, top: 10, bottom: 230 };
const BARS = { top: 238, bottom: HEIGHT - 42 };

/** Observed share against predicted probability, dots sized by count, and how many images each bin holds. */
export function reliabilityChart(name: string, xTitle: string, bins: readonly DrawnBin[]): Markup {
  const x = axisOver([0, 1], [FRAME.left, FRAME.right], { within: [0, 1] });
  const y = axisOver([0, 1], [FRAME.bottom, FRAME.top], { within: [0, 1] });
  const filled = bins.filter(bin => bin.count > 0);
  const most = Math.max(1, ...filled.map(bin => bin.count));
  const below = { ...FRAME, bottom: BARS.bottom };
  const path = filled.map((b, i) => `${i ? 'L' : 'M'}${px(x(b.predicted))} ${px(y(b.observed))}`).join('');
  return svg(WIDTH, HEIGHT, name, [
    bottomAxis(x, below, xTitle),
    leftAxis(y, FRAME, 'observed share'),
    html`<line class="diagonal" x1="${FRAME.left}" y1="${FRAME.bottom}" x2="${FRAME.right}" y2="${FRAME.top}"/>`,
    html`<g class="row c0"><path class="line" d="${path}"/>${filled.map(
      bin =>
        html`<circle cx="${px(x(bin.predicted))}" cy="${px(y(bin.observed))}" r="${px(2.5 + 3.5 * Math.sqrt(bin.count / most))}"/>`,
    )}${filled.map(bin => {
      const height = ((BARS.bottom - BARS.top) * bin.count) / most;
      return html`<rect class="bar" x="${px(x(bin.low) + 1)}" width="${px(x(bin.high) - x(bin.low) - 2)}" y="${px(BARS.bottom - height)}" height="${px(height)}"><title>${bin.count}</title></rect>`;
    })}</g>`,
  ]);
}
