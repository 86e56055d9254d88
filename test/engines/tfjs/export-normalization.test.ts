import { InferenceSession, Tensor } from 'onnxruntime-node';
import { expect, test } from 'vitest';
import { encodeModel } from '../../../src/engines/onnx/graph/proto.ts';
import { exportLayers } from '../../../src/engines/tfjs/export/index.ts';
import type { ModelFiles } from '../../../src/engines/tfjs/keras/model-files.ts';

/** A layers model of an input [2, 1, 3] and a Normalization, which TF.js lacks: the formula is the oracle. */
function files(config: object): ModelFiles {
  const layers = [
    { class_name: 'InputLayer', config: { name: 'image', batch_input_shape: [null, 2, 1, 3] } },
    { class_name: 'Normalization', config: { name: 'norm', axis: [-1], ...config } },
  ];
  const spec = (name: string) => ({ name: `norm/${name}`, shape: [3], dtype: 'float32' });
  return {
    file: 'model.json',
    format: 'layers-model',
    json: { modelTopology: { class_name: 'Sequential', config: { name: 'model', layers } } },
    specs: [spec('mean'), spec('variance')],
    data: Float32Array.of(1, 2, 3, 4, 0.25, 0).buffer,
  };
}

test('a Normalization is (x − mean) / max(√variance, 1e-7)', async () => {
  const session = await InferenceSession.create(encodeModel(exportLayers(files({}))));
  const x = Float32Array.of(3, 2, 3, -1, 4, 3 + 1e-6);
  const out = await session.run({ [session.inputNames[0]!]: new Tensor('float32', x, [1, 2, 1, 3]) });
  const found = Array.from(out[session.outputNames[0]!]!.data as Float32Array);
  const want = [1, 0, 0, -1, 4, (x[5]! - 3) / 1e-7];
  found.forEach((v, i) => {
    expect(v / (want[i]! || 1)).toBeCloseTo(want[i] ? 1 : 0, 5);
  });
  await session.release();
});

test('other forms of it are refused', () => {
  expect(() => exportLayers(files({ invert: true }))).toThrow(/invert can't be written/);
  expect(() => exportLayers(files({ mean: [1, 2], variance: [1, 2] }))).toThrow(/2 values of 'mean' can't be written/);
  expect(() => exportLayers(files({ axis: [1] }))).toThrow(/an axis other than the last/);
});
