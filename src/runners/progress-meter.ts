import { planCost } from '../config/cost.ts';
import type { Plan } from '../config/plan.ts';
import type { Row } from '../results/rows.ts';
import type { Progress } from './events.ts';

/** A gradient costs about as much as this many forward passes. */
const BACKWARD = 3;

export interface ProgressMeter {
  /** A unit has ended; `known`: an earlier start did it. */
  advance(row: Row, known: boolean): Progress;
}

/** Counts units and foretells the rest from the passes that they demand. `now` in milliseconds. */
export function createProgress(plan: Plan, images: number, now: () => number): ProgressMeter {
  const cost = planCost(plan, images);
  // A pass's worth for what is done in JavaScript.
  const weigh = (p: { forward: number; backward: number } | undefined) =>
    1 + (p ? p.forward + BACKWARD * p.backward : 0);
  const byModel = new Map(cost.models.map(model => [model.model, model]));
  const unitWeight = (row: Row): number => {
    const model = byModel.get(row.model);
    if (row.kind === 'map') return weigh(model?.explainers[row.method]);
    if (row.kind === 'score') return weigh(model?.metrics[row.metric]);
    return weigh({ forward: 1, backward: 0 });
  };
  const methods = plan.explainers.length;
  const total = images * plan.models.length * (1 + methods * (1 + plan.metrics.length));
  let left = 0;
  for (const model of cost.models) {
    const maps = Object.values(model.explainers).reduce((n, p) => n + weigh(p), 0);
    const scores = Object.values(model.metrics).reduce((n, p) => n + weigh(p), 0);
    left += images * (weigh({ forward: 1, backward: 0 }) + maps + methods * scores);
  }
  let [done, worked] = [0, 0];
  let began: number | undefined;
  return {
    advance(row, known) {
      began ??= now();
      done++;
      const weight = unitWeight(row);
      left = Math.max(0, left - weight);
      if (!known) worked += weight;
      const seconds = (now() - began) / 1000;
      // A few passes say nothing yet.
      const clear = seconds > 3 && worked > 20;
      return { done, total, ...(clear ? { secondsLeft: (seconds * left) / worked } : {}) };
    },
  };
}
