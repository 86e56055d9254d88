import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { input, layers, model, type Sequential, type SymbolicTensor, sequential } from '@tensorflow/tfjs-layers';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRng } from '../../../src/core/rng.ts';
import { encodeModel } from '../../../src/engines/onnx/graph/proto.ts';
import { useDevice } from '../../../src/engines/tfjs/devices/tfjs-devices.ts';
import { exportLayers } from '../../../src/engines/tfjs/export/index.ts';
import { readModelFiles } from '../../../src/engines/tfjs/keras/model-files.ts';
import { save, worst } from './fixtures.ts';

type AnyLayer = Parameters<Sequential['add']>[0];

const same = { padding: 'same' } as const;
const conv = (more: object) => layers.conv2d({ filters: 4, kernelSize: 3, ...more });
const activation = (name: string) => layers.activation({ activation: name as never });

/** Layers put one after the other on images [7, 6, 3]. */
const cases: Record<string, () => AnyLayer[]> = {
  'a convolution': () => [conv({ activation: 'relu' })],
  'a strided convolution': () => [conv({ ...same, strides: 2, useBias: false })],
  'a large strided convolution': () => [conv({ ...same, kernelSize: 5, strides: [2, 3] })],
  'a kernel smaller than its stride': () => [conv({ ...same, kernelSize: 1, strides: 3 })],
  'a dilated convolution': () => [conv({ ...same, dilationRate: 2 })],
  'a depthwise convolution': () => [layers.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2, ...same, strides: 2 })],
  'a separable convolution': () => [layers.separableConv2d({ filters: 5, kernelSize: 3, depthMultiplier: 2, ...same })],
  'a transposed convolution': () => [layers.conv2dTranspose({ filters: 4, kernelSize: 3, strides: 2, ...same })],
  'a transposed one without padding': () => [layers.conv2dTranspose({ filters: 4, kernelSize: 2, strides: 3 })],
  'max pools': () => [layers.maxPooling2d({ poolSize: 3, strides: 2, ...same }), layers.maxPooling2d({ poolSize: 2 })],
  'mean pools': () => [layers.averagePooling2d({ poolSize: 3, strides: 2, ...same })],
  'a global mean': () => [layers.globalAveragePooling2d({})],
  'a global maximum': () => [layers.globalMaxPooling2d({})],
  'flattening and dense layers': () => [layers.flatten(), layers.dense({ units: 5, activation: 'selu' })],
  'a dense layer on pixels': () => [layers.dense({ units: 5, activation: 'softmax' })],
  'a dense layer on a sequence': () => [layers.reshape({ targetShape: [14, 9] }), layers.dense({ units: 4 })],
  'batch normalisation': () => [layers.batchNormalization({ scale: false, epsilon: 0.01 }), conv({})],
  'layer normalisation': () => [layers.layerNormalization({})],
  reshaping: () => [layers.reshape({ targetShape: [3, -1, 2] }), conv({ kernelSize: 2 })],
  permuting: () => [layers.permute({ dims: [3, 1, 2] }), conv({ kernelSize: 2 })],
  padding: () => [
    layers.zeroPadding2d({
      padding: [
        [1, 2],
        [0, 3],
      ],
    }),
    conv({}),
  ],
  cropping: () => [
    layers.cropping2D({
      cropping: [
        [1, 2],
        [0, 3],
      ],
    }),
    conv({ kernelSize: 2 }),
  ],
  'nearest enlargement': () => [layers.upSampling2d({ size: [2, 3] })],
  'bilinear enlargement': () => [layers.upSampling2d({ size: [2, 3], interpolation: 'bilinear' })],
  rescaling: () => [layers.rescaling({ scale: 1 / 127.5, offset: -1 })],
  'layers of training': () => [layers.dropout({ rate: 0.5 }), layers.gaussianNoise({ stddev: 1 }), conv({})],
  'ReLU with a ceiling': () => [layers.reLU({ maxValue: 0.5 })],
  'leaky ReLU': () => [layers.leakyReLU({ alpha: 0.2 })],
  PReLU: () => [layers.prelu({ alphaInitializer: 'randomNormal' })],
  'shared PReLU': () => [layers.prelu({ alphaInitializer: 'randomNormal', sharedAxes: [1, 2] })],
  ELU: () => [layers.elu({ alpha: 1 })],
  softmax: () => [layers.flatten(), layers.softmax()],
  'a nested model': () => [sequential({ layers: [conv({ inputShape: [7, 6, 3] }), layers.flatten()] })],
  ...Object.fromEntries(
    ['hardSigmoid', 'softplus', 'softsign', 'tanh', 'swish', 'mish', 'gelu', 'gelu_new', 'relu6', 'logSoftmax'].map(
      name => [name, () => [activation(name)]],
    ),
  ),
};

