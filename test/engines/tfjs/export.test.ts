import { describe, expect, it } from 'vitest';
import type { ModelCard } from '../../../src/core/contracts/index.ts';
import { openModel } from '../../../src/engines/onnx/onnx-engine.ts';
import { exportLayers } from '../../../src/engines/tfjs/export/index.ts';
import { readModelFiles } from '../../../src/engines/tfjs/keras/model-files.ts';
import { cardFor } from '../onnx/fixtures.ts';
import { batchOf, golden, goldenModel, worst } from './fixtures.ts';

const ONE = { device: 'cpu', workers: 1, threads: 1, microBatch: 2 };

/** Models made by Keras, with the scores and gradients that TensorFlow gives (float64). */
describe('layers models of Keras, exported', () => {
  it.each([
    ['keras-mobile', [2, 1]],
    ['keras-nested', [0, 1]],
  ] as const)('%s has the logits and input gradients of TensorFlow', async (name, targets) => {
    const file = goldenModel(name);
    const logits = golden(`${name}.logits.npy`);
    const images = golden(`${name}.input.npy`);
    const gradient = golden(`${name}.input-gradient.npy`);
    const classes = Array.from({ length: logits.shape[1]! }, (_, i) => `c${i}`);
    const input = { size: [64, 64], channels: 3, layout: 'NHWC' } as const;
    const card: ModelCard = cardFor(file, { classes, input, emits: 'probabilities' });
    const model = await openModel(card, ONE, async () => exportLayers(await readModelFiles(file)));
    try {
      const scores = await model.scores(batchOf(images), { as: 'logit' });
      expect(worst(scores.data, logits.data)).toBeLessThan(1e-5);
      const size = images.data.length / images.shape[0]!;
      for (const [i, target] of targets.entries()) {
        const one = batchOf(images, i);
        await model.gradients(one, { class: target, score: 'logit' }, (_, found) => {
          expect(worst(found, gradient.data.subarray(i * size, (i + 1) * size))).toBeLessThan(1e-5);
        });
      }
    } finally {
      await model.close();
    }
  });
});
