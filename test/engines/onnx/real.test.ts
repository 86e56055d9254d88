import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FullClassifier } from '../../../src/core/contracts/index.ts';
import { npyTensor, readNpy } from '../../../src/core/npy.ts';
import { onnxEngine } from '../../../src/engines/onnx/index.ts';
import { cardFor } from './fixtures.ts';

const shared = fileURLToPath(new URL('../../../../shared/', import.meta.url));
const folder = join(shared, 'golden', 'real');
const file = join(shared, 'models', 'covidct-densenet121.onnx');
const read = (name: string) => npyTensor(readNpy(readFileSync(join(folder, name)), name));

const SIZE = 224 * 224;

describe.skipIf(!existsSync(folder) || !existsSync(file))(
  'a DenseNet-121 trained on CT, against PyTorch (needs ../shared)',
  () => {
    let model: FullClassifier;
    let reference: { logits: number[][]; targets: number[] };
    beforeAll(async () => {
      reference = JSON.parse(readFileSync(join(folder, 'real.json'), 'utf8'));
      const card = cardFor(file, {
        classes: ['NonCOVID', 'COVID'],
        input: { size: [224, 224], channels: 1, layout: 'NCHW' },
      });
      model = await onnxEngine.open(card, { device: 'cpu', workers: 2, threads: 1, microBatch: 1 });
    });
    afterAll(() => model?.close());

    const x = () => read('input.npy').data;
    const images = (from: number, count: number) => {
      const data = x().subarray(from * SIZE, (from + count) * SIZE);
      return { count, write: (i: number, out: Float32Array) => out.set(data.subarray(i * SIZE, (i + 1) * SIZE)) };
    };

    it('scores eight images', async () => {
      const { data } = await model.scores(images(0, 8), { as: 'logit' });
      expect(relativeL2(data, Float32Array.from(reference.logits.flat()))).toBeLessThan(1e-5);
    });

    it('differentiates them, and gives their Grad-CAM', async () => {
      const [gradients, cams] = [read('input-gradient.npy').data, read('grad-cam.npy').data];
      for (const i of [0, 3]) {
        const target = { class: reference.targets[i]!, score: 'logit' } as const;
        await model.gradients(images(i, 1), target, (_, gradient) => {
          expect(relativeL2(gradient, gradients.subarray(i * SIZE, (i + 1) * SIZE))).toBeLessThan(1e-3);
        });
        const { activations, gradients: slopes } = await model.layer(images(i, 1), target, undefined);
        const [, h, w, c] = activations.shape as [number, number, number, number];
        const alpha = Array.from({ length: c }, (_, k) => {
          let sum = 0;
          for (let p = 0; p < h * w; p++) sum += slopes.data[p * c + k]!;
          return sum / (h * w);
        });
        const cam = Float32Array.from({ length: h * w }, (_, p) => {
          return Math.max(
            0,
            alpha.reduce((sum, a, k) => sum + a * activations.data[p * c + k]!, 0),
          );
        });
        expect(relativeL2(cam, cams.subarray(i * h * w, (i + 1) * h * w))).toBeLessThan(1e-4);
      }
    });
  },
);

function relativeL2(got: Float32Array, want: Float32Array): number {
  const norm = (values: Float32Array) => Math.sqrt(values.reduce((s, v) => s + v * v, 0));
  return norm(got.map((v, i) => v - want[i]!)) / norm(want);
}
