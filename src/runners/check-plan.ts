import { type KnownFacts, type PlanCost, planCost } from '../config/cost.ts';
import type { Plan, PlannedModel } from '../config/plan.ts';
import { countImages, samplesOf } from '../config/samples.ts';
import type { FullClassifier, Runtime } from '../core/contracts/index.ts';
import { CtXaiError } from '../core/errors.ts';
import { throwIfInterrupted } from '../jobs/interrupt.ts';
import type { LoadedImage } from '../jobs/loaded-image.ts';
import { createLocalServices } from '../jobs/local-services.ts';
import { openModel } from '../jobs/open-model.ts';
import { modelRef, sampleRef } from '../jobs/plan-jobs.ts';

/** What a run of a plan will cost. */
export interface CheckResult {
  readonly images: number;
  readonly cost: PlanCost;
  readonly models: readonly ModelCheck[];
  /** For each model, millimetres per pixel of the first readable image on its grid, where they are known. */
  readonly spacings: readonly (readonly number[] | undefined)[];
  /** Of the whole run without timing, from the measurement; undefined where no model could be measured. */
  readonly seconds?: number;
}

export interface ModelCheck {
  readonly model: string;
  readonly runtime?: Runtime;
  /** Per image; absent where the model has no gradients. */
  readonly forwardMs?: number;
  readonly backwardMs?: number;
  /** To open it. */
  readonly openMs?: number;
  /** Why nothing was measured. */
  readonly problem?: string;
}

/**
 * Milliseconds for each pixel of each row: what is done beside passes, such as ranking pixels, drawing and saving. On
 * small networks it is as much as they are; measured, see docs/precision.md.
 */
const BESIDE = 1e-3;

/** Milliseconds for each pixel of each pass: writing the image that is asked about, and reading what is found. Measured. */
const BESIDE_PASS = 2e-5;

/** Milliseconds to start, and to write tables and report at the end; measured on two cores. */
const START = 2500;

/** Images of the measured batch. */
const BATCH = 8;

/**
 * Counts the passes of a plan, by the spacing of the first readable image and the layers of each model, and measures one
 * pass on it.
 * @param options.measure false: opens no model
 * @param options.now milliseconds of the clock to measure by; by default the time that passes
 * @throws CtXaiError as `openModel` does, or IMAGE where no image can be read.
 */
export async function checkPlan(
  plan: Plan,
  options: {
    readonly cacheDir?: string;
    readonly signal?: AbortSignal;
    readonly measure?: boolean;
    readonly now?: () => number;
  } = {},
): Promise<CheckResult> {
  const counts = await countImages(plan);
  const signal = options.signal ?? new AbortController().signal;
  const images: FirstImage[] = [];
  for (const model of plan.models) images.push(await firstImage(plan, model, signal, options.now));
  const spacings = images.map(({ loaded }) => loaded.spacing);
  const known: KnownFacts[] = spacings.map(spacing => (spacing ? { spacing } : {}));
  if (options.measure === false) {
    return { images: counts.images, cost: planCost(plan, counts, known), models: [], spacings };
  }
  const models: ModelCheck[] = [];
  for (const [i, model] of plan.models.entries()) {
    const { layers, ...found } = await measureModel(plan, model, images[i]!.loaded, signal, options);
    models.push(found);
    known[i] = { ...known[i], layers };
  }
  const cost = planCost(plan, counts, known);
  const rows = plan.explainers.length * (1 + plan.metrics.length + (plan.repetitions?.length ?? 0));
  let seconds = START / 1000;
  for (const [i, { forwardMs = 0, backwardMs = 0, openMs = 0 }] of models.entries()) {
    const { perImage, explained } = cost.models[i]!;
    const { loadMs, versions, versionMs } = images[i]!;
    const loading = openMs + counts.images * loadMs + explained * versions * (versionMs + forwardMs);
    const pixels = plan.models[i]!.card.input.size.reduce((a, b) => a * b);
    const beside = BESIDE * pixels * (counts.images + explained * rows);
    const predicted = (counts.images - explained) * forwardMs;
    const written = BESIDE_PASS * pixels * perImage.forward;
    const passes = explained * (perImage.forward * forwardMs + perImage.backward * backwardMs + written);
    seconds += (loading + beside + predicted + passes) / 1000;
  }
  return { images: counts.images, cost, models, spacings, seconds };
}

