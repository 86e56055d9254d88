import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, test } from 'vitest';
import type { Engine, ModelCard } from '../../../src/core/contracts/index.ts';
import { onnxWithTfjs } from '../../../src/engines/tfjs/export/through-onnx.ts';
import { inKeras2Words } from '../../../src/engines/tfjs/keras/keras-words.ts';
import { readModelFiles } from '../../../src/engines/tfjs/keras/model-files.ts';
import { tfjsEngine } from '../../../src/engines/tfjs/tfjs-engine.ts';
import { cardFor, goldenFolder } from '../onnx/fixtures.ts';
import { batchOf, golden, worst } from './fixtures.ts';

const folder = join(goldenFolder, 'tfjs', 'keras');
const temporary = mkdtempSync(join(tmpdir(), 'ct-xai-keras-'));
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

function card(file: string): ModelCard {
  const mobile = file.includes('mobile');
  const separable = file.includes('separable');
  const base = cardFor(join(folder, file), {
    classes: separable ? ['a', 'b', 'c'] : ['no', 'yes'],
    input: { size: [32, 32], channels: separable ? 1 : 3, layout: 'NHWC' },
    emits: 'probabilities',
  });
  return { ...base, format: 'tfjs', task: mobile ? 'sigmoid' : 'softmax' };
}

const engines: readonly (readonly [string, Engine, string])[] = [
  ['TF.js', tfjsEngine, 'wasm'],
  ['ONNX Runtime', onnxWithTfjs, 'cpu'],
];
const settings = { workers: 1, threads: 1, microBatch: 2 };

describe.each(engines)('models that Keras has saved, on %s', (_, engine, device) => {
  it.each([
    ['mobile-keras2.h5', 'mobile', 'mobile'],
    ['mobile-keras3.h5', 'mobile', 'mobile'],
    ['mobile-keras3.keras', 'mobile', 'mobile'],
    ['mobile-keras3/model.json', 'mobile', 'mobile'],
    ['separable-keras2.h5', 'separable', 'separable-keras2'],
    ['separable-keras3.h5', 'separable', 'separable-keras3'],
    ['separable-keras3.keras', 'separable', 'separable-keras3'],
    ['separable-keras3/model.json', 'separable', 'separable-keras3'],
    ['arithmetic-keras2.h5', 'arithmetic', 'arithmetic'],
    ['arithmetic-keras3.h5', 'arithmetic', 'arithmetic'],
    ['arithmetic-keras3.keras', 'arithmetic', 'arithmetic'],
    ...(engine === onnxWithTfjs
      ? [
          ['modern-keras3.h5', 'arithmetic', 'modern'],
          ['modern-keras3.keras', 'arithmetic', 'modern'],
        ]
      : []),
  ])('%s has the logits and gradients of TensorFlow', async (file, input, name) => {
    const images = golden(`keras/${input}.input.npy`);
    const [logits, gradient] = ['logits', 'input-gradient'].map(key => golden(`keras/${name}.${key}.npy`));
    const model = await engine.open(card(file), { device, ...settings });
    try {
      const scores = await model.scores(batchOf(images), { as: 'logit' });
      // A sigmoid unit has the logits −z and z.
      const z = input === 'mobile' ? scores.data.filter((_, i) => i % 2 === 1) : scores.data;
      expect(worst(z, logits!.data)).toBeLessThan(1e-5);
      const last = model.classes.length - 1;
      const found: number[] = [];
      await model.gradients(batchOf(images), { class: last, score: 'logit' }, (_, g) => {
        found.push(...g);
      });
      expect(worst(Float32Array.from(found), gradient!.data)).toBeLessThan(1e-4);
    } finally {
      await model.close();
    }
  });

  it.each(['uint8', 'uint16', 'float16'])('weights stored as %s are those that the converter reads', async type => {
    const model = await engine.open(card(`separable-${type}/model.json`), { device, ...settings });
    try {
      const { data } = await model.scores(batchOf(golden('keras/separable.input.npy')), { as: 'logit' });
      expect(worst(data, golden(`keras/separable-${type}.logits.npy`).data)).toBeLessThan(1e-5);
    } finally {
      await model.close();
    }
  });
});

