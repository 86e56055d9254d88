import { CtXaiError } from '../core/errors.ts';

/** @throws CtXaiError INTERRUPTED once the signal is aborted. */
export function throwIfInterrupted(signal: AbortSignal): void {
  if (!signal.aborted) return;
  throw new CtXaiError('INTERRUPTED', 'the run was interrupted.', {
    hint: 'Start again with the same command: the run goes on.',
  });
}
