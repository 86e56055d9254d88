import { CtXaiError } from '../core/errors.ts';

/** @throws CtXaiError INTERRUPTED once the signal is aborted. */
export function throwIfInterrupted(signal: AbortSignal): void {
  if (signal.aborted) throw new CtXaiError('INTERRUPTED', 'interrupted.');
}
