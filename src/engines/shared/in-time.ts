import { CtXaiError } from '../../core/errors.ts';

/** What did not come to an end in time, or was not waited for. */
export class Stuck extends CtXaiError {}

/**
 * Waits for work that may never end.
 * @throws Stuck MODEL after `seconds`, or INTERRUPTED once the signal is aborted; the work itself goes on
 */
export async function inTime<T>(work: Promise<T>, what: string, seconds: number, signal?: AbortSignal): Promise<T> {
  // Where it loses the race, its own failure is nobody's.
  work.catch(() => {});
  let timer: NodeJS.Timeout | undefined;
  let aborted: (() => void) | undefined;
  const given = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Stuck('MODEL', `${what} took more than ${seconds} s.`)), seconds * 1000);
    aborted = () => reject(new Stuck('INTERRUPTED', 'interrupted.'));
    if (signal?.aborted) aborted();
    signal?.addEventListener('abort', aborted, { once: true });
  });
  try {
    return await Promise.race([work, given]);
  } finally {
    clearTimeout(timer);
    if (aborted) signal?.removeEventListener('abort', aborted);
  }
}