describe('what TF.js computes, as ONNX', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ct-xai-export-'));
  beforeAll(() => useDevice('wasm'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each(Object.entries(cases))('%s', async (name, make) => {
    const rng = createRng(name);
    const model = sequential();
    // An idle first layer, so that what is tested needs no input shape of its own.
    model.add(layers.activation({ activation: 'linear', inputShape: [7, 6, 3] }));
    for (const layer of make()) model.add(layer);
    model.setWeights(
      model.getWeights().map(w =>
        tf.abs(
          tf.tensor(
            Float32Array.from({ length: w.size }, () => rng.normal()),
            w.shape,
          ),
        ),
      ),
    );
    const x = Float32Array.from({ length: 2 * 7 * 6 * 3 }, () => 2 * rng.normal());
    const want = tf.tidy(() => (model.predict(tf.tensor4d(x, [2, 7, 6, 3])) as tf.Tensor).dataSync() as Float32Array);
    const graph = exportLayers(await readModelFiles(await save(model, folder)));
    model.dispose();
    const session = await InferenceSession.create(encodeModel(graph));
    const results = await session.run({ [session.inputNames[0]!]: new Tensor('float32', x, [2, 7, 6, 3]) });
    expect(worst(results[session.outputNames[0]!]!.data as Float32Array, want)).toBeLessThan(1e-5);
    await session.release();
  });

  it("a scaled sum, which keras.applications' InceptionResNetV2 has a layer for", async () => {
    const image = input({ shape: [7, 6, 3] });
    const weights = { kernelInitializer: 'glorotNormal', ...same } as const;
    const [left, right] = [conv(weights), conv(weights)].map(layer => layer.apply(image) as SymbolicTensor);
    const sum = layers.add({ name: 'sum' }).apply([left!, right!]) as SymbolicTensor;
    const scaled = layers.rescaling({ scale: 0.25 }).apply(right!) as SymbolicTensor;
    const wanted = layers.add().apply([left!, scaled]) as SymbolicTensor;
    const x = Float32Array.from({ length: 7 * 6 * 3 }, (_, i) => Math.sin(i));
    const want = tf.tidy(() =>
      (model({ inputs: image, outputs: wanted }).predict(tf.tensor4d(x, [1, 7, 6, 3])) as tf.Tensor).dataSync(),
    );
    const file = await save(model({ inputs: image, outputs: sum }), folder);
    const saved = JSON.parse(readFileSync(file, 'utf8'));
    const layer = saved.modelTopology.config.layers.find((l: { name: string }) => l.name === 'sum');
    Object.assign(layer, { class_name: 'CustomScaleLayer', config: { name: 'sum', scale: 0.25 } });
    writeFileSync(file, JSON.stringify(saved));
    const session = await InferenceSession.create(encodeModel(exportLayers(await readModelFiles(file))));
    const results = await session.run({ [session.inputNames[0]!]: new Tensor('float32', x, [1, 7, 6, 3]) });
    expect(worst(results[session.outputNames[0]!]!.data as Float32Array, want as Float32Array)).toBeLessThan(1e-5);
    await session.release();
  });
});
