import type { PlannedExplainer } from '../../config/plan.ts';
import type { FullClassifier } from '../../core/contracts/index.ts';
import { messageOf } from '../../core/errors.ts';
import { createRng } from '../../core/rng.ts';
import { spearman } from '../../core/statistics/correlation.ts';
import type { Tensor } from '../../core/tensor.ts';
import { type BudgetRow, unitOf } from '../../results/rows.ts';
import { kindOf } from '../environment.ts';
import { throwIfInterrupted } from '../interrupt.ts';
import { createSharedWork } from '../memo.ts';
import type { CallContext } from '../timing/call.ts';
import type { Opener } from '../timing/devices.ts';
import { readImages, type TimedImage } from '../timing/images.ts';
import { measure } from '../timing/stopwatch.ts';
import { explainUnit, obstacle, oneLine, scoreUnit, type UnitContext } from '../units.ts';
import { watchRng } from './watched-rng.ts';

export interface BudgetContext extends CallContext {
  readonly opener: Opener;
  /** Keys (`unitOf`) of what an earlier start did. */
  readonly done: ReadonlySet<string>;
  readonly began: () => void;
  readonly ended: (row: BudgetRow) => Promise<void>;
  readonly progress: (done: number, total: number) => void;
}

/** A method with what it costs at one budget. */
interface Step {
  /** Absent: its cost is not a choice. */
  readonly budget?: number;
  /** The options that spend it; absent where the budget is too small. */
  readonly spent?: Readonly<Record<string, unknown>>;
  readonly planned: PlannedExplainer;
}

/** One explanation with what is told of it. */
interface Made {
  readonly result: Awaited<ReturnType<typeof explainUnit>>['result'];
  readonly map?: Tensor;
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
        await runMethod(context, classifier, list, image, () => context.progress(++done, total));
      }
    }
  } finally {
    await classifier.close();
  }
}

/** Whether a unit is missing, found without opening the model. Rows of images that can't be read never come. */
async function hasWork({ plan, model, done }: BudgetContext, methods: readonly PlannedExplainer[]): Promise<boolean> {
  let seen = 0;
  for await (const { id: sample } of plan.dataset.samples()) {
    if (seen++ >= Math.min(plan.timing.samples, plan.limit ?? Number.POSITIVE_INFINITY)) break;
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
function stepsOf({ plan }: BudgetContext, planned: PlannedExplainer, { input }: FullClassifier): Step[] {
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
  steps: readonly Step[],
  image: TimedImage,
): Promise<void> {
  const last = steps.at(-1)!;
  if (obstacle(last.planned.explainer.requiresOf(last.planned.options), classifier) !== undefined) return;
  await explainOnce(context, classifier, last, image, 'warm-up');
}

async function runMethod(
  context: BudgetContext,
  classifier: FullClassifier,
  steps: readonly Step[],
  image: TimedImage,
  step: () => void,
): Promise<void> {
  const names = (at: Step) => ({
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
    if (at === steps[0]) largest = made.map;
    if (wanted) await context.ended({ ...row, ...(await finish(context, classifier, at, image, { made, largest })) });
    step();
  }
}

async function explainOnce(
  context: BudgetContext,
  classifier: FullClassifier,
  { planned }: Step,
  image: TimedImage,
  label: 'explain' | 'again' | 'warm-up',
): Promise<Made> {
  const { rng, drawn } = watchRng(
    createRng(context.plan.seed).fork(label, context.model.id, image.sample.id, planned.id),
  );
  let found: Awaited<ReturnType<typeof explainUnit>> | undefined;
  try {
    const { wallMs } = await measure(planned.id, async () => {
      found = await explainUnit(planned, { ...unitOfImage(context, classifier, image), rng });
    });
    return { ...found!, wallMs, random: drawn() };
  } catch (error) {
    throwIfInterrupted(context.signal);
    return { result: { status: 'failed', reason: oneLine(messageOf(error)) }, wallMs: 0, random: false };
  }
}

function unitOfImage(
  { signal, plan, model }: BudgetContext,
  classifier: FullClassifier,
  { image, target, sample }: TimedImage,
): UnitContext {
  return {
    model: classifier,
    image,
    target: { class: target },
    // As in the run: ties fall alike for all methods and budgets.
    rng: createRng(plan.seed).fork('metric', model.id, sample.id),
    signal,
  };
}

async function finish(
  context: BudgetContext,
  classifier: FullClassifier,
  at: Step,
  image: TimedImage,
  { made, largest }: { readonly made: Made; readonly largest: Tensor | undefined },
): Promise<Omit<BudgetRow, 'kind' | 'model' | 'sample' | 'method' | 'patient' | 'budget'>> {
  const { result, map, wallMs, random } = made;
  const { status, reason, passes } = result;
  const cost = { ...(at.spent ? { options: at.spent } : {}), ...(passes ? { passes } : {}) };
  if (status !== 'ok' || !map) {
    return { ...cost, status: status === 'ok' ? 'failed' : status, ...(reason === undefined ? {} : { reason }) };
  }
  const { values, without } = await scoresOf(context, classifier, at, image, map);
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
  at: Step,
  image: TimedImage,
  map: Tensor,
): Promise<{ values: Record<string, number>; without: Record<string, string> }> {
  const shared = createSharedWork();
  const values: Record<string, number> = {};
  const without: Record<string, string> = {};
  const kind = kindOf(context.plan, at.planned.id);
  for (const metric of context.plan.metrics) {
    throwIfInterrupted(context.signal);
    const found = await scoreUnit(metric, kind, map, { ...unitOfImage(context, classifier, image), shared });
    if (found.status === 'ok' && found.value !== undefined) values[metric.id] = found.value;
    else without[metric.id] = found.reason ?? found.status;
  }
  return { values, without };
}

/** Undefined where the map does not vary, and for the largest map, which has nothing to be compared with. */
async function selfCorrelation(
  context: BudgetContext,
  classifier: FullClassifier,
  at: Step,
  image: TimedImage,
  { map, random, largest }: { readonly map: Tensor; readonly random: boolean; readonly largest: Tensor | undefined },
): Promise<BudgetRow['self']> {
  if (at.budget === undefined && !random) return undefined;
  const other = random ? (await explainOnce(context, classifier, at, image, 'again')).map : largest;
  if (!other || other === map) return undefined;
  const correlation = spearman([...map.data], [...other.data]);
  return correlation === null ? undefined : { with: random ? 'seed' : 'largest', correlation };
}
