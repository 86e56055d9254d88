import type { PlannedExplainer } from '../../config/plan.ts';
import type { FullClassifier } from '../../core/contracts/index.ts';
import { spearman } from '../../core/statistics/correlation.ts';
import type { Tensor } from '../../core/tensor.ts';
import { execute } from '../../jobs/execute.ts';
import { throwIfInterrupted } from '../../jobs/interrupt.ts';
import { type ExplainJob, keyOf, metricRef, type ScoreJob } from '../../jobs/job.ts';
import { obstacle } from '../../jobs/outcomes.ts';
import { explainJob } from '../../jobs/plan-jobs.ts';
import type { JobResult } from '../../jobs/services.ts';
import { watchRng } from '../../jobs/watched-rng.ts';
import { type BudgetRow, type MapRow, unitOf } from '../../results/rows.ts';
import type { CallContext } from '../timing/call.ts';
import type { Opener } from '../timing/devices.ts';
import { measuredServices, readImages, type TimedImage, timedSamples } from '../timing/images.ts';
import { measure } from '../timing/stopwatch.ts';

export interface BudgetContext extends CallContext {
  readonly opener: Opener;
  /** Keys (`unitOf`) of what an earlier start did. */
  readonly done: ReadonlySet<string>;
  /** When it must come to an end, by `performance.now()`; what is left then is not tried. Absent: when all is done. */
  readonly until?: number;
  readonly began: () => void;
  /** Is told that the time was up before all was tried. */
  readonly cut?: () => void;
  readonly ended: (row: BudgetRow) => Promise<void>;
  readonly progress: (done: number, total: number) => void;
}

/** A method with what it costs at one budget. */
interface BudgetStep {
  /** Absent: its cost is not a choice. */
  readonly budget?: number;
  /** The options that spend it; absent where the budget is too small. */
  readonly spent?: Readonly<Record<string, unknown>>;
  readonly planned: PlannedExplainer;
}

/** One explanation with what is told of it. */
interface Made {
  readonly job: ExplainJob;
  readonly result: JobResult;
  readonly wallMs: number;
  readonly random: boolean;
}

/**
 * Runs every method that can spend a number of passes at each of the plan's budgets, and the others once as they are,
 * on the images timed; scores the maps by the plan's metrics; and correlates each map with the same method's map of
 * another seed or, where it draws nothing at random, at the largest budget. Controls are left out.
 */
export async function runBudgets(context: BudgetContext): Promise<void> {
  const { plan, model, signal, opener } = context;
  const methods = plan.explainers.filter(m => m.explainer.role === 'method' && m.of === undefined);
  if (plan.timing.budgets.length === 0 || methods.length === 0) return;
  if (!(await hasWork(context, methods))) return;
  context.began();
  let classifier: FullClassifier;
  try {
    await opener.settle();
    classifier = await opener.open();
  } catch {
    // The model's own rows say why it can't be opened.
    throwIfInterrupted(signal);
    return;
  }
  try {
    const images = await readImages(plan, model, classifier, signal);
    const steps = methods.map(method => stepsOf(context, method, classifier));
    const total = images.length * steps.reduce((n, list) => n + list.length, 0);
    let done = 0;
    for (const list of steps) {
      if (images.length > 0) await warmUp(context, classifier, list, images[0]!);
      for (const image of images) {
        if (context.until !== undefined && performance.now() > context.until) return context.cut?.();
        await runMethod(context, classifier, list, image, () => context.progress(++done, total));
      }
    }
  } finally {
    await classifier.close();
  }
}

/** Whether a unit is missing, found without opening the model. Rows of images that can't be read never come. */
async function hasWork({ plan, model, done }: BudgetContext, methods: readonly PlannedExplainer[]): Promise<boolean> {
  for await (const { id: sample } of timedSamples(plan)) {
    for (const { id: method, explainer } of methods) {
      for (const budget of explainer.spend ? plan.timing.budgets : [undefined]) {
        const unit = { kind: 'budget' as const, model: model.id, sample, method, ...pickBudget(budget) };
        if (!done.has(unitOf(unit))) return true;
      }
    }
  }
  return false;
}

function pickBudget(budget: number | undefined): { budget?: number } {
  return budget === undefined ? {} : { budget };
}

/** From the largest budget, whose map the others are compared with, to the smallest. */
function stepsOf({ plan }: BudgetContext, planned: PlannedExplainer, { input }: FullClassifier): BudgetStep[] {
  const { explainer, options } = planned;
  if (!explainer.spend) return [{ planned }];
  return [...plan.timing.budgets].reverse().map(budget => {
    const spent = explainer.spend!(budget, options, input);
    if (spent === undefined) return { budget, planned };
    const given = typeof options === 'object' && options !== null ? options : {};
    return { budget, spent, planned: { ...planned, options: explainer.options.parse({ ...given, ...spent }) } };
  });
}

/** Compiles what the method needs, by its cheapest step; failures are met again where they count. */
async function warmUp(
  context: BudgetContext,
  classifier: FullClassifier,
  steps: readonly BudgetStep[],
  image: TimedImage,
): Promise<void> {
  const last = steps.at(-1)!;
  if (obstacle(last.planned.explainer.requiresOf(last.planned.options), classifier) !== undefined) return;
  await explainOnce(context, classifier, last, image, 'warm-up');
}

