import type { ModelAnalysis } from './analysis/types.ts';
import { listed } from './format.ts';
import type { ReasonCount } from './tally.ts';

/** One reason with all that it concerns. */
export interface OutcomeLine extends ReasonCount {
  /** 'images', 'maps: lime', 'deletion: lime and occlusion'. */
  readonly what: string;
}

/** Reasons of a model's images, maps and values; the same reason of several methods is one line. */
export function outcomeLines({ others, maps, metrics }: ModelAnalysis): OutcomeLine[] {
  const groups = new Map<string, { head: string; methods: string[]; entry: ReasonCount }>();
  const add = (head: string, method: string, entry: ReasonCount): void => {
    const key = JSON.stringify([head, entry.status, entry.reason]);
    const held = groups.get(key);
    if (!held) groups.set(key, { head, methods: method ? [method] : [], entry });
    else {
      held.methods.push(method);
      const { count, varied } = held.entry;
      held.entry = { ...entry, count: count + entry.count, varied: varied || entry.varied };
    }
  };
  for (const entry of others) add('images', '', entry);
  for (const cell of maps) for (const entry of cell.others) add('maps', cell.method, entry);
  for (const { metric, methods, controls } of metrics) {
    for (const result of [...methods, ...controls]) {
      for (const entry of result.others) add(metric.id, result.method.id, entry);
    }
  }
  const rank = { failed: 0, undefined: 1, skipped: 2 };
  return [...groups.values()]
    .map(({ head, methods, entry }) => ({ ...entry, what: methods.length > 0 ? `${head}: ${listed(methods)}` : head }))
    .sort((a, b) => rank[a.status] - rank[b.status] || b.count - a.count);
}
