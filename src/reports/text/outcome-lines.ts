import type { ModelAnalysis } from '../analysis/analysis.ts';
import { type ReasonCount, shapeOf } from '../summary/tally.ts';
import { listed } from './format.ts';

/** One reason with all that it concerns. */
export interface OutcomeLine extends ReasonCount {
  /** 'images'; 'maps: lime'; 'deletion and srg: all methods and controls'. */
  readonly what: string;
}

interface Group {
  readonly parts: Set<string>;
  readonly methods: Set<string>;
  entry: ReasonCount;
}

/** Why a model's images, maps and values are missing: a reason of several metrics or methods is one line. */
export function outcomeLines({ others, maps, metrics }: ModelAnalysis): OutcomeLine[] {
  const groups = new Map<string, Group>();
  const add = (part: string, method: string | undefined, entry: ReasonCount): void => {
    // Maps apart from values: a value without a map repeats the map's reason.
    const key = JSON.stringify([part === 'maps' || part === 'images' ? part : '', entry.status, shapeOf(entry.reason)]);
    const held = groups.get(key);
    if (held) {
      const { count, varied, reason } = held.entry;
      const differs = varied || entry.varied || reason !== entry.reason;
      held.entry = { ...entry, reason, count: count + entry.count, varied: differs };
    }
    const group = held ?? { parts: new Set<string>(), methods: new Set<string>(), entry };
    groups.set(key, group);
    group.parts.add(part);
    if (method !== undefined) group.methods.add(method);
  };
  for (const entry of others) add('images', undefined, entry);
  for (const cell of maps) for (const entry of cell.others) add('maps', cell.method, entry);
  const all = new Set(maps.map(cell => cell.method));
  for (const { metric, methods, controls } of metrics) {
    for (const result of [...methods, ...controls]) {
      all.add(result.method.id);
      for (const entry of result.all.others) add(metric.id, result.method.id, entry);
    }
  }
  const rank = { failed: 0, undefined: 1, skipped: 2 };
  return [...groups.values()]
    .map(({ parts, methods, entry }) => {
      const head = listed([...parts]);
      if (methods.size === 0) return { ...entry, what: head };
      const whole = methods.size === all.size && methods.size > 1;
      return { ...entry, what: `${head}: ${whole ? 'all methods and controls' : listed([...methods])}` };
    })
    .sort((a, b) => rank[a.status] - rank[b.status] || b.count - a.count);
}
