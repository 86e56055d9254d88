import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { FullClassifier } from '../../../src/core/contracts/index.ts';
import { npyTensor, readNpy } from '../../../src/core/npy.ts';
import { onnxEngine } from '../../../src/engines/onnx/index.ts';
import { cardFor } from './fixtures.ts';

/** Made by tools/zoo/small.py: PyTorch in float64. */
const folder = fileURLToPath(new URL('../../golden/zoo', import.meta.url));
const read = (name: string) => npyTensor(readNpy(readFileSync(join(folder, name)), name)).data;
const index = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')) as {
  readonly class: number;
  readonly networks: Readonly<Record<string, Network>>;
};

interface Network {
  readonly file: string;
  readonly exporter: string;
  readonly scores: readonly (readonly number[])[];
  /** [channels, height, width]: of the class's logit, of the first image. */
  readonly gradient: string;
  /** [height · width]: Grad-CAM of the first image before ReLU and before it is enlarged; absent where PyTorch's tensor is not known. */
  readonly cam?: string;
  readonly grid?: readonly [number, number];
}

const SIZE = 64;
const PIXELS = SIZE * SIZE;
const CHANNELS = 3;
const images = read('images.npy');

/** The first images, channels last. */
const batch = (count: number) => ({
  count,
  write(i: number, out: Float32Array) {
    for (let p = 0; p < PIXELS; p++) {
      for (let c = 0; c < CHANNELS; c++) out[p * CHANNELS + c] = images[(i * CHANNELS + c) * PIXELS + p]!;
    }
  },
});

describe.each(Object.entries(index.networks))('%s, as PyTorch exports it', (_, network) => {
  const about = { class: index.class, score: 'logit' } as const;

  test('has the scores, the gradient and the Grad-CAM that it has in PyTorch', async () => {
    const card = cardFor(join(folder, network.file), {
      classes: ['a', 'b', 'c'],
      input: { size: [SIZE, SIZE], channels: CHANNELS, layout: 'NCHW' },
    });
    const model: FullClassifier = await onnxEngine.open(card, { device: 'cpu', workers: 1, threads: 1, microBatch: 2 });
    try {
      const { data } = await model.scores(batch(2), { as: 'logit' });
      expect(relativeL2(data, network.scores.flat())).toBeLessThan(1e-4);

      const wanted = read(network.gradient);
      await model.gradients(batch(1), about, (_, gradient) => {
        const planes = Float64Array.from(wanted, (_, k) => gradient[(k % PIXELS) * CHANNELS + Math.floor(k / PIXELS)]!);
        expect(relativeL2(planes, wanted)).toBeLessThan(1e-3);
      });

      if (network.cam === undefined) return;
      const { activations, gradients } = await model.layer(batch(1), about, undefined);
      const [, height, width, channels] = activations.shape as [number, number, number, number];
      expect([height, width]).toEqual(network.grid);
      const cells = height * width;
      const weights = Array.from({ length: channels }, (_, c) => {
        let sum = 0;
        for (let p = 0; p < cells; p++) sum += gradients.data[p * channels + c]!;
        return sum / cells;
      });
      const cam = Float64Array.from({ length: cells }, (_, p) =>
        weights.reduce((sum, w, c) => sum + w * activations.data[p * channels + c]!, 0),
      );
      expect(relativeL2(cam, read(network.cam))).toBeLessThan(1e-3);
    } finally {
      await model.close();
    }
  });
});

function relativeL2(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [off, whole] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    off += (a[i]! - b[i]!) ** 2;
    whole += b[i]! ** 2;
  }
  return Math.sqrt(off / whole);
}
