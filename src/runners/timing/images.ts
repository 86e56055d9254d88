import type { Plan, PlannedModel } from '../../config/plan.ts';
import { samplesOf } from '../../config/samples.ts';
import { imageBatch } from '../../core/batch.ts';
import type { FullClassifier, Sample } from '../../core/contracts/index.ts';
import type { Tensor } from '../../core/tensor.ts';
import { throwIfInterrupted } from '../interrupt.ts';
import { type LoadedImage, loadImage } from '../loaded-image.ts';
import { targetOf } from '../target.ts';

/** What timing needs of a plan. */
export type TimingPlan = Pick<
  Plan,
  'seed' | 'dataset' | 'limit' | 'explainers' | 'metrics' | 'baselines' | 'target' | 'timing' | 'engine' | 'registry'
>;

export interface TimedImage {
  readonly image: LoadedImage;
  readonly target: number;
  readonly sample: Sample;
}

/** The first images of a plan that can be read and have a class to explain, `timing.samples` at most. */
export async function readImages(
  plan: TimingPlan,
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

/** Too little for a map to show, enough that nothing remembered of an image fits it. */
const VARIATION = 1e-6;

/** The image with its values scaled by 1 − k·10⁻⁶: one that no method has seen, and that costs the same. */
export function varied(timed: TimedImage, k: number): TimedImage {
  const scale = (t: Tensor): Tensor => {
    for (let i = 0; i < t.data.length; i++) t.data[i]! *= 1 - VARIATION * k;
    return t;
  };
  if (k === 0) return timed;
  const { image } = timed;
  return { ...timed, image: { ...image, image: () => scale(image.image()), view: () => scale(image.view()) } };
}