async function runMethod(
  context: BudgetContext,
  classifier: FullClassifier,
  steps: readonly BudgetStep[],
  image: TimedImage,
  step: () => void,
): Promise<void> {
  const names = (at: BudgetStep) => ({
    kind: 'budget' as const,
    model: context.model.id,
    sample: image.sample.id,
    method: at.planned.id,
    ...pickBudget(at.budget),
  });
  const missing = steps.filter(at => !context.done.has(unitOf(names(at))));
  let largest: Tensor | undefined;
  for (const at of steps) {
    throwIfInterrupted(context.signal);
    const wanted = missing.includes(at);
    // After a restart the largest map is made again for the others to be compared with.
    if (!wanted && !(at === steps[0] && missing.length > 0)) {
      step();
      continue;
    }
    const row = { ...names(at), patient: image.sample.patient };
    if (at.budget !== undefined && !at.spent) {
      await context.ended({ ...row, status: 'skipped', reason: `${at.budget} passes are too few for it` });
      step();
      continue;
    }
    const made = await explainOnce(context, classifier, at, image, 'explain');
    if (at === steps[0]) largest = made.result.arrays?.map;
    if (wanted) await context.ended({ ...row, ...(await finish(context, classifier, at, image, { made, largest })) });
    step();
  }
}

async function explainOnce(
  context: BudgetContext,
  classifier: FullClassifier,
  { planned, budget }: BudgetStep,
  image: TimedImage,
  label: 'explain' | 'again' | 'warm-up',
): Promise<Made> {
  const watched = { drawn: () => false };
  const services = measuredServices(context, classifier, image, {
    watchRng(rng) {
      const watching = watchRng(rng);
      watched.drawn = watching.drawn;
      return watching.rng;
    },
    told({ drawn }) {
      watched.drawn = () => drawn;
    },
  });
  const plain = explainJob(context.plan, context.model, image.sample, planned).job;
  const job: ExplainJob = { ...plain, ...pickBudget(budget), ...(label === 'again' ? { replicate: 1 } : {}) };
  let result: JobResult | undefined;
  await context.isolation?.prepare(job, services);
  const { wallMs } = await measure(planned.id, async () => {
    result = await (context.isolation?.execute ?? execute)(job, services);
  });
  throwIfInterrupted(context.signal);
  return { job, result: result!, wallMs, random: watched.drawn() };
}

async function finish(
  context: BudgetContext,
  classifier: FullClassifier,
  at: BudgetStep,
  image: TimedImage,
  { made, largest }: { readonly made: Made; readonly largest: Tensor | undefined },
): Promise<Omit<BudgetRow, 'kind' | 'model' | 'sample' | 'method' | 'patient' | 'budget'>> {
  const { result, wallMs, random } = made;
  const { status, reason, passes } = result.row as MapRow;
  const map = result.arrays?.map;
  const cost = { ...(at.spent ? { options: at.spent } : {}), ...(passes ? { passes } : {}) };
  if (status !== 'ok' || !map) {
    return { ...cost, status: status === 'ok' ? 'failed' : status, ...(reason === undefined ? {} : { reason }) };
  }
  const { values, without } = await scoresOf(context, classifier, image, made);
  const self = await selfCorrelation(context, classifier, at, image, { map, random, largest });
  return {
    ...cost,
    wallMs,
    values,
    ...(Object.keys(without).length > 0 ? { without } : {}),
    ...(self ? { self } : {}),
    status: 'ok',
  };
}

async function scoresOf(
  context: BudgetContext,
  classifier: FullClassifier,
  image: TimedImage,
  { job, result }: Made,
): Promise<{ values: Record<string, number>; without: Record<string, string> }> {
  const values: Record<string, number> = {};
  const without: Record<string, string> = {};
  const key = keyOf(job);
  const services = measuredServices(context, classifier, image, { results: new Map([[key, result]]) });
  for (const metric of context.plan.metrics) {
    throwIfInterrupted(context.signal);
    if (metric.metric.scope === 'group' || metric.metric.needs.includes('weights')) {
      without[metric.id] = 'it has no value for one map at one budget';
      continue;
    }
    const { needs: _, ...base } = job;
    const scoring: ScoreJob = {
      ...base,
      kind: 'score',
      metric: metricRef(metric),
      needs: [{ role: 'map', key, sample: image.sample.id }],
    };
    const { row } = await (context.isolation?.execute ?? execute)(scoring, services);
    if (row.kind === 'score' && row.status === 'ok' && row.value !== undefined) values[metric.id] = row.value;
    else without[metric.id] = row.reason ?? row.status;
  }
  return { values, without };
}

/** Undefined where the map does not vary, and for the largest map, which has nothing to be compared with. */
async function selfCorrelation(
  context: BudgetContext,
  classifier: FullClassifier,
  at: BudgetStep,
  image: TimedImage,
  { map, random, largest }: { readonly map: Tensor; readonly random: boolean; readonly largest: Tensor | undefined },
): Promise<BudgetRow['self']> {
  if (at.budget === undefined && !random) return undefined;
  const other = random ? (await explainOnce(context, classifier, at, image, 'again')).result.arrays?.map : largest;
  if (!other || other === map) return undefined;
  const correlation = spearman([...map.data], [...other.data]);
  return correlation === null ? undefined : { with: random ? 'seed' : 'largest', correlation };
}
