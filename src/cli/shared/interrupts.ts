import { messageOf } from '../../core/errors.ts';
import { ExitCode, note } from './output.ts';

/** Ctrl-C, a scheduler's request to end, and a terminal that is closed. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

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
  for (const name of SIGNALS) process.on(name, stop);
  return {
    signal: controller.signal,
    release() {
      for (const name of SIGNALS) process.off(name, stop);
    },
  };
}

/** What failed in the thread of plug-ins, with nobody waiting for it. */
export function noteStray(message: string): void {
  note(`warning: something of a plug-in failed that nobody waits for: ${message}`);
}

/**
 * Keeps what a plug-in started and nobody waits for (a promise, a timer) from ending the process when it fails. Call the
 * result when done.
 */
export function surviveStrayErrors(): () => void {
  const warn = (reason: unknown) => note(`warning: something failed that nobody waits for: ${messageOf(reason)}`);
  process.on('unhandledRejection', warn);
  process.on('uncaughtException', warn);
  return () => {
    process.off('unhandledRejection', warn);
    process.off('uncaughtException', warn);
  };
}
