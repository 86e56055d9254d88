import type { ModelCard } from '../core/contracts/index.ts';
import { createRng } from '../core/rng.ts';
import { sizeOf, type Tensor } from '../core/tensor.ts';
import { intensity } from '../data/preparation/intensity.ts';
import { augment, masked } from './augment.ts';
import type { ImageSet } from './images.ts';
import type { TrainPlan } from './training-plan.ts';

export interface TrainBatch {
  /** [n, channels, h, w] */
  readonly images: Float32Array;
  /** [n, classes]: each image's share of the batch's weight × its smoothed class. */
  readonly targets: Float32Array;
}

/** Whole batches of an epoch; what is left over waits for another one. */
export function stepsPerEpoch(plan: Pick<TrainPlan, 'batch'>, images: number): number {
  return Math.max(1, Math.floor(images / plan.batch));
}

/**
 * One batch. What it holds follows from seed, epoch and step alone, so that training can go on anywhere.
 * @param order the epoch's order of images, by `orderOf`
 */
export function trainBatch(
  plan: TrainPlan,
  card: ModelCard,
  set: ImageSet,
  { epoch, step, order }: { readonly epoch: number; readonly step: number; readonly order: readonly number[] },
): TrainBatch {
  const chosen = order.slice(step * plan.batch, (step + 1) * plan.batch);
  const images = chosen.map(i => {
    const raw = set.image(i);
    const draws = (what: string) => createRng(plan.seed).fork(what, epoch, i);
    const seen = plan.augmentation ? augment(raw, plan.augmentation, plan.intensity, draws('augment')) : raw;
    return plan.masks === undefined ? seen : masked(seen, plan.masks, plan.intensity.air, draws('masks'));
  });
  const k = plan.classes.length;
  const weights = plan.classWeights ? classWeights(set.labels, k) : new Array<number>(k).fill(1);
  const total = chosen.reduce((sum, i) => sum + weights[set.labels[i]!]!, 0);
  const targets = new Float32Array(chosen.length * k);
  chosen.forEach((i, row) => {
    const label = set.labels[i]!;
    for (let c = 0; c < k; c++) {
      const share = plan.smoothing / k + (c === label ? 1 - plan.smoothing : 0);
      targets[row * k + c] = (weights[label]! / total) * share;
    }
  });
  return { images: inputs(images, card), targets };
}

/** The order of images in an epoch. */
export function orderOf(plan: Pick<TrainPlan, 'seed'>, images: number, epoch: number): number[] {
  return createRng(plan.seed)
    .fork('order', epoch)
    .shuffle(Array.from({ length: images }, (_, i) => i));
}

/** Weights by which all classes count the same; 1 on average. */
export function classWeights(labels: readonly number[], classes: number): number[] {
  const counts = Array.from({ length: classes }, (_, c) => labels.filter(l => l === c).length);
  const present = counts.filter(n => n > 0).length;
  return counts.map(n => (n > 0 ? labels.length / (present * n) : 0));
}

/** Raw images [h, w] through the card's intensity steps to [n, channels, h, w]. */
export function inputs(raw: readonly Tensor[], card: ModelCard): Float32Array {
  const { channels, size } = card.input;
  const pixels = sizeOf(size);
  const out = new Float32Array(raw.length * channels * pixels);
  raw.forEach((image, n) => {
    const { data } = intensity(card, image)(image);
    for (let c = 0; c < channels; c++) {
      const start = (n * channels + c) * pixels;
      for (let p = 0; p < pixels; p++) out[start + p] = data[p * channels + c]!;
    }
  });
  return out;
}
