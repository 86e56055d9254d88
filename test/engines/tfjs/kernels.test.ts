import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { createRng } from '../../../src/core/rng.ts';
import { nativePackage, useDevice } from '../../../src/engines/tfjs/devices/tfjs-devices.ts';
import type { Watch } from '../../../src/engines/tfjs/devices/webgpu/faults.ts';
import { noGpu, onGpu } from './gpu.ts';

const native = nativePackage();
const rng = createRng('tfjs kernels');
const draw = (shape: number[]) => Float32Array.from({ length: tf.util.sizeFromShape(shape) }, () => rng.normal());
const kernel = draw([3, 3, 3, 4]);
const small = draw([3, 3, 3, 2]);
const at = (x: tf.Tensor) => x as tf.Tensor4D;
const filter = (values: Float32Array, shape: [number, number, number, number]) => tf.tensor4d(values, shape);
const conv =
  (stride: number, pad: 'same' | 'valid', dilation = 1) =>
  (x: tf.Tensor) =>
    tf.conv2d(at(x), filter(kernel, [3, 3, 3, 4]), stride, pad, 'NHWC', dilation);
const depthwise =
  (stride: number, pad: 'same' | 'valid', dilation = 1) =>
  (x: tf.Tensor) =>
    tf.depthwiseConv2d(at(x), filter(small, [3, 3, 3, 2]), stride, pad, 'NHWC', dilation);

/** Functions of an image [2, 7, 6, 3]. */
const ofImages: Record<string, (x: tf.Tensor) => tf.Tensor> = {
  'a convolution': conv(1, 'same'),
  'a strided convolution': conv(2, 'same'),
  'a strided convolution without padding': conv(2, 'valid'),
  'a dilated convolution': conv(1, 'same', 2),
  'a dilated convolution without padding': conv(1, 'valid', 2),
  'a depthwise convolution': depthwise(1, 'same'),
  'a strided depthwise convolution': depthwise(2, 'same'),
  'a strided depthwise convolution without padding': depthwise(2, 'valid'),
  'a dilated depthwise convolution': depthwise(1, 'same', 2),
  'a transposed convolution': x => tf.conv2dTranspose(at(x), filter(kernel, [3, 3, 4, 3]), [2, 14, 12, 4], 2, 'same'),
  'a max pool': x => tf.maxPool(at(x), 2, 2, 'valid'),
  'a max pool with overlaps and padding': x => tf.maxPool(at(x), 3, 2, 'same'),
  'a mean pool': x => tf.avgPool(at(x), 2, 2, 'valid'),
  'a mean pool with overlaps and padding': x => tf.avgPool(at(x), 3, 2, 'same'),
  'a global mean': x => tf.mean(x, [1, 2]),
  'a global maximum': x => tf.max(x, [1, 2]),
  'batch normalisation': x => tf.batchNorm(at(x), [0.1, 0.2, 0.3], [1, 2, 3], [0, 1, 2], [3, 2, 1], 1e-3),
  'nearest enlargement': x => tf.image.resizeNearestNeighbor(at(x), [14, 12]),
  'bilinear enlargement': x => tf.image.resizeBilinear(at(x), [14, 12]),
  'bilinear enlargement by half pixels': x => tf.image.resizeBilinear(at(x), [10, 13], false, true),
  'bilinear enlargement from corner to corner': x => tf.image.resizeBilinear(at(x), [10, 13], true),
  'leaky ReLU': x => tf.leakyRelu(x, 0.1),
  PReLU: x => tf.prelu(x, tf.tensor1d([0.1, 0.2, -0.3])),
  ELU: tf.elu,
  SELU: tf.selu,
  softplus: tf.softplus,
  'the error function': tf.erf,
  softmax: x => tf.softmax(x),
  'log softmax': x => tf.logSoftmax(x),
};

const weights = (y: tf.Tensor) =>
  tf.tensor(
    Float32Array.from({ length: y.size }, (_, i) => Math.cos(i * i)),
    y.shape,
  );
const value = (f: (x: tf.Tensor) => tf.Tensor, x: tf.Tensor) => tf.sum(tf.mul(f(x), weights(f(x))));

/** Values of tensors, which are disposed of; a GPU's can't be read at once. */
const read = (tensors: tf.Tensor[]) =>
  Promise.all(
    tensors.map(async t => {
      const values = await t.data();
      t.dispose();
      return values;
    }),
  );

describe.each([
  { device: 'wasm', name: 'wasm' },
  { device: 'cpu-js', name: 'cpu-js' },
  { device: 'cpu', name: native ?? "libtensorflow (skipped: TF.js's native package is not installed)", skip: !native },
  { device: 'webgpu', name: onGpu('webgpu'), skip: noGpu !== undefined },
])('gradients on $name', ({ device, skip = false }) => {
  let watch: Watch;
  beforeAll(async () => {
    if (!skip) ({ watch } = await useDevice(device));
  });

  it.skipIf(skip).each(Object.entries(ofImages))('of %s are what central differences say', async (_, f) => {
    const shape = [2, 7, 6, 3];
    const before = tf.memory().numTensors;
    const results = await watch(() =>
      read(
        tf.tidy(() => {
          const x = tf.tensor(draw(shape), shape);
          const gradient = tf.grad((v: tf.Tensor) => value(f, v))(x);
          const norm = tf.sqrt(tf.sum(tf.square(gradient)));
          // Small, for kinks lie near; the rounding of a sum of some hundred values still is below the tolerance.
          const step = 0.01;
          const along = [
            tf.div(gradient, norm),
            tf.tensor(
              draw(shape).map(v => v / Math.sqrt(x.size)),
              shape,
            ),
          ];
          const compared = along.flatMap(direction => [
            tf.sum(tf.mul(gradient, direction)),
            ...[step, -step].map(by => value(f, tf.add(x, tf.mul(direction, by)))),
          ]);
          return [norm, ...compared];
        }),
      ),
    );
    const [norm, ...compared] = results.map(r => r[0]!) as [number, ...number[]];
    for (let i = 0; i < compared.length; i += 3) {
      const [want, ahead, behind] = compared.slice(i) as [number, number, number];
      expect(Math.abs((ahead - behind) / 0.02 - want)).toBeLessThan(0.01 * norm);
    }
    expect(tf.memory().numTensors).toBe(before);
  });

  it.skipIf(skip).each([
    ['a convolution', [3, 3, 3, 4], (x: tf.Tensor4D, w: tf.Tensor) => tf.conv2d(x, at(w), 2, 'same')],
    [
      'a depthwise convolution',
      [3, 3, 3, 2],
      (x: tf.Tensor4D, w: tf.Tensor) => tf.depthwiseConv2d(x, at(w), 2, 'same'),
    ],
  ] as const)('of the kernel of %s are what central differences say', async (_, shape, f) => {
    const results = await watch(() =>
      read(
        tf.tidy(() => {
          const x = tf.tensor(draw([2, 7, 6, 3]), [2, 7, 6, 3]) as tf.Tensor4D;
          const w = tf.tensor(draw([...shape]), [...shape]);
          const of = (v: tf.Tensor) => value(u => f(x, u), v);
          const gradient = tf.grad(of)(w);
          const direction = tf.tensor(draw([...shape]), [...shape]);
          return [tf.sum(tf.mul(gradient, direction)), ...[0.1, -0.1].map(by => of(tf.add(w, tf.mul(direction, by))))];
        }),
      ),
    );
    const [want, ahead, behind] = results.map(r => r[0]!) as [number, number, number];
    expect((ahead - behind) / 0.2).toBeCloseTo(want, 2);
  });
});
