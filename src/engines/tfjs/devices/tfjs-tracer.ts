import type { DeviceTime, Tracer } from '../../../core/contracts/index.ts';
import type { WorkerPool } from '../../shared/worker-pool.ts';
import { ASKING, type Asked } from '../tfjs-messages.ts';

/** Reads the clock of the device that a pool's only worker computes on. */
export function tracerOf(pool: WorkerPool): Tracer {
  const ask = (asked: Asked) => pool.run(JSON.stringify(asked), []);
  let begun: Promise<unknown> = Promise.resolve();
  return {
    source: 'timestamp queries',
    begin(label) {
      // In the worker's queue it comes before the work that it is about.
      begun = Promise.all([begun, ask({ kind: ASKING.label, label })]);
      // Told by end().
      begun.catch(() => undefined);
    },
    async end() {
      await begun;
      const { facts } = await ask({ kind: ASKING.times });
      return new Map(facts as readonly (readonly [string, DeviceTime])[]);
    },
  };
}
