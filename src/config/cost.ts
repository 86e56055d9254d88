import type { ModelInput } from '../core/contracts/index.ts';
import type { Plan, PlannedModel } from './plan.ts';

/** Images through a model, forward and backward. */
export interface Passes {
  readonly forward: number;
  readonly backward: number;
}

/** What one image costs on one model, by what is asked for; and the whole run. */
export interface PlanCost {
  readonly images: number;
  readonly models: readonly {
    readonly model: string;
    /** For one image, by the explainer's id. */
    readonly explainers: Readonly<Record<string, Passes>>;
    /** For one map, by the metric's id. */
    readonly metrics: Readonly<Record<string, Passes>>;
    /** For one image: its prediction, every explanation, and every metric of every map. */
    readonly perImage: Passes;
  }[];
  /** For all images and models, timing not included. */
  readonly total: Passes;
}

/**
 * The passes that a plan demands of `images` images: an upper bound, since equal work is shared, skipped methods cost
 * nothing and metrics that need a mask run only where there is one.
 */
export function planCost(plan: Pick<Plan, 'models' | 'explainers' | 'metrics'>, images: number): PlanCost {
  const models = plan.models.map(model => {
    const input = inputOf(model);
    const explainers = Object.fromEntries(plan.explainers.map(e => [e.id, e.explainer.cost(e.options, input)]));
    const dearest = { forward: 0, backward: 0 };
    const metrics = Object.fromEntries(plan.metrics.map(m => [m.id, m.metric.cost(m.options, input, dearest)]));
    const explain = sum(Object.values(explainers));
    const score = scale(sum(Object.values(metrics)), plan.explainers.length);
    return {
      model: model.id,
      explainers,
      metrics,
      perImage: sum([{ forward: 1, backward: 0 }, explain, score]),
    };
  });
  return { images, models, total: scale(sum(models.map(m => m.perImage)), images) };
}

function inputOf({ card }: PlannedModel): ModelInput {
  return { spatial: card.input.size, channels: card.input.channels };
}

function sum(passes: readonly Passes[]): Passes {
  return {
    forward: passes.reduce((n, p) => n + p.forward, 0),
    backward: passes.reduce((n, p) => n + p.backward, 0),
  };
}

function scale(passes: Passes, by: number): Passes {
  return { forward: passes.forward * by, backward: passes.backward * by };
}
