import type { Tracer } from '../../../core/contracts/index.ts';
import type { WorkerPool } from '../../shared/worker-pool.ts';
import type { TfjsProtocol } from '../tfjs-messages.ts';

/** Reads the clock of the device that a pool's only worker computes on. */
export function tracerOf(pool: WorkerPool<TfjsProtocol>): Tracer {
  let begun: Promise<unknown> = Promise.resolve();
  return {
    source: 'timestamp queries',
    begin(label) {
      // In the worker's queue it comes before the work that it is about.
      begun = Promise.all([begun, pool.one('label', { label })]);
      // Told by end().
      begun.catch(() => undefined);
    },
    async end() {
      await begun;
      return new Map(await pool.one('times', undefined));
    },
  };
}
