import { messageOf } from '../../core/errors.ts';
import { ExitCode, note } from './output.ts';

/**
 * A signal that the first Ctrl-C (or SIGTERM) aborts; the second ends the process at once. Call `release` when done.
 */
export function interruptSignal(): { signal: AbortSignal; release: () => void } {
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) process.exit(ExitCode.interrupted);
    note('\nstopping after what is under way; once more stops at once');
    controller.abort();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  return {
    signal: controller.signal,
    release() {
      process.off('SIGINT', stop);
      process.off('SIGTERM', stop);
    },
  };
}

/** Keeps a promise that a plugin started and nobody waits for from ending the process. Call the result when done. */
export function surviveStrayRejections(): () => void {
  const warn = (reason: unknown) => note(`warning: something failed that nobody waits for: ${messageOf(reason)}`);
  process.on('unhandledRejection', warn);
  return () => process.off('unhandledRejection', warn);
}