async function measureModel(
  plan: Plan,
  model: PlannedModel,
  image: LoadedImage,
  signal: AbortSignal,
  { cacheDir, now = () => performance.now() }: { readonly cacheDir?: string; readonly now?: () => number },
): Promise<ModelCheck & Required<Pick<KnownFacts, 'layers'>>> {
  const start = now();
  const classifier = await openModel(plan, model, { signal, ...(cacheDir === undefined ? {} : { cacheDir }) });
  const openMs = now() - start;
  try {
    const { data } = image.image;
    const batch = { count: BATCH, write: (_: number, out: Float32Array) => out.set(data) };
    const forward = () => classifier.scores(batch, { as: 'logit', signal });
    const forwardMs = await perImage(forward, now);
    const gradients = plan.explainers.some(e => e.explainer.cost(e.options, classifier.input).backward > 0);
    const backwardMs = gradients ? await backwardCost(classifier, batch, signal, now) : undefined;
    return {
      model: model.id,
      runtime: classifier.runtime,
      forwardMs,
      openMs,
      layers: await classifier.layers(),
      // A gradient's own forward pass is counted as one.
      ...(backwardMs === undefined ? {} : { backwardMs: Math.max(0, backwardMs - forwardMs) }),
    };
  } finally {
    await classifier.close();
  }
}

async function backwardCost(
  model: FullClassifier,
  batch: { count: number; write(i: number, out: Float32Array): void },
  signal: AbortSignal,
  now: () => number,
): Promise<number | undefined> {
  if (!model.capabilities.has('gradients')) return undefined;
  try {
    return await perImage(() => model.gradients(batch, { class: 0, score: 'margin' }, () => {}, { signal }), now);
  } catch (error) {
    if (error instanceof CtXaiError && error.code === 'OPERATOR') return undefined;
    throw error;
  }
}

/** Milliseconds per image: the middle of three calls after a first one. */
async function perImage(work: () => Promise<unknown>, now: () => number): Promise<number> {
  await work();
  const calls: number[] = [];
  for (let i = 0; i < 3; i++) {
    const start = now();
    await work();
    calls.push((now() - start) / BATCH);
  }
  return calls.sort((a, b) => a - b)[1]!;
}

/** The first readable image, and what it takes to load one. */
interface FirstImage {
  readonly loaded: LoadedImage;
  /** Milliseconds for an image of the data. */
  readonly loadMs: number;
  /** Versions of each explained image by which the truth is found, and milliseconds for one. */
  readonly versions: number;
  readonly versionMs: number;
}

/** Versions that are loaded to see how long that takes. */
const TIMED_VERSIONS = 2;
/** Images that are looked at for how many versions they have. */
const LOOKED_AT = 8;

/** @throws CtXaiError IMAGE where no image can be read; DATA where there is none */
async function firstImage(
  plan: Plan,
  model: PlannedModel,
  signal: AbortSignal,
  now = () => performance.now(),
): Promise<FirstImage> {
  const asksForTruth =
    plan.metrics.some(({ metric }) => metric.needs.includes('effects')) ||
    plan.explainers.some(({ explainer, options }) => explainer.needsOf(options).includes('effects'));
  const services = createLocalServices({ plan, signal });
  let problem: unknown;
  let found: FirstImage | undefined;
  let index = 0;
  for await (const sample of samplesOf(plan)) {
    throwIfInterrupted(signal);
    if (found && (!asksForTruth || index >= LOOKED_AT)) break;
    // Images without lesions have fewer versions than those that are explained.
    const versions = asksForTruth && sample.factors ? 2 ** sample.factors.length : 0;
    if (found && versions <= found.versions) {
      index++;
      continue;
    }
    const ref = sampleRef(sample, plan);
    const timed = async (variants: readonly (string | undefined)[]) => {
      services.begin(sample, index);
      const start = now();
      for (const variant of variants) {
        await services.image(modelRef(model), variant === undefined ? ref : { ...ref, variant });
      }
      services.end(sample);
      return (now() - start) / Math.max(1, variants.length);
    };
    try {
      services.begin(sample, index);
      const loaded = await services.image(modelRef(model), ref);
      services.end(sample);
      const versionMs = versions > 0 ? await timed(sample.variants?.slice(0, TIMED_VERSIONS) ?? []) : 0;
      // The second time: the first one compiles what it runs.
      found = {
        loaded: found?.loaded ?? loaded,
        loadMs: found?.loadMs ?? (await timed([undefined])),
        versions,
        versionMs,
      };
    } catch (error) {
      services.end(sample);
      problem ??= error;
    }
    index++;
  }
  if (found) return found;
  throw problem ?? new CtXaiError('DATA', 'the data has no images.');
}
