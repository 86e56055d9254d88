import type { Manifest } from '../../results/rows.ts';
import type { MethodEntry, MetricEntry } from '../analysis/analysis.ts';
import { html, type Markup } from './markup.ts';

const COLOURS = 10;

/** How methods and metrics are named and coloured, the same in all parts of the page. */
export interface Names {
  /** Classes that carry a method's colour and, beyond ten methods, its dashes. */
  colour(method: string): string;
  /** A method with its colour, linked to its source. */
  method(method: MethodEntry): Markup;
  /** Where a metric's source stands; undefined for one that the report makes of others. */
  metricSource(metric: MetricEntry): string | undefined;
  methodSource(method: MethodEntry): string;
}

export function createNames({ methods, metrics }: Manifest): Names {
  const place = new Map(methods.filter(m => m.role === 'method').map(({ id }, i) => [id, i]));
  const rank = new Map(methods.map(({ id }, i) => [id, i]));
  const metricRank = new Map(metrics.map(({ id }, i) => [id, i]));
  const colour = (method: string): string => {
    const at = place.get(method);
    if (at === undefined) return 'control';
    const round = Math.floor(at / COLOURS);
    return `c${at % COLOURS}${round > 0 ? ` d${Math.min(2, round)}` : ''}`;
  };
  const methodSource = ({ id }: MethodEntry) => `method-${rank.get(id) ?? 'x'}`;
  return {
    colour,
    method: entry =>
      html`<span class="chip ${colour(entry.id)}"></span><a href="#${methodSource(entry)}">${entry.id}</a>`,
    metricSource: ({ id }) => (metricRank.has(id) ? `metric-${metricRank.get(id)}` : undefined),
    methodSource,
  };
}
