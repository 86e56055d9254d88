import { planCost, weight } from '../config/cost.ts';
import type { Plan } from '../config/plan.ts';
import type { ImageCounts } from '../config/samples.ts';
import type { PassCount } from '../core/contracts/index.ts';
import { isPlain, type Row } from '../results/rows.ts';
import type { Progress } from './events.ts';

export interface ProgressMeter {
  /** A unit has ended; `known`: an earlier start did it. */
  advance(row: Row, known: boolean): Progress;
}

/** Counts units and foretells the rest from the passes that they demand. `now` in milliseconds. */
export function createProgress(plan: Plan, counts: ImageCounts, now: () => number): ProgressMeter {
  const cost = planCost(plan, counts);
  // A pass's worth for what is done in JavaScript.
  const weigh = (p: PassCount | undefined) => 1 + (p ? weight(p) : 0);
  const byModel = new Map(cost.models.map(model => [model.model, model]));
  const unitWeight = (row: Row): number => {
    const model = byModel.get(row.model);
    // Its maps under other weights are counted with an explainer's own map.
    if (row.kind === 'map') return isPlain(row) ? weigh(model?.explainers[row.method]) : 0;
    if (row.kind === 'score' || row.kind === 'item') return weigh(model?.scores[row.method]?.[row.metric]);
    return row.kind === 'group' ? 0 : weigh({ forward: 1, backward: 0 });
  };
  const methods = plan.explainers.filter(e => e.explainer.role === 'method').length;
  // Rows of another seed are not counted, as all that are no plain ones.
  const again = methods * (plan.repetitions?.filter(r => r.change !== 'seed').length ?? 0);
  const units = plan.explainers.length * (1 + plan.metrics.length) + again;
  let [total, left] = [0, 0];
  for (const { explainers, scores, explained } of cost.models) {
    const all = [...Object.values(explainers), ...Object.values(scores).flatMap(row => Object.values(row))];
    total += counts.images + explained * units;
    left += counts.images * weigh({ forward: 1, backward: 0 }) + explained * all.reduce((n, p) => n + weigh(p), 0);
  }
  let [done, worked] = [0, 0];
  let began: number | undefined;
  return {
    advance(row, known) {
      began ??= now();
      if (isPlain(row) && row.kind !== 'group') done++;
      const own = unitWeight(row);
      left = Math.max(0, left - own);
      if (!known) worked += own;
      const seconds = (now() - began) / 1000;
      // A few passes say nothing yet.
      const clear = seconds > 3 && worked > 20;
      return { done, total, ...(clear ? { secondsLeft: (seconds * left) / worked } : {}) };
    },
  };
}
