import type { PlannedExplainer, PlannedModel } from '../../config/plan.ts';
import type { FullClassifier } from '../../core/contracts/index.ts';
import { CtXaiError } from '../../core/errors.ts';
import { execute } from '../../jobs/execute.ts';
import { explainJob } from '../../jobs/plan-jobs.ts';
import type { Passes } from '../../results/rows.ts';
import { measuredServices, type TimedImage, type TimingPlan } from './images.ts';
import { type CallTime, measure } from './stopwatch.ts';
import { watchModel } from './watched.ts';

/** One timed explanation. */
export interface Call extends CallTime {
  /** Place of the image among those timed, and which variation of it. */
  readonly image: number;
  readonly variation: number;
  readonly passes: Passes;
  /** Calls of the model that the method did not wait for. The window ends when they have. */
  readonly left: number;
  readonly energyJ?: number;
}

export interface CallContext {
  readonly plan: TimingPlan;
  readonly model: PlannedModel;
  readonly signal: AbortSignal;
}

/**
 * Times one explanation, from inputs that are ready to a map whose every value is computed and copied, with nothing in
 * flight on the device before or after.
 * @throws CtXaiError if the explanation fails; one that is undefined has cost its time all the same.
 */
export async function timeCall(
  context: CallContext,
  classifier: FullClassifier,
  method: PlannedExplainer,
  timed: TimedImage,
): Promise<CallTime & { readonly passes: Passes; readonly left: number }> {
  const watched = watchModel(classifier);
  const { job } = explainJob(context.plan, context.model, timed.sample, method);
  const services = measuredServices(context, watched.model, timed);
  let passes: Passes = { forward: 0, backward: 0 };
  let left = 0;
  let failure: string | undefined;
  const measured = await measure(method.id, async () => {
    const { row } = await execute(job, services);
    left = await watched.settle();
    if (row.kind === 'map') passes = row.passes ?? passes;
    if (row.status === 'failed' || row.status === 'skipped') failure = row.reason ?? 'the explanation failed.';
  });
  if (failure !== undefined) throw new CtXaiError('ENGINE', failure);
  return { ...measured, passes, left };
}
