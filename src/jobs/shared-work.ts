import type { Memo } from '../core/contracts/index.ts';
import type { Passes } from '../results/rows.ts';
import type { Counter } from './pass-counter.ts';

/**
 * Equal work of the jobs of one image and model, or of one map, done once. What a key cost is counted again on whoever
 * takes it from here, so that rows say what a part demands, in whatever order parts run.
 */
export interface SharedWork {
  memoFor(counter: Counter): Memo;
}

/** Shares nothing: while time is measured. */
export const NOTHING_SHARED: SharedWork = { memoFor: () => (_, compute) => compute() };

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
