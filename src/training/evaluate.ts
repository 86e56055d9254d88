import type { ModelCard } from '../core/contracts.ts';
import { createRng } from '../core/rng.ts';
import { type Performance, performance } from '../core/statistics/performance.ts';
import type { Trainer } from '../core/training.ts';
import { inputs } from './batches.ts';
import type { ImageSet } from './images.ts';

const BATCH = 32;

/** Logits of each image, as it is. */
export async function logitsOf(trainer: Trainer, set: ImageSet, card: ModelCard): Promise<number[][]> {
  const k = card.classes.length;
  const out: number[][] = [];
  for (let from = 0; from < set.count; from += BATCH) {
    const raw = Array.from({ length: Math.min(BATCH, set.count - from) }, (_, i) => set.image(from + i));
    const logits = await trainer.predict(inputs(raw, card), raw.length);
    for (let i = 0; i < raw.length; i++) out.push([...logits.subarray(i * k, (i + 1) * k)]);
  }
  return out;
}

export function softmax(logits: readonly number[], temperature = 1): number[] {
  const top = Math.max(...logits);
  const powers = logits.map(z => Math.exp((z - top) / temperature));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map(p => p / sum);
}

/** Mean −log p of the true class. */
export function negativeLogLikelihood(logits: readonly number[][], labels: readonly number[], temperature = 1): number {
  let sum = 0;
  logits.forEach((z, i) => {
    const top = Math.max(...z);
    const log = Math.log(z.reduce((s, v) => s + Math.exp((v - top) / temperature), 0));
    sum += log - (z[labels[i]!]! - top) / temperature;
  });
  return sum / logits.length;
}

/**
 * The temperature that makes the validation images most likely (Guo et al. 2017, "On Calibration of Modern Neural
 * Networks"), between 0.2 and 5: golden-section search over its logarithm, in which the likelihood has one minimum.
 */
export function bestTemperature(logits: readonly number[][], labels: readonly number[]): number {
  const ratio = (Math.sqrt(5) - 1) / 2;
  const at = (log: number) => negativeLogLikelihood(logits, labels, Math.exp(log));
  let [low, high] = [Math.log(0.2), Math.log(5)];
  for (let k = 0; k < 40; k++) {
    const [a, b] = [high - ratio * (high - low), low + ratio * (high - low)];
    if (at(a) < at(b)) high = b;
    else low = a;
  }
  return Math.exp((low + high) / 2);
}

export function figures(
  logits: readonly number[][],
  set: Pick<ImageSet, 'labels' | 'patients'>,
  { temperature = 1, resamples = 2000 }: { temperature?: number; resamples?: number } = {},
): Performance {
  const rows = logits.map((z, i) => ({
    label: set.labels[i]!,
    probabilities: softmax(z, temperature),
    patient: set.patients[i]!,
  }));
  return performance(rows, { rng: createRng('test figures'), resamples });
}
