import type { PlannedExplainer, PlannedModel } from '../../config/plan.ts';
import type { FullClassifier } from '../../core/contracts/index.ts';
import { CtXaiError } from '../../core/errors.ts';
import { execute } from '../../jobs/execute.ts';
import type { Isolation } from '../../jobs/isolated/isolation.ts';
import { explainJob } from '../../jobs/plan-jobs.ts';
import type { MeasuredApart } from '../../jobs/services.ts';
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
  /** Does jobs of plug-ins where they harm nobody. What is measured of them then includes the way there and back. */
  readonly isolation?: Isolation;
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
  let apart: MeasuredApart | undefined;
  const told = (of: MeasuredApart) => {
    apart = of;
  };
  const services = measuredServices(context, watched.model, timed, { told });
  await context.isolation?.prepare(job, services);
  let passes: Passes = { forward: 0, backward: 0 };
  let left = 0;
  let failure: string | undefined;
  const measured = await measure(method.id, async () => {
    const { row } = await (context.isolation?.execute ?? execute)(job, services);
    left = await watched.settle();
    if (row.kind === 'map') passes = row.passes ?? passes;
    if (row.status === 'failed' || row.status === 'skipped') failure = row.reason ?? 'the explanation failed.';
  });
  if (failure !== undefined) throw new CtXaiError('ENGINE', failure);
  return { ...measured, jsMs: measured.jsMs + (apart?.jsMs ?? 0), passes, left };
}
