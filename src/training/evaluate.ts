import type { ModelCard } from '../core/contracts/index.ts';
import type { LogitCalibration, Trainer } from '../core/contracts/training.ts';
import { createRng } from '../core/rng.ts';
import { type Performance, performance } from '../core/statistics/performance.ts';
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

export function softmax(logits: readonly number[]): number[] {
  const top = Math.max(...logits);
  const powers = logits.map(z => Math.exp(z - top));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map(p => p / sum);
}

/** Mean −log p of the true class. */
export function negativeLogLikelihood(logits: readonly number[][], labels: readonly number[]): number {
  let sum = 0;
  logits.forEach((z, i) => {
    const top = Math.max(...z);
    const log = Math.log(z.reduce((s, v) => s + Math.exp(v - top), 0));
    sum += log - (z[labels[i]!]! - top);
  });
  return sum / logits.length;
}

const CALIBRATION_STEPS = 400;

/**
 * The temperature and the offsets of classes that make the validation images most likely (bias-corrected temperature
 * scaling, Alexandari, Kundaje and Shrikumar 2020). Gradient descent over the temperature's inverse and the offsets,
 * in which the likelihood is convex, with a step that grows until it overshoots.
 */
export function calibrate(logits: readonly number[][], labels: readonly number[]): LogitCalibration {
  const k = logits[0]!.length;
  const at = ([scale, ...offsets]: readonly number[]) =>
    negativeLogLikelihood(
      logits.map(z => z.map((v, c) => v * scale! + (offsets[c - 1] ?? 0))),
      labels,
    );
  // [1 / temperature, offset of class 1, 2, …]
  let x = [1, ...new Array<number>(k - 1).fill(0)];
  let [value, rate] = [at(x), 0.5];
  for (let step = 0; step < CALIBRATION_STEPS; step++) {
    const gradient = slope(logits, labels, x);
    const next = x.map((v, i) => v - rate * gradient[i]!);
    // Away from sharpness without end where classes are told apart perfectly, and from reversed logits.
    next[0] = Math.min(5, Math.max(0.2, next[0]!));
    const there = at(next);
    if (there < value) {
      [x, value, rate] = [next, there, rate * 1.3];
    } else {
      rate *= 0.4;
    }
  }
  return { temperature: 1 / x[0]!, offsets: [0, ...x.slice(1)] };
}

function slope(
  logits: readonly number[][],
  labels: readonly number[],
  [scale, ...offsets]: readonly number[],
): number[] {
  const out = new Array<number>(offsets.length + 1).fill(0);
  logits.forEach((z, i) => {
    softmax(z.map((v, c) => v * scale! + (offsets[c - 1] ?? 0))).forEach((p, c) => {
      const error = (p - (labels[i] === c ? 1 : 0)) / logits.length;
      out[0] = out[0]! + error * z[c]!;
      if (c > 0) out[c] = out[c]! + error;
    });
  });
  return out;
}

/** z / temperature + offsets. */
export function calibrated(logits: readonly number[][], { temperature, offsets }: LogitCalibration): number[][] {
  return logits.map(z => z.map((v, c) => v / temperature + offsets[c]!));
}

export function figures(
  logits: readonly number[][],
  set: Pick<ImageSet, 'labels' | 'patients'>,
  { resamples = 2000 }: { resamples?: number } = {},
): Performance {
  const rows = logits.map((z, i) => ({
    label: set.labels[i]!,
    probabilities: softmax(z),
    patient: set.patients[i]!,
  }));
  return performance(rows, { rng: createRng('test figures'), resamples });
}
