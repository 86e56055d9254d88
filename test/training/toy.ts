import { createRng } from '../../src/core/rng.ts';
import { tensor } from '../../src/core/tensor.ts';
import type { ImageSet } from '../../src/training/images.ts';
import type { TrainPlan } from '../../src/training/training-plan.ts';

const SIZE = 32;

/** Noise with a bright disc (class 1) or a dark one (class 0); two images a patient. */
export function toySet(name: string, count: number): ImageSet {
  const rng = createRng('toy').fork(name);
  const images = Array.from({ length: count }, (_, i) => {
    const [x, y] = [10 + 12 * rng.next(), 10 + 12 * rng.next()];
    return tensor(
      [SIZE, SIZE],
      Float32Array.from({ length: SIZE * SIZE }, (_, p) => {
        const inside = Math.hypot((p % SIZE) - x, Math.floor(p / SIZE) - y) < 6;
        return 128 + 20 * rng.normal() + (inside ? (i % 2 === 1 ? 60 : -60) : 0);
      }),
    );
  });
  return {
    count,
    labels: images.map((_, i) => i % 2),
    // Neighbours in the list have other labels.
    patients: images.map((_, i) => `${name}-${Math.floor(i / 4)}-${i % 2}`),
    ids: images.map((_, i) => `${name}-${i}`),
    image: i => images[i]!,
    digest: `toy ${name} ${count}`,
  };
}

export function toySets(train = 48) {
  return { train: toySet('train', train), val: toySet('val', 16), test: toySet('test', 32) };
}

export function toyPlan(changes: Partial<TrainPlan> = {}): TrainPlan {
  return {
    architecture: 'cnn',
    width: 0.25,
    classes: ['dark', 'bright'],
    input: { size: [SIZE, SIZE], channels: 1 },
    intensity: { unit: 'grey', window: [0, 255], air: 0, steps: [] },
    resize: { antialias: true, fit: 'stretch' },
    epochs: 6,
    batch: 12,
    optimiser: { name: 'adamw', decay: 0.01, averaging: 0.9 },
    rate: 0.01,
    warmUp: 1,
    smoothing: 0.05,
    classWeights: true,
    augmentation: { rotation: 10, scale: 0.1, shift: 0.05, flip: true, intensity: 0.02, noise: 0.02 },
    patience: 20,
    seed: 'toy',
    data: 'Discs',
    splits: { train: 'a', val: 'b', test: 'c' },
    ...changes,
  };
}
