import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Head } from '../../../src/engines/shared/scores.ts';
import { nativePackage, useDevice } from '../../../src/engines/tfjs/devices/tfjs-devices.ts';
import type { Watch } from '../../../src/engines/tfjs/devices/webgpu/faults.ts';
import { readModelFiles } from '../../../src/engines/tfjs/keras/model-files.ts';
import { compute, type Task } from '../../../src/engines/tfjs/network/compute.ts';
import { loadNetwork } from '../../../src/engines/tfjs/network/load-network.ts';
import type { TfjsNetwork } from '../../../src/engines/tfjs/network/network.ts';
import { outlineLayers } from '../../../src/engines/tfjs/network/outline-layers.ts';
import type { Spec } from '../../../src/engines/tfjs/tfjs-messages.ts';
import { golden, goldenModel, worst } from './fixtures.ts';
import { noGpu, onGpu } from './gpu.ts';

const native = nativePackage();
const HEAD: Head = { task: 'softmax', values: 'logits' };

/** Models made by Keras, on TF.js itself, with the scores and gradients that TensorFlow gives (float64). */
describe.each([
  { device: 'wasm', name: 'wasm' },
  { device: 'cpu', name: native ?? "libtensorflow (skipped: TF.js's native package is not installed)", skip: !native },
  { device: 'webgpu', name: onGpu('webgpu'), skip: noGpu !== undefined },
])('layers models of Keras on TF.js, $name', ({ device, skip = false }) => {
  let watch: Watch;
  beforeAll(async () => {
    if (!skip) ({ watch } = await useDevice(device));
  });

  describe.skipIf(skip).each([
    ['keras-mobile', [2, 1]],
    ['keras-nested', [0, 1]],
  ] as const)('%s', (name, targets) => {
    const images = golden(`${name}.input.npy`);
    const shape = [...images.shape];

    it('has the logits and input gradients of TensorFlow, and leaves no tensor behind', async () => {
      const network = await loadNetwork({ ...(await spec(name)), device });
      const before = tf.memory().numTensors;
      const logits = golden(`${name}.logits.npy`);
      const { raw } = await watch(() => compute(network, HEAD, { kind: 'scores' }, images));
      expect(worst(raw!, logits.data)).toBeLessThan(1e-5);
      const want = golden(`${name}.input-gradient.npy`);
      const size = images.data.length / shape[0]!;
      for (const [i, target] of targets.entries()) {
        const one = images.data.slice(i * size, (i + 1) * size);
        const task: Task = { kind: 'gradient', target, score: 'logit' };
        const image = { data: one, shape: [1, ...shape.slice(1)] };
        const { gradients } = await watch(() => compute(network, HEAD, task, image));
        expect(worst(gradients![0]!, want.data.subarray(i * size, (i + 1) * size))).toBeLessThan(1e-4);
      }
      expect(tf.memory().numTensors).toBe(before);
      network.dispose();
    });
  });

  it.skipIf(skip)('leaves no tensor behind where it fails', async () => {
    const before = tf.memory().numTensors;
    const network = await loadNetwork({ ...(await spec('keras-mobile')), device });
    const loaded = tf.memory().numTensors;
    const broken: TfjsNetwork = {
      ...bound(network),
      forward: x => {
        network.forward(x);
        throw new Error('out of memory');
      },
    };
    const data = new Float32Array(64 * 64 * 3);
    const image = { data, shape: [1, 64, 64, 3] };
    for (const kind of ['scores', 'gradient'] as const) {
      const task = { kind, target: 0, score: 'margin' } as Task;
      await expect(compute(broken, HEAD, task, image)).rejects.toThrow('out of memory');
      await expect(compute(network, HEAD, task, { data, shape: [1, 32, 32, 3] })).rejects.toThrow();
      expect(tf.memory().numTensors).toBe(loaded);
      // And it still works.
      expect((await compute(network, HEAD, task, image)).raw).toHaveLength(3);
      expect(tf.memory().numTensors).toBe(loaded);
      const { numBytesInGPU } = tf.memory() as { numBytesInGPU?: number };
      await compute(network, HEAD, task, image);
      expect(tf.memory()).toMatchObject(numBytesInGPU === undefined ? {} : { numBytesInGPU });
    }
    network.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

function bound(network: TfjsNetwork): TfjsNetwork {
  return {
    forward: (x, known) => network.forward(x, known),
    values: (x, wanted, known) => network.values(x, wanted, known),
    shapes: x => network.shapes(x),
    dispose: () => network.dispose(),
  };
}

async function spec(name: string): Promise<Omit<Spec, 'device'>> {
  const file = goldenModel(name);
  return { file, head: HEAD, layers: [], ...outlineLayers(await readModelFiles(file)).logits };
}
