import type { MetricContext } from '../core/contracts/index.ts';
import type { Passes } from '../results/rows.ts';
import type { Counter } from './meter.ts';

/**
 * Work shared by the metrics of one image and model. What a key cost is counted again on whoever takes it from
 * here, so that rows say what a metric demands, in whatever order metrics run.
 */
export interface SharedWork {
  memoFor(counter: Counter): MetricContext<unknown>['memo'];
}

export function createSharedWork(): SharedWork {
  const held = new Map<string, { value: Promise<unknown>; passes: Passes | undefined }>();
  return {
    memoFor: counter => async (key, compute) => {
      const found = held.get(key);
      if (found) {
        const value = await found.value;
        if (found.passes) counter.add(found.passes);
        return value as Awaited<ReturnType<typeof compute>>;
      }
      const before = counter.read();
      const entry: { value: Promise<unknown>; passes: Passes | undefined } = { value: compute(), passes: undefined };
      held.set(key, entry);
      try {
        const value = await entry.value;
        const after = counter.read();
        entry.passes = { forward: after.forward - before.forward, backward: after.backward - before.backward };
        return value as Awaited<ReturnType<typeof compute>>;
      } catch (error) {
        // The next to ask tries again.
        held.delete(key);
        throw error;
      }
    },
  };
}
