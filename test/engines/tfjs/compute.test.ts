import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Head } from '../../../src/engines/onnx/scores.ts';
import { compute, type Task } from '../../../src/engines/tfjs/compute.ts';
import { useDevice } from '../../../src/engines/tfjs/devices.ts';
import { readModelFiles } from '../../../src/engines/tfjs/files.ts';
import { loadNetwork } from '../../../src/engines/tfjs/load.ts';
import type { Network } from '../../../src/engines/tfjs/network.ts';
import { outlineLayers } from '../../../src/engines/tfjs/outline-layers.ts';
import { golden, goldenModel, worst } from './fixtures.ts';

const HEAD: Head = { task: 'softmax', values: 'logits' };

/** Models made by Keras, on TF.js itself, with the scores and gradients that TensorFlow gives (float64). */
describe.each(['wasm', 'cpu-js'])('layers models of Keras on TF.js, %s', device => {
  beforeAll(() => useDevice(device));

  describe.each([
    ['keras-mobile', [2, 1]],
    ['keras-nested', [0, 1]],
  ] as const)('%s', (name, targets) => {
    const images = golden(`${name}.input.npy`);
    const shape = [...images.shape];
    let network: Network;
    beforeAll(async () => {
      const file = goldenModel(name);
      network = await loadNetwork({
        file,
        device,
        head: HEAD,
        layers: [],
        ...outlineLayers(readModelFiles(file)).logits,
      });
    });
    afterAll(() => network?.dispose());

    it('has the logits and input gradients of TensorFlow, and leaves no tensor behind', () => {
      const before = tf.memory().numTensors;
      const logits = golden(`${name}.logits.npy`);
      const { raw } = compute(network, HEAD, { kind: 'scores' }, images.data, shape);
      expect(worst(raw, logits.data)).toBeLessThan(1e-5);
      const want = golden(`${name}.input-gradient.npy`);
      const size = images.data.length / shape[0]!;
      targets.forEach((target, i) => {
        const one = images.data.slice(i * size, (i + 1) * size);
        const task: Task = { kind: 'gradient', target, score: 'logit' };
        const { gradient } = compute(network, HEAD, task, one, [1, ...shape.slice(1)]);
        expect(worst(gradient!, want.data.subarray(i * size, (i + 1) * size))).toBeLessThan(1e-4);
      });
      expect(tf.memory().numTensors).toBe(before);
    });
  });
});
