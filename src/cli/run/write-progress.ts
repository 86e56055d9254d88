import { createProgressFile } from '../../results/progress-file.ts';
import type { RunEvent } from '../../runners/events.ts';

/** Keeps a run folder's progress file true while events come. */
export function createProgressWriter(): { on(event: RunEvent): void; end(): Promise<void> } {
  let file: ReturnType<typeof createProgressFile> | undefined;
  let [done, total, failed] = [0, 0, 0];
  let secondsLeft: number | undefined;
  let what = 'starting';
  let workers: { worker: string; what: string }[] = [];
  return {
    on(event) {
      if (event.kind === 'start') file = createProgressFile(event.dir);
      else if (event.kind === 'row') {
        ({ done, total, secondsLeft } = { secondsLeft: undefined, ...event.progress });
        if (event.row.status === 'failed') failed++;
        if (!event.known) what = 'model' in event.row ? String(event.row.model) : what;
      } else if (event.kind === 'phase') what = [event.phase, event.model, event.variant].filter(Boolean).join(', ');
      else if (event.kind === 'queue')
        workers = event.active.map(a => ({ worker: a.worker, what: a.what.slice(0, 500) }));
      else if (event.kind === 'timing' || event.kind === 'budget') {
        what = `${event.kind === 'timing' ? 'timing' : 'budgets'} of ${event.model}: ${event.done} of ${event.total}`;
      } else return;
      file?.set({ done, total, failed, what, workers, ...(secondsLeft === undefined ? {} : { secondsLeft }) });
    },
    async end() {
      await file?.end();
    },
  };
}
