import type { Plan, PlannedExplainer, PlannedModel } from '../config/plan.ts';
import { samplesOf } from '../config/samples.ts';
import { imageBatch } from '../core/batch.ts';
import type { FullClassifier, Sample } from '../core/contracts.ts';
import { CtXaiError, messageOf } from '../core/errors.ts';
import { createRng, type Rng } from '../core/rng.ts';
import { carriedQuantile, quantile } from '../core/statistics/quantile.ts';
import type { Passes, TimingRow } from '../results/rows.ts';
import { throwIfInterrupted } from './interrupt.ts';
import { type LoadedImage, loadImage } from './loaded-image.ts';
import { createCounter } from './meter.ts';
import { type Measured, measure } from './stopwatch.ts';
import { targetOf } from './target.ts';
import { explainUnit, obstacle, oneLine } from './units.ts';

export interface TimingContext {
  readonly plan: Plan;
  readonly model: PlannedModel;
  readonly open: () => Promise<FullClassifier>;
  /** Ids of methods that were timed by an earlier start. */
  readonly done: ReadonlySet<string>;
  readonly signal: AbortSignal;
  /** Called if there is anything to time. */
  readonly began: () => void;
  readonly ended: (row: TimingRow) => Promise<void>;
  /** Explanations timed so far and to be timed at most. */
  readonly progress: (done: number, total: number) => void;
}

/** What is timed: one explanation of one image, its inputs ready. */
interface Timed {
  readonly method: PlannedExplainer;
  readonly wallMs: number[];
  readonly cpuMs: number[];
  readonly firstMs: number;
  readonly passes: Passes;
  peakRssMb?: number;
  failure?: string;
}

interface TimedImage {
  readonly image: LoadedImage;
  readonly target: number;
  readonly sample: Sample;
}

/**
 * Times every method of one model: first its first call, which compiles, then warm calls in blocks. In each block every
 * method explains one image, in random order, so that a slow spell of the machine falls on all. Methods that copy
 * another's map are left out.
 */
export async function timeModel(context: TimingContext): Promise<void> {
  const { plan, model, signal } = context;
  const methods = plan.explainers.filter(m => m.of === undefined && !context.done.has(m.id));
  if (methods.length === 0) return;
  context.began();
  let classifier: FullClassifier;
  try {
    classifier = await context.open();
  } catch (error) {
    throwIfInterrupted(signal);
    const why = { status: 'failed' as const, reason: oneLine(messageOf(error)) };
    const { use: engine, device } = plan.engine;
    for (const { id } of methods) {
      await context.ended({ kind: 'timing', model: model.id, engine, device, method: id, samples: 0, ...why });
    }
    return;
  }
  try {
    const images = await readImages(plan, model, classifier, signal);
    const timed: Timed[] = [];
    const total = methods.length * (1 + Math.max(plan.timing.repeats, images.length));
    let done = 0;
    const step = () => context.progress(++done, total);
    for (const method of methods) {
      throwIfInterrupted(signal);
      const begun = await begin(context, classifier, method, images);
      if ('wallMs' in begun) timed.push(begun);
      else await context.ended({ ...rowOf(model, classifier, method), ...begun });
      step();
    }
    await runBlocks(context, classifier, timed, images, step);
    for (const entry of timed) await context.ended(finish(entry, model, classifier));
  } finally {
    await classifier.close();
  }
}

async function readImages(
  plan: Plan,
  model: PlannedModel,
  classifier: FullClassifier,
  signal: AbortSignal,
): Promise<TimedImage[]> {
  const images: TimedImage[] = [];
  const limit = Math.min(plan.timing.samples, plan.limit ?? Number.POSITIVE_INFINITY);
  for await (const sample of samplesOf({ dataset: plan.dataset, limit })) {
    throwIfInterrupted(signal);
    try {
      const image = await loadImage(sample, model, plan.baselines, signal);
      const scores = await classifier.scores(imageBatch(image.image()), { as: 'probability', signal });
      const label = sample.label === undefined ? undefined : model.classOf.get(sample.label);
      const target = targetOf(plan.target, model, scores.data, label);
      if (target !== undefined) images.push({ image, sample, target });
    } catch {
      // Its rows say why it can't be read.
      throwIfInterrupted(signal);
    }
  }
  return images;
}

