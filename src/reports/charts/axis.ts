import { type ScaleLinear, scaleLinear } from 'd3-scale';
import { html, type Markup } from '../page/markup.ts';
import { fixed } from '../text/format.ts';

/** Linear scale from values to the pixels of a drawing. */
export interface Axis {
  (value: number): number;
  readonly ticks: readonly number[];
  readonly label: (tick: number) => string;
  readonly domain: readonly [number, number];
}

/**
 * An axis over `values` with round ends; it does not pass 0 where no value does.
 * @param within bounds that the round ends may not pass, e.g. a metric's range
 */
export function axisOver(
  values: Iterable<number>,
  pixels: readonly [number, number],
  { count = 5, within = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] as readonly [number, number] } = {},
): Axis {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) [low, high] = [0, 1];
  const size = Math.max(Math.abs(low), Math.abs(high));
  // Values that are alike but for rounding, or next to 0, would give ticks without end.
  const pad = high - low > 1e-9 * size && size > 1e-100 ? (high - low) * 0.04 : size > 1e-100 ? size * 0.1 : 0.5;
  const scale = scaleLinear()
    .domain([low - pad, high + pad])
    .nice(count);
  const [from, to] = scale.domain() as [number, number];
  const least = low >= 0 ? Math.max(0, within[0]) : within[0];
  const most = high <= 0 ? Math.min(0, within[1]) : within[1];
  const domain: [number, number] = [Math.max(from, Math.min(least, low)), Math.min(to, Math.max(most, high))];
  scale.domain(domain).range(pixels as [number, number]);
  const { ticks, label } = tickLabels(scale, count, pixels);
  return Object.assign((value: number) => scale(value), { ticks, label, domain });
}

/** A figure's mean width in tick labels, and what is left between two of them. */
const FIGURE = 6;
const GAP = 6;

/** About `count` ticks with their labels; fewer where labels beside each other would meet. */
function tickLabels(scale: ScaleLinear<number, number>, count: number, [start, end]: readonly [number, number]) {
  for (let n = count; ; n--) {
    const ticks = scale.ticks(n);
    const step = ticks.length > 1 ? ticks[1]! - ticks[0]! : 1;
    const decimals = Math.max(0, Math.min(6, -Math.floor(Math.log10(step) + 1e-9)));
    const label = (t: number) => fixed(t, decimals);
    const widest = Math.max(...ticks.map(t => label(t).length)) * FIGURE + GAP;
    // Of vertical axes, which run upwards, labels stand above each other.
    if (n <= 2 || ticks.length < 2 || start > end || scale(ticks[1]!) - scale(ticks[0]!) >= widest)
      return { ticks, label };
  }
}

/** Mean width of a title's letters, and what every chart leaves beside its axis. */
const CHARACTER = 6.6;
const RIGHT_MARGIN = 10;

export interface ChartFrame {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** Grid lines and labels of a horizontal axis. A title that is longer than the axis begins to its left. */
export function bottomAxis(axis: Axis, frame: ChartFrame, title: string): Markup {
  const half = (title.length * CHARACTER) / 2;
  const middle = Math.min((frame.left + frame.right) / 2, frame.right + RIGHT_MARGIN - half);
  return html`<g class="axis">${axis.ticks.map(
    tick =>
      html`<line class="grid" x1="${px(axis(tick))}" x2="${px(axis(tick))}" y1="${frame.top}" y2="${frame.bottom}"/><text x="${px(axis(tick))}" y="${frame.bottom + 15}" text-anchor="middle">${axis.label(tick)}</text>`,
  )}<text class="title" x="${px(middle)}" y="${frame.bottom + 32}" text-anchor="middle">${title}</text></g>`;
}

/** Grid lines and labels of a vertical axis. */
export function leftAxis(axis: Axis, frame: ChartFrame, title: string): Markup {
  const middle = px((frame.top + frame.bottom) / 2);
  return html`<g class="axis">${axis.ticks.map(
    tick =>
      html`<line class="grid" x1="${frame.left}" x2="${frame.right}" y1="${px(axis(tick))}" y2="${px(axis(tick))}"/><text x="${frame.left - 6}" y="${px(axis(tick) + 4)}" text-anchor="end">${axis.label(tick)}</text>`,
  )}<text class="title" transform="translate(12 ${middle}) rotate(-90)" text-anchor="middle">${title}</text></g>`;
}

/** A drawing that scales with its column, named for readers who can't see it. */
export function svg(width: number, height: number, name: string, content: readonly Markup[] | Markup): Markup {
  return html`<svg viewBox="0 0 ${width} ${height}" style="max-width:${Math.round(width * 1.1)}px" role="img" aria-label="${name}">${content}</svg>`;
}

/** A coordinate, to a tenth of a pixel. */
export function px(value: number): string {
  return String(Math.round(value * 10) / 10);
}
