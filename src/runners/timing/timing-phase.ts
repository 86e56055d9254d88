import type { Plan, PlannedModel } from '../../config/plan.ts';
import { timedDevices } from './devices.ts';

/** Least seconds of the timing phase, and its largest share of a run where that is more. */
const LEAST_TIMING = 120;
const LARGEST_SHARE = 0.1;

/** What is left of the time for timing, dealt out evenly. */
export interface TimingPhase {
  /** When the next part must have ended, by `performance.now()`. */
  next(): number;
}

/** @param began when the run began, milliseconds, as is `now` */
export function timingPhase(plan: Plan, timed: readonly PlannedModel[], began: number, now: number): TimingPhase {
  const { most, budgets } = plan.timing;
  const seconds = most === 'auto' ? Math.max(LEAST_TIMING, (LARGEST_SHARE * (now - began)) / 1000) : most;
  const end = now + 1000 * seconds;
  let parts = timed.length * (timedDevices(plan).length + (budgets.length > 0 ? 1 : 0));
  return {
    next() {
      const at = performance.now();
      return at + Math.max(0, end - at) / Math.max(1, parts--);
    },
  };
}