/** The first call, and a warm one where the first needed a model of its own. */
async function begin(
  context: TimingContext,
  classifier: FullClassifier,
  method: PlannedExplainer,
  images: readonly TimedImage[],
): Promise<Timed | Pick<TimingRow, 'status' | 'reason'>> {
  const missing = obstacle(method.explainer.requires, classifier);
  if (missing !== undefined) return { status: 'skipped', reason: missing };
  if (images.length === 0) return { status: 'skipped', reason: 'no image could be read' };
  try {
    // Gradients are compiled when first asked for: on a model of its own, so that no method profits from another.
    const own = method.explainer.requires.length > 0 ? await context.open() : undefined;
    let passes: Passes = { forward: 0, backward: 0 };
    let first: Measured;
    try {
      first = await measure(method.id, 1, async () => {
        passes = await explainOnce(context, own ?? classifier, method, images[0]!);
      });
    } finally {
      await own?.close();
    }
    if (own) await explainOnce(context, classifier, method, images[0]!);
    return { method, wallMs: [], cpuMs: [], firstMs: first.wallMs[0]!, passes };
  } catch (error) {
    throwIfInterrupted(context.signal);
    return { status: 'failed', reason: oneLine(messageOf(error)) };
  }
}

/** @throws CtXaiError if the explanation fails; one that is undefined has cost its time all the same. */
async function explainOnce(
  { plan, model, signal }: TimingContext,
  classifier: FullClassifier,
  method: PlannedExplainer,
  { image, target, sample }: TimedImage,
): Promise<Passes> {
  const rng = createRng(plan.seed).fork('explain', model.id, sample.id, method.id);
  const { result } = await explainUnit(method, { model: classifier, image, target: { class: target }, rng, signal });
  if (result.status === 'failed' || result.status === 'skipped') {
    throw new CtXaiError('ENGINE', result.reason ?? 'the explanation failed.');
  }
  return result.passes ?? createCounter().read();
}

async function runBlocks(
  context: TimingContext,
  classifier: FullClassifier,
  timed: readonly Timed[],
  images: readonly TimedImage[],
  step: () => void,
): Promise<void> {
  const { plan, model, signal } = context;
  const { repeats, seconds } = plan.timing;
  const wanted = Math.max(repeats, images.length);
  const rng: Rng = createRng(plan.seed).fork('timing', model.id);
  for (let block = 0; ; block++) {
    const open = timed.filter(t => t.failure === undefined && t.wallMs.length < wanted && !isSpent(t, images, seconds));
    if (open.length === 0) return;
    for (const entry of rng.shuffle([...open])) {
      throwIfInterrupted(signal);
      try {
        const image = images[block % images.length]!;
        const found = await measure(entry.method.id, 1, () => explainOnce(context, classifier, entry.method, image));
        entry.wallMs.push(...found.wallMs);
        entry.cpuMs.push(found.cpuMs);
        if (found.peakRssMb !== undefined) entry.peakRssMb = Math.max(entry.peakRssMb ?? 0, found.peakRssMb);
      } catch (error) {
        throwIfInterrupted(signal);
        entry.failure = oneLine(messageOf(error));
      }
      step();
    }
  }
}

/** Every image was timed and the seconds are used up. */
function isSpent({ wallMs }: Timed, images: readonly TimedImage[], seconds: number): boolean {
  return wallMs.length >= images.length && wallMs.reduce((a, b) => a + b, 0) >= 1000 * seconds;
}

function rowOf(model: PlannedModel, { runtime }: FullClassifier, method: PlannedExplainer) {
  const { engine, device } = runtime;
  return { kind: 'timing' as const, model: model.id, engine, device, method: method.id, samples: 0 };
}

function finish(entry: Timed, model: PlannedModel, classifier: FullClassifier): TimingRow {
  const { method, wallMs, cpuMs, firstMs, passes, peakRssMb, failure } = entry;
  const row = rowOf(model, classifier, method);
  if (failure !== undefined) return { ...row, status: 'failed', reason: failure };
  const mean = average(wallMs);
  const p95 = carriedQuantile(wallMs, 0.95);
  return {
    ...row,
    samples: wallMs.length,
    wallMs: {
      mean,
      ...(wallMs.length > 1 ? { sd: standardDeviation(wallMs, mean) } : {}),
      p50: quantile(wallMs, 0.5),
      ...(p95 === null ? {} : { p95 }),
      min: Math.min(...wallMs),
    },
    firstMs,
    cpuMs: average(cpuMs),
    passes,
    ...(peakRssMb === undefined ? {} : { peakRssMb }),
    status: 'ok',
  };
}

function average(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

function standardDeviation(values: readonly number[], mean: number): number {
  return Math.sqrt(values.reduce((a, v) => a + (v - mean) ** 2, 0) / (values.length - 1));
}
