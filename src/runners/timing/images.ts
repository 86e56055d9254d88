import type { Plan, PlannedModel } from '../../config/plan.ts';
import { samplesOf } from '../../config/samples.ts';
import type { FullClassifier, Sample } from '../../core/contracts/index.ts';
import type { Rng } from '../../core/rng.ts';
import { execute } from '../../jobs/execute.ts';
import { throwIfInterrupted } from '../../jobs/interrupt.ts';
import { type LoadedImage, varied } from '../../jobs/loaded-image.ts';
import { createLocalServices, type LocalServices } from '../../jobs/local-services.ts';
import { modelRef, predictJob } from '../../jobs/plan-jobs.ts';
import type { JobResult, MeasuredApart, PlannedSample, Services } from '../../jobs/services.ts';
import { NOTHING_SHARED } from '../../jobs/shared-work.ts';

/** What timing needs of a plan. */
export type TimingPlan = Pick<
  Plan,
  | 'seed'
  | 'dataset'
  | 'limit'
  | 'explainers'
  | 'metrics'
  | 'baselines'
  | 'target'
  | 'timing'
  | 'engine'
  | 'registry'
  | 'background'
>;

/** An image that is read and prepared, and whose class to explain is known. */
export interface TimedImage {
  readonly image: LoadedImage;
  /** Which variation of the image as read: see `varied`. */
  readonly variation: number;
  readonly sample: Sample;
  readonly planned: PlannedSample;
  readonly prediction: JobResult;
  readonly trainingImages: Services['trainingImages'];
}

/** The first images of a plan that can be read and have a class to explain, `timing.samples` at most. */
export async function readImages(
  plan: TimingPlan,
  model: PlannedModel,
  classifier: FullClassifier,
  signal: AbortSignal,
): Promise<TimedImage[]> {
  const images: TimedImage[] = [];
  const services = createLocalServices({ plan: { ...plan, models: [model] }, signal });
  services.use(modelRef(model), work => work(classifier));
  let index = 0;
  for await (const sample of timedSamples(plan)) {
    throwIfInterrupted(signal);
    services.begin(sample, index++);
    const timed = await timedImage(plan, model, sample, services);
    services.end(sample);
    if (timed) images.push(timed);
  }
  return images;
}

/** The images that are timed, as far as they can be read. */
export function timedSamples({ dataset, limit, timing }: Pick<Plan, 'dataset' | 'limit' | 'timing'>) {
  return samplesOf({ dataset, limit: Math.min(timing.samples, limit ?? Number.POSITIVE_INFINITY) });
}

/** Undefined where the image can't be read or has no class to explain: its own rows say why. */
async function timedImage(
  plan: TimingPlan,
  model: PlannedModel,
  sample: Sample,
  services: LocalServices,
): Promise<TimedImage | undefined> {
  const { job } = predictJob(plan, model, sample);
  const prediction = await execute(job, services);
  const { row } = prediction;
  if (row.kind !== 'sample' || row.status !== 'ok' || row.target === undefined) return undefined;
  return {
    image: await services.image(job.model, job.sample),
    variation: 0,
    sample,
    planned: await services.sample(job.model, job.sample),
    prediction,
    trainingImages: services.trainingImages,
  };
}

/**
 * Services of a job that is measured: its inputs are ready, nothing is shared, and it runs on this one model.
 * @param results what the job needs besides the prediction
 */
export function measuredServices(
  { plan, model, signal }: { readonly plan: TimingPlan; readonly model: PlannedModel; readonly signal: AbortSignal },
  classifier: FullClassifier,
  timed: TimedImage,
  more: {
    readonly results?: ReadonlyMap<string, JobResult>;
    readonly watchRng?: (rng: Rng) => Rng;
    readonly told?: (of: MeasuredApart) => void;
  } = {},
): Services {
  return {
    registry: plan.registry,
    signal,
    card: () => model.card,
    onModel: (_, work) => work(classifier),
    sample: async () => timed.planned,
    image: async () => timed.image,
    result: async ({ role, key }) => (role === 'prediction' ? timed.prediction : more.results?.get(key)),
    shared: () => NOTHING_SHARED,
    trainingImages: timed.trainingImages,
    measured: { variation: timed.variation, told: more.told ?? (() => {}) },
    ...(more.watchRng ? { watchRng: more.watchRng } : {}),
  };
}

/** The image in a variation that no explainer has seen. */
export function variedImage(timed: TimedImage, variation: number): TimedImage {
  return { ...timed, variation, image: varied(timed.image, variation) };
}
