import type { FullClassifier } from '../../../core/contracts/index.ts';
import { createRng } from '../../../core/rng.ts';
import { type Tensor, tensor } from '../../../core/tensor.ts';

/** Ranges that images of noise are drawn from: uniform in 0…1 or 0…255, or normal around 0. */
export type NoiseKind = 'unit' | 'grey' | 'normal';

/** Noise [n, h, w, c], of the kinds by turns: what a network eats is not in its file. */
export function noiseImages(n: number, shape: readonly [number, number, number], kinds: readonly NoiseKind[]): Tensor {
  const rng = createRng('convert');
  const images = tensor([n, ...shape]);
  const size = images.data.length / n;
  for (let i = 0; i < images.data.length; i++) {
    const kind = kinds[Math.floor(i / size) % kinds.length]!;
    images.data[i] = kind === 'normal' ? rng.normal() : rng.next() * (kind === 'unit' ? 1 : 255);
  }
  return images;
}

export interface ScoreDifference {
  /** Logits. */
  readonly scores: Float32Array;
  /** An image's time, the best of the rounds; infinite without rounds. */
  readonly milliseconds: number;
  readonly device: string;
}

/** Logits of images [n, h, w, c], and the time they take in further rounds. Closes the model. */
export async function measured(model: FullClassifier, images: Tensor, rounds = 0): Promise<ScoreDifference> {
  const count = images.shape[0]!;
  const size = images.data.length / count;
  const write = (i: number, out: Float32Array) => out.set(images.data.subarray(i * size, (i + 1) * size));
  try {
    const run = () => model.scores({ count, write }, { as: 'logit' });
    const { data } = await run();
    let best = Number.POSITIVE_INFINITY;
    for (let round = 0; round < rounds; round++) {
      const start = performance.now();
      await run();
      best = Math.min(best, performance.now() - start);
    }
    return { scores: data, milliseconds: best / count, device: model.runtime.device };
  } finally {
    await model.close();
  }
}

/** The largest difference, relative to the largest value of the first; NaN counts as infinitely far. */
export function apart(a: Float32Array, b: Float32Array): number {
  const scale = a.reduce((m, v) => Math.max(m, Math.abs(v)), 1e-6);
  return a.reduce((m, v, i) => {
    const d = Math.abs(v - b[i]!) / scale;
    return Number.isNaN(d) ? Number.POSITIVE_INFINITY : Math.max(m, d);
  }, 0);
}
