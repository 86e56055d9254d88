import type { PlannedExplainer } from '../../config/plan.ts';
import type { FullClassifier, Placement } from '../../core/contracts/index.ts';
import { messageOf } from '../../core/errors.ts';
import { createRng, type Rng } from '../../core/rng.ts';
import { throwIfInterrupted } from '../../jobs/interrupt.ts';
import { failureOf, obstacle, oneLine } from '../../jobs/outcomes.ts';
import type { Passes, TimingRow } from '../../results/rows.ts';
import { type Call, type CallContext, timeCall } from './call.ts';
import { isHost, type Opener, type TimedDevice } from './devices.ts';
import { type EnergyMeter, openEnergyMeter } from './energy.ts';
import { readImages, type TimedImage, variedImage } from './images.ts';
import { machineBetween, readMachine } from './machine.ts';
import { type Entry, failedRow, rowOf, timingRow } from './row.ts';
import { traceMethods } from './traced.ts';

export interface TimingContext extends CallContext {
  readonly device: TimedDevice;
  readonly opener: Opener;
  /** Ids of methods that were timed on this device by an earlier start. */
  readonly done: ReadonlySet<string>;
  /** When it must come to an end, by `performance.now()`; absent: when everything is timed. */
  readonly until?: number;
  /** Called if there is anything to time. */
  readonly began: () => void;
  readonly ended: (row: TimingRow) => Promise<void>;
  /** Explanations timed so far and to be timed at most. */
  readonly progress: (done: number, total: number) => void;
}

/** Why a method is not timed, or not as often as the suite asks for. */
const TIME_IS_UP = 'the timing phase had used up its time (timing.most)';

/** What is still counted of a method. */
interface Timed extends Omit<Entry, 'calls' | 'fresh' | 'seen' | 'cut'> {
  /** The time was up before it was called as often as asked. */
  cut: boolean;
  readonly calls: Call[];
  readonly fresh: Call[];
  readonly seen: Call[];
}

/**
 * Times every method of one model on one device: first its first call, which compiles, then warm calls in blocks. In
 * each block every method explains one image, in random order, so that a slow spell of the machine falls on all; each
 * repeat explains the image in a variation that no method has seen. Then pairs of calls on the same, to find methods
 * that remember; then, on devices with a clock of their own, traced calls. Methods that copy another's map are left
 * out. Where the time is up (`until`), methods that have begun are timed once at least, and the others are skipped.
 */
export async function timeModel(context: TimingContext): Promise<void> {
  const { plan, opener, signal } = context;
  const methods = plan.explainers.filter(m => m.of === undefined && !context.done.has(m.id));
  if (methods.length === 0) return;
  context.began();
  let opened: Awaited<ReturnType<typeof openTimed>>;
  try {
    await opener.settle();
    opened = await openTimed(opener);
  } catch (error) {
    throwIfInterrupted(signal);
    for (const { id } of methods) await context.ended(failedRow(context, id, oneLine(messageOf(error))));
    return;
  }
  const { classifier, openMs } = opened;
  const host = isHost(classifier.runtime.device);
  const rng = createRng(plan.seed).fork('timing', context.model.id);
  const energy = openEnergyMeter(host);
  const timed: Timed[] = [];
  let images: TimedImage[];
  let machine: NonNullable<TimingRow['machine']>;
  try {
    images = await readImages(plan, context.model, classifier, signal);
    const total = methods.length * (1 + Math.max(plan.timing.repeats, images.length));
    let done = 0;
    const step = () => context.progress(++done, total);
    // What is begun has calls to come: half of the time is theirs.
    const [began, { until = Number.POSITIVE_INFINITY }] = [performance.now(), context];
    const lastBegin = began + (until - began) / 2;
    for (const [i, method] of methods.entries()) {
      throwIfInterrupted(signal);
      const late = i > 0 && performance.now() > lastBegin;
      const begun = late
        ? { status: 'skipped' as const, reason: TIME_IS_UP }
        : await begin(context, { classifier, openMs }, method, images);
      if ('calls' in begun) timed.push(begun);
      else await context.ended({ ...rowOf(context, classifier.runtime, method.id), ...begun });
      step();
    }
    const before = readMachine();
    await runBlocks(context, classifier, timed, { images, energy, rng, step });
    machine = machineBetween(before, readMachine());
    await callAgain(context, classifier, timed, images);
  } finally {
    energy.stop();
    await classifier.close();
  }
  const alive = timed.filter(t => t.failure === undefined).map(t => t.method);
  const traced =
    host || alive.length === 0 ? undefined : await traceMethods({ ...context, ...opener, rng }, alive, images);
  for (const entry of timed) {
    const row = timingRow(entry, { runtime: classifier.runtime, host, machine, energy, traced });
    await context.ended({ ...rowOf(context, classifier.runtime, entry.method.id), ...row });
  }
}