test('the weights of Keras 2 and 3, .h5 and model.json, are called alike', async () => {
  const names = async (file: string) => (await readModelFiles(join(folder, file))).specs.map(s => s.name).sort();
  expect(await names('mobile-keras3.h5')).toEqual(await names('mobile-keras2.h5'));
  expect(await names('mobile-keras3.keras')).toEqual(await names('mobile-keras2.h5'));
  expect(await names('separable-keras3.keras')).toEqual(await names('separable-keras2.h5'));
  expect(await names('mobile-keras3/model.json')).toEqual(await names('mobile-keras2.h5'));
  expect(await names('separable-keras3/model.json')).toEqual(await names('separable-keras2.h5'));
  expect(await names('separable-keras2.h5')).toContain('separable/depthwise_kernel');
});

describe('files that are no model', () => {
  const at = (name: string, body: string | Buffer) => {
    writeFileSync(join(temporary, name), body);
    return join(temporary, name);
  };
  const archive = () => readFileSync(join(folder, 'separable-keras3.keras'));
  /** The archive, which is not packed, with a word in the place of another of the same length. */
  const renamed = (from: string, to: string, after = '') => {
    const text = archive().toString('latin1');
    const start = text.indexOf(after);
    return Buffer.from(text.slice(0, start) + text.slice(start).replaceAll(from, to), 'latin1');
  };
  const whole = () => readFileSync(join(folder, 'separable-keras2.h5'));

  it.each([
    ['absent.h5', () => join(temporary, 'absent.h5'), /no such file/],
    ['text.h5', () => at('text.h5', 'hello'), /a text, which begins "hello"/],
    ['cut.h5', () => at('cut.h5', whole().subarray(0, 6000)), /can't be read as HDF5/],
    ['text.keras', () => at('text.keras', 'hello, this is no archive at all'), /can't be read as a \.keras archive/],
    ['cut.keras', () => at('cut.keras', archive().subarray(0, 6000)), /can't be read as a \.keras archive/],
    ['other.keras', () => at('other.keras', renamed('config.json', 'cinfog.json')), /it holds no config\.json/],
    ['nameless.keras', () => at('nameless.keras', renamed('name', 'nome', '\x89HDF')), /do not say whose they are/],
  ])('%s', async (_, make, message) => {
    await expect(readModelFiles(make())).rejects.toMatchObject({
      code: 'MODEL',
      message: expect.stringMatching(message),
    });
  });

  it('weights alone', async () => {
    const h5 = await import('h5wasm');
    const { FS } = await h5.ready;
    const file = new h5.File('/weights-alone.h5', 'w');
    file.create_attribute('layer_names', ['a']);
    file.close();
    const path = at('weights.h5', Buffer.from(FS.readFile('/weights-alone.h5')));
    await expect(readModelFiles(path)).rejects.toMatchObject({
      message: expect.stringMatching(/weights alone, no model/),
      hint: expect.stringMatching(/model\.save/),
    });
  });
});

describe("Keras 3's words", () => {
  const model = (layer: object, version = '3.15.1') => ({
    keras_version: version,
    model_config: {
      class_name: 'Functional',
      config: {
        name: 'm',
        layers: [
          { class_name: 'InputLayer', module: 'keras.layers', config: { name: 'i', batch_shape: [null, 8, 8, 1] } },
          { module: 'keras.layers', registered_name: null, ...layer },
        ],
        input_layers: ['i', 0, 0],
        output_layers: ['x', 0, 0],
      },
    },
  });
  const tensor = { class_name: '__keras_tensor__', config: { shape: [null, 8, 8, 1], keras_history: ['i', 0, 0] } };
  const call = (more: object = {}, ...further: unknown[]) => [{ args: [tensor, ...further], kwargs: {}, ...more }];
  const dtype = {
    module: 'keras',
    class_name: 'DTypePolicy',
    config: { name: 'mixed_float16' },
    registered_name: null,
  };

  it('become those of Keras 2', () => {
    const layer = { class_name: 'LeakyReLU', config: { name: 'x', dtype, negative_slope: 0.1 }, inbound_nodes: call() };
    const { layers, ...ends } = (inKeras2Words(model(layer), 'f') as ReturnType<typeof model>).model_config.config;
    expect(ends).toEqual({ name: 'm', input_layers: [['i', 0, 0]], output_layers: [['x', 0, 0]] });
    expect(layers).toEqual([
      { class_name: 'InputLayer', config: { name: 'i', batch_input_shape: [null, 8, 8, 1] } },
      {
        class_name: 'LeakyReLU',
        config: { name: 'x', dtype: 'float32', negative_slope: 0.1, alpha: 0.1 },
        inbound_nodes: [[['i', 0, 0, {}]]],
      },
    ]);
  });

  const keras2 = (y: unknown) => [['i', 0, 0, { y, name: null }]];
  it.each([
    ['Add', 'math.add', 2, { scale: 1, offset: 2 }],
    ['Subtract', 'math.subtract', 2, { scale: 1, offset: -2 }],
    ['Multiply', 'math.multiply', 2, { scale: 2, offset: 0 }],
    ['TrueDivide', 'math.truediv', 4, { scale: 0.25, offset: 0 }],
  ])('arithmetic with a number becomes rescaling: %s, %s', (class_name, called, n, scaled) => {
    const written = (layer: object) =>
      (inKeras2Words(model(layer), 'f') as ReturnType<typeof model>).model_config.config.layers[1];
    const expected = {
      name: 'x',
      class_name: 'Rescaling',
      config: { name: 'x', ...scaled },
      inbound_nodes: [[['i', 0, 0, {}]]],
    };
    for (const module of [undefined, 'keras.src.ops.numpy']) {
      const operation = { class_name, module, name: 'x', config: { name: 'x' }, inbound_nodes: call({}, n) };
      expect(written(operation)).toEqual(expected);
    }
    const lambda = { class_name: 'TFOpLambda', config: { name: 'x', function: called }, inbound_nodes: keras2(n) };
    expect(written(lambda)).toEqual(expected);
  });

  it('layers that augment pass on what they take', () => {
    const layer = { class_name: 'RandomZoom', config: { name: 'x', dtype, height_factor: 0.2 }, inbound_nodes: call() };
    const { layers } = (inKeras2Words(model(layer), 'f') as ReturnType<typeof model>).model_config.config;
    expect(layers[1]).toEqual({
      class_name: 'Activation',
      config: { name: 'x', dtype: 'float32', activation: 'linear' },
      inbound_nodes: [[['i', 0, 0, {}]]],
    });
  });

  it('stay where they are those of Keras 2 already', () => {
    const file = join(goldenFolder, 'tfjs', 'keras-mobile', 'model.json');
    const { modelTopology } = JSON.parse(readFileSync(file, 'utf8'));
    expect(inKeras2Words(modelTopology, file)).toEqual(modelTopology);
  });

  it('say what a Sequential was built for', () => {
    const layers = [{ class_name: 'Conv2D', config: { name: 'c' } }];
    const config = { name: 's', layers, build_input_shape: [null, 8, 8, 1] };
    const topology = inKeras2Words({ class_name: 'Sequential', config }, 'f') as { config: { layers: unknown } };
    expect(topology.config.layers).toEqual([
      { class_name: 'Conv2D', config: { name: 'c', batch_input_shape: [null, 8, 8, 1] } },
    ]);
  });

  it.each([
    [{ class_name: 'Mine', registered_name: 'pack>Mine', config: { name: 'x' } }, /a class of its own, 'pack>Mine'/],
    [
      { class_name: 'Multiply', module: 'keras.src.ops.numpy', config: { name: 'x' } },
      /'x' is an operation on tensors \('Multiply'\)/,
    ],
    [
      { class_name: 'TrueDivide', module: undefined, config: { name: 'x' }, inbound_nodes: call({}, 0) },
      /no layer stands for/,
    ],
    [
      {
        class_name: 'TFOpLambda',
        config: { name: 'x', function: 'math.reduce_sum' },
        inbound_nodes: [[['i', 0, 0, {}]]],
      },
      /\('math\.reduce_sum'\) that no layer stands for/,
    ],
    [{ class_name: 'Dense', config: { name: 'x' }, inbound_nodes: call({}, 2) }, /'x' takes more/],
    [{ class_name: 'A', config: { name: 'x' }, inbound_nodes: call({ kwargs: { key: tensor } }) }, /'x' takes more/],
    [{ class_name: 'Dense', config: { name: 'x', activation: { class_name: 'function', config: {} } } }, /of its own/],
  ])('are refused where Keras 2 has none: %j', (layer, message) => {
    expect(() => inKeras2Words(model(layer), 'f')).toThrow(message);
  });
});
