import { CtXaiError } from '../../core/errors.ts';

/** @throws CtXaiError INTERRUPTED if the signal has fired. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  if (signal.reason instanceof CtXaiError) throw signal.reason;
  throw new CtXaiError('INTERRUPTED', 'interrupted.', { cause: signal.reason });
}

/**
 * Runs `count` jobs with at most `window` under way, and hands their results over in ascending order. After a failure
 * or an abort nothing new is started, and what is under way is waited for before the error is thrown.
 */
export async function inOrder<T>(
  count: number,
  window: number,
  start: (i: number) => Promise<T>,
  consume: (i: number, result: T) => void,
  signal?: AbortSignal,
): Promise<void> {
  const underWay: Promise<T>[] = [];
  try {
    for (let started = 0, done = 0; done < count; done++) {
      for (; started < count && started - done < window; started++) {
        throwIfAborted(signal);
        const job = start(started);
        // Handled below; a job that fails while another is awaited must not count as unhandled.
        job.catch(() => undefined);
        underWay.push(job);
      }
      const result = await underWay[0]!;
      underWay.splice(0, 1);
      throwIfAborted(signal);
      consume(done, result);
    }
  } catch (error) {
    await Promise.allSettled(underWay);
    throw error;
  }
}