async function openTimed({ open }: Opener): Promise<{ classifier: FullClassifier; openMs: number }> {
  const start = performance.now();
  const classifier = await open();
  return { classifier, openMs: performance.now() - start };
}

/** The first call, and a warm one where the first needed a model of its own. */
async function begin(
  context: TimingContext,
  shared: { classifier: FullClassifier; openMs: number },
  method: PlannedExplainer,
  images: readonly TimedImage[],
): Promise<Timed | Pick<TimingRow, 'status' | 'reason'>> {
  const missing = obstacle(method.explainer.requiresOf(method.options), shared.classifier);
  if (missing !== undefined) return { status: 'skipped', reason: missing };
  if (images.length === 0) return { status: 'skipped', reason: 'no image could be read' };
  try {
    // Gradients are compiled when first asked for: on a model of its own, so that no method profits from another.
    const own = method.explainer.requiresOf(method.options).length > 0 ? await openTimed(context.opener) : undefined;
    const { classifier, openMs } = own ?? shared;
    let first: { readonly wallMs: number; readonly passes: Passes };
    let placements: readonly Placement[];
    try {
      first = await timeCall(context, classifier, method, images[0]!);
      const all = (await classifier.placements?.()) ?? [];
      placements = own ? all : all.filter(p => p.graph === 'forward');
    } finally {
      await own?.classifier.close();
    }
    if (own) await timeCall(context, shared.classifier, method, images[0]!);
    return { method, openMs, first, placements, calls: [], fresh: [], seen: [], cut: false };
  } catch (error) {
    throwIfInterrupted(context.signal);
    return failureOf(error);
  }
}

async function runBlocks(
  context: TimingContext,
  classifier: FullClassifier,
  timed: Timed[],
  shared: {
    readonly images: readonly TimedImage[];
    readonly energy: EnergyMeter;
    readonly rng: Rng;
    readonly step: () => void;
  },
): Promise<void> {
  const { images, energy, rng, step } = shared;
  const { repeats, seconds } = context.plan.timing;
  const wanted = Math.max(repeats, images.length);
  const isLate = (t: Timed): boolean => {
    const late = t.calls.length > 0 && context.until !== undefined && performance.now() > context.until;
    if (late) t.cut = true;
    return late;
  };
  for (let block = 0; ; block++) {
    const open = timed.filter(
      t => t.failure === undefined && t.calls.length < wanted && !isSpent(t, images.length, seconds) && !isLate(t),
    );
    if (open.length === 0) return;
    const image = block % images.length;
    const variation = 1 + Math.floor(block / images.length);
    for (const entry of rng.shuffle([...open])) {
      if (isLate(entry)) continue;
      energy.sample();
      await addCall(context, classifier, entry, { to: entry.calls, images, image, variation });
      energy.sample();
      step();
    }
  }
}

/** Images that every method explains twice: new to it, then as it has just seen them. */
const PAIRS = 3;

async function callAgain(
  context: TimingContext,
  classifier: FullClassifier,
  timed: readonly Timed[],
  images: readonly TimedImage[],
): Promise<void> {
  for (const entry of timed) {
    if (entry.cut) continue;
    const pairs = isSpent(entry, images.length, context.plan.timing.seconds) ? 1 : PAIRS;
    for (let pair = 0; pair < pairs; pair++) {
      // Every repeat has had another variation: this one is new.
      const at = { images, image: pair % images.length, variation: 1 + entry.calls.length + pair };
      await addCall(context, classifier, entry, { ...at, to: entry.fresh });
      await addCall(context, classifier, entry, { ...at, to: entry.seen });
    }
  }
}

async function addCall(
  context: TimingContext,
  classifier: FullClassifier,
  entry: Timed,
  at: { to: Call[]; images: readonly TimedImage[]; image: number; variation: number },
): Promise<void> {
  const { to, images, image, variation } = at;
  throwIfInterrupted(context.signal);
  if (entry.failure !== undefined) return;
  try {
    const found = await timeCall(context, classifier, entry.method, variedImage(images[image]!, variation));
    to.push({ ...found, image, variation });
  } catch (error) {
    throwIfInterrupted(context.signal);
    entry.failure = oneLine(messageOf(error));
  }
}

/** Every image was timed and the seconds are used up. */
function isSpent({ calls }: Timed, images: number, seconds: number): boolean {
  return calls.length >= images && calls.reduce((sum, c) => sum + c.wallMs, 0) >= 1000 * seconds;
}
