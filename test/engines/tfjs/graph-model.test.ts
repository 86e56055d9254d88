import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scoresOf } from '../../../src/cli/init/draft-card.ts';
import type { FullClassifier, ModelCard } from '../../../src/core/contracts/index.ts';
import { createRng } from '../../../src/core/rng.ts';
import { tensor } from '../../../src/core/tensor.ts';
import { nativePackage } from '../../../src/engines/tfjs/devices/tfjs-devices.ts';
import { onnxWithTfjs } from '../../../src/engines/tfjs/export/through-onnx.ts';
import { tfjsEngine } from '../../../src/engines/tfjs/tfjs-engine.ts';
import { cardFor } from '../onnx/fixtures.ts';
import { batchOf, worst } from './fixtures.ts';

const rng = createRng('graph model');
const weights = {
  kernel: [3, 3, 1, 4],
  bias: [4],
  dense: [4, 3],
} as const;
const values = Object.entries(weights).map(([name, shape]) => {
  const size = shape.reduce<number>((a, b) => a * b, 1);
  return { name, shape, data: Float32Array.from({ length: size }, () => rng.normal()) };
});

const text = (s: string) => ({ s: Buffer.from(s).toString('base64') });
const float = { T: { type: 'DT_FLOAT' } };
const ints = (...i: number[]) => ({ list: { i: i.map(String) } });
const shapeOf = (dims: readonly number[]) => ({ shape: { dim: dims.map(d => ({ size: String(d) })) } });
const constant = (name: string, dims: readonly number[], dtype = 'DT_FLOAT') => ({
  name,
  op: 'Const',
  attr: { dtype: { type: dtype }, value: { tensor: { dtype, tensorShape: shapeOf(dims).shape } } },
});

/** As tensorflowjs_converter writes a SavedModel: convolution with its bias and ReLU fused in, mean, dense, softmax. */
const nodes = [
  { name: 'image', op: 'Placeholder', attr: { dtype: { type: 'DT_FLOAT' }, shape: shapeOf([-1, 8, 8, 1]) } },
  ...values.map(({ name, shape }) => constant(name, shape)),
  constant('axes', [2], 'DT_INT32'),
  {
    name: 'conv',
    op: '_FusedConv2D',
    input: ['image', 'kernel', 'bias'],
    attr: {
      ...float,
      strides: ints(1, 2, 2, 1),
      dilations: ints(1, 1, 1, 1),
      padding: text('SAME'),
      data_format: text('NHWC'),
      fused_ops: { list: { s: ['BiasAdd', 'Relu'].map(s => text(s).s) } },
      num_args: { i: '1' },
      epsilon: { f: 0 },
    },
  },
  { name: 'gap', op: 'Mean', input: ['conv', 'axes'], attr: { ...float, keep_dims: { b: false } } },
  { name: 'logits', op: 'MatMul', input: ['gap', 'dense'], attr: float },
  { name: 'probabilities', op: 'Softmax', input: ['logits'], attr: float },
  { name: 'Identity', op: 'Identity', input: ['probabilities'], attr: float },
];

const folder = mkdtempSync(join(tmpdir(), 'ct-xai-graph-'));
const file = join(folder, 'model.json');
const specs = values.map(({ name, shape }) => ({ name, shape, dtype: 'float32' }));
const axes = { name: 'axes', shape: [2], dtype: 'int32' };
writeFileSync(
  file,
  JSON.stringify({
    format: 'graph-model',
    modelTopology: { node: nodes, versions: { producer: 1 }, library: {} },
    weightsManifest: [{ paths: ['weights.bin'], weights: [...specs, axes] }],
  }),
);
const shards = [...values.map(v => v.data), Int32Array.of(1, 2)];
writeFileSync(join(folder, 'weights.bin'), Buffer.concat(shards.map(s => Buffer.from(s.buffer))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const card: ModelCard = {
  ...cardFor(file, { classes: ['a', 'b', 'c'], input: { size: [8, 8], channels: 1, layout: 'NHWC' } }),
  format: 'tfjs',
  emits: 'probabilities',
};

describe('a graph model', () => {
  let model: FullClassifier;
  beforeAll(async () => {
    model = await tfjsEngine.open(card, { device: 'wasm', workers: 1 });
  });
  afterAll(() => model?.close());

  const images = tensor([3, 8, 8, 1]);
  images.data.forEach((_, i) => {
    images.data[i] = rng.normal();
  });

  it('is explained at its logits, and at any of its nodes', async () => {
    const target = { class: 2, score: 'logit' } as const;
    expect(model.runtime.camLayer).toBe('conv');
    const { activations, gradients } = await model.layer(batchOf(images), target, undefined);
    expect(activations.shape).toEqual([3, 4, 4, 4]);
    // A mean over pixels and a product: the gradient is the weight over the number of pixels, the score their sum.
    const dense = values[2]!.data;
    const want = gradients.data.map((_, i) => dense[(i % 4) * 3 + 2]! / 16);
    expect(worst(gradients.data, want)).toBeLessThan(1e-5);
    const scores = await model.scores(batchOf(images), { as: 'logit' });
    for (let i = 0; i < 3; i++) {
      const own = activations.data.subarray(i * 64, (i + 1) * 64);
      const sum = own.reduce((s, v, k) => s + v * want[i * 64 + k]!, 0);
      expect(scores.data[i * 3 + 2]!).toBeCloseTo(sum, 4);
    }
  });

  it('has input gradients that central differences confirm', async () => {
    const target = { class: 0, score: 'margin' } as const;
    const found: Float32Array[] = [];
    await model.gradients(batchOf(images), target, (_, g) => found.push(g.slice()));
    const step = 0.01;
    const ends = await model.scores(
      {
        count: 2,
        write: (i, out) =>
          out.forEach((_, k) => {
            out[k] = images.data[k]! + (i === 0 ? step : -step) * found[0]![k]!;
          }),
      },
      { as: 'margin' },
    );
    const norm2 = found[0]!.reduce((s, v) => s + v * v, 0);
    expect(Math.abs((ends.data[0]! - ends.data[3]!) / (2 * step) / norm2 - 1)).toBeLessThan(0.03);
  });

  it('is left to TF.js by auto, since only layers models are exported', async () => {
    expect(await onnxWithTfjs.declines!(card)).toMatch(nativePackage() ? /is installed/ : /graph model/);
    await expect(onnxWithTfjs.open(card, { device: 'cpu' })).rejects.toMatchObject({ code: 'OPERATOR' });
  });
});

it('a model whose images change each other is run one by one, and says so', async () => {
  const mixing = nodes.flatMap((node): object[] =>
    node.name === 'gap'
      ? [
          { ...node, name: 'own' },
          constant('first axis', [1], 'DT_INT32'),
          { name: 'all', op: 'Mean', input: ['own', 'first axis'], attr: { ...float, keep_dims: { b: true } } },
          { name: 'gap', op: 'AddV2', input: ['own', 'all'], attr: float },
        ]
      : [node],
  );
  const own = mkdtempSync(join(tmpdir(), 'ct-xai-mixing-'));
  try {
    const manifest = [...specs, axes, { name: 'first axis', shape: [1], dtype: 'int32' }];
    const modelTopology = { node: mixing, versions: { producer: 1 }, library: {} };
    const weightsManifest = [{ paths: ['weights.bin'], weights: manifest }];
    writeFileSync(join(own, 'model.json'), JSON.stringify({ format: 'graph-model', modelTopology, weightsManifest }));
    writeFileSync(
      join(own, 'weights.bin'),
      Buffer.concat([...shards, Int32Array.of(0)].map(s => Buffer.from(s.buffer))),
    );
    const open = (path: string) =>
      tfjsEngine.open({ ...card, file: path }, { device: 'wasm', workers: 1, microBatch: 4 });
    const sound = await open(file);
    const mixed = await open(join(own, 'model.json'));
    expect(sound.runtime).toMatchObject({ microBatch: 4, measured: { repeatError: 0 } });
    expect(sound.runtime.measured!.batchError).toBeLessThan(1e-5);
    expect(sound.runtime.measured!.emits).toMatch(/sums of 1 per image/);
    expect(sound.runtime.measured!.warnings).toBeUndefined();
    expect(mixed.runtime.microBatch).toBe(1);
    expect(mixed.runtime.measured!.batchError).toBeGreaterThan(0.01);
    expect(mixed.runtime.measured!.warnings?.join()).toMatch(/change each other's scores/);
    await Promise.all([sound.close(), mixed.close()]);
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
});

it('outputs that contradict the card are refused', async () => {
  const wrong = { ...card, output: 'logits', emits: 'probabilities', explainAt: 'output' } as const;
  const found = await tfjsEngine.open(wrong, { device: 'wasm', workers: 1 }).catch((error: unknown) => error);
  expect(found).toMatchObject({ code: 'CARD' });
});

describe('a batch that is written into a graph', () => {
  const opened = async (change: (node: object & { name: string }) => object[], more: object[] = []) => {
    const own = mkdtempSync(join(tmpdir(), 'ct-xai-batch-'));
    const modelTopology = { node: [...nodes.flatMap(node => change(node)), ...more], versions: { producer: 1 } };
    const weights = [...specs, axes, { name: 'one row', shape: [2], dtype: 'int32' }];
    const weightsManifest = [{ paths: ['weights.bin'], weights }];
    writeFileSync(join(own, 'model.json'), JSON.stringify({ format: 'graph-model', modelTopology, weightsManifest }));
    const bytes = [...shards, Int32Array.of(1, 4)].map(s => Buffer.from(s.buffer));
    writeFileSync(join(own, 'weights.bin'), Buffer.concat(bytes));
    try {
      const asked = { device: 'wasm', workers: 1, microBatch: 4 };
      const model = await tfjsEngine.open({ ...card, file: join(own, 'model.json') }, asked);
      const { runtime } = model;
      const x = Float32Array.from({ length: 64 }, (_, k) => Math.sin(k));
      const { data } = await model.scores(
        { count: 2, write: (i, out) => out.set(x.map(v => v * (i + 1))) },
        { as: 'logit' },
      );
      await model.close();
      return { runtime, scores: data };
    } finally {
      rmSync(own, { recursive: true, force: true });
    }
  };
  const image = (dims: readonly number[], type = 'DT_FLOAT') => ({
    ...{ name: 'image', op: 'Placeholder' },
    attr: { dtype: { type }, shape: shapeOf(dims) },
  });

  it('of one is kept to, also where inner nodes have it only', async () => {
    const free = await opened(node => [node]);
    const declared = await opened(node => (node.name === 'image' ? [image([1, 8, 8, 1])] : [node]));
    expect(declared.runtime).toMatchObject({ microBatch: 1 });
    expect(worst(declared.scores, free.scores)).toBeLessThan(1e-5);
    const inner = await opened(node =>
      node.name === 'gap'
        ? [
            { ...node, name: 'pooled' },
            constant('one row', [2], 'DT_INT32'),
            { name: 'gap', op: 'Reshape', input: ['pooled', 'one row'], attr: float },
          ]
        : [node],
    );
    expect(inner.runtime).toMatchObject({ microBatch: 1 });
    expect(inner.runtime.measured?.warnings?.join()).toMatch(/takes one image at a time only/);
    expect(worst(inner.scores, free.scores)).toBeLessThan(1e-5);
  });

  it('of several is refused, and so is an image of whole numbers', async () => {
    await expect(opened(node => (node.name === 'image' ? [image([2, 8, 8, 1])] : [node]))).rejects.toMatchObject({
      code: 'MODEL',
      message: expect.stringMatching(/a batch of 2 images/),
    });
    const whole = opened(node => (node.name === 'image' ? [image([-1, 8, 8, 1], 'DT_UINT8')] : [node]));
    await expect(whole).rejects.toMatchObject({
      code: 'MODEL',
      message: expect.stringMatching(/'image' is of DT_UINT8/),
    });
  });
});

describe('what a graph says of its outputs', () => {
  const written = (json: object) => {
    const own = mkdtempSync(join(tmpdir(), 'ct-xai-outline-'));
    writeFileSync(join(own, 'weights.bin'), Buffer.concat(shards.map(s => Buffer.from(s.buffer))));
    const weightsManifest = [{ paths: ['weights.bin'], weights: [...specs, axes] }];
    writeFileSync(join(own, 'model.json'), JSON.stringify({ format: 'graph-model', weightsManifest, ...json }));
    return { path: join(own, 'model.json'), remove: () => rmSync(own, { recursive: true, force: true }) };
  };
  const modelTopology = { node: nodes, versions: { producer: 1 }, library: {} };

  it('is measured where there is no signature', async () => {
    const { path, remove } = written({ modelTopology });
    const { input, outputs } = await onnxWithTfjs.outline!(path);
    remove();
    expect(input).toMatchObject({ size: [8, 8], channels: 1 });
    expect(outputs).toEqual([expect.objectContaining({ shape: [3], tail: 'Softmax', leadsTo: [] })]);
  });

  it('is what its signature says; features are no end', async () => {
    const output = (name: string, units: number) => ({ name: `${name}:0`, tensorShape: shapeOf([-1, units]).shape });
    const last = nodes.at(-1)!.name;
    const signature = { outputs: { features: output('gap', 4), scores: output(last, 3) } };
    const { path, remove } = written({ modelTopology, signature });
    const { outputs } = await onnxWithTfjs.outline!(path);
    remove();
    expect(outputs).toEqual([
      { name: 'gap', leadsTo: [last], shape: [4] },
      { name: last, leadsTo: [], shape: [3], tail: 'Softmax' },
    ]);
    const elsewhere = written({ modelTopology, userDefinedMetadata: { signature } });
    expect((await onnxWithTfjs.outline!(elsewhere.path)).outputs).toEqual(outputs);
    elsewhere.remove();
  });

  /** The convolution's cells in `rows` of four values for each image, and what is made of these. */
  const cells = (rows: readonly number[], ...more: readonly object[]) => [
    ...nodes.slice(
      0,
      nodes.findIndex(({ name }) => name === 'gap'),
    ),
    { ...constant('rows', [rows.length], 'DT_INT32'), ofRows: rows },
    { name: 'boxes', op: 'Reshape', input: ['conv', 'rows'], attr: float },
    ...more,
  ];
  const ofBoxes = { name: 'sure', op: 'Max', input: ['boxes', 'last'], attr: { ...float, keep_dims: { b: false } } };
  const withImage = (list: readonly object[], dims: readonly number[]) =>
    list.map(node => ('op' in node && node.op === 'Placeholder' ? { ...node, attr: imageOf(dims) } : node));
  const imageOf = (dims: readonly number[]) => ({ dtype: { type: 'DT_FLOAT' }, shape: shapeOf(dims) });

  /** Constants that are no weights of the small network have their values in the file of weights too. */
  const outlined = async (list: readonly object[]) => {
    const own = mkdtempSync(join(folder, 'outline-'));
    const rows = list.flatMap(node => ('ofRows' in node ? (node.ofRows as number[]) : []));
    const whole = [...shards, Int32Array.from(rows), Int32Array.of(2)];
    writeFileSync(join(own, 'weights.bin'), Buffer.concat(whole.map(s => Buffer.from(s.buffer))));
    const ints32 = (name: string, length: number) => ({ name, shape: [length], dtype: 'int32' });
    const manifest = [...specs, axes, ints32('rows', rows.length), ints32('last', 1)];
    const weightsManifest = [{ paths: ['weights.bin'], weights: manifest }];
    const topology = { node: [...list, constant('last', [1], 'DT_INT32')], versions: { producer: 1 }, library: {} };
    const path = join(own, 'model.json');
    writeFileSync(path, JSON.stringify({ format: 'graph-model', modelTopology: topology, weightsManifest }));
    const outline = await onnxWithTfjs.outline!(path);
    return { outline, open: () => tfjsEngine.open({ ...card, file: path }, { device: 'wasm', workers: 1 }) };
  };

  it('is no row of scores where it is boxes, and how sure each of them is', async () => {
    const { outline } = await outlined(cells([-1, 16, 4], ofBoxes));
    expect(outline.outputs.map(({ name, shape }) => [name, shape])).toEqual([['sure', [16]]]);
    const { outline: both } = await outlined(
      cells([-1, 16, 4], ofBoxes, { name: 'corners', op: 'Relu', input: ['boxes'], attr: float }),
    );
    expect(() => scoresOf(both, 0, 'm.json')).toThrow(
      /no scores of images: 'sure' has \[16\] .* 'corners' has \[16, 4\] for each image, as detectors/,
    );
  });

  it('is refused where its first axis does not count images', async () => {
    const { outline, open } = await outlined([
      ...cells([-1, 4]),
      { name: 'probabilities', op: 'Softmax', input: ['boxes'], attr: float },
    ]);
    expect(outline.outputs).toMatchObject([{ name: 'probabilities', shape: [16, 4] }]);
    expect(() => scoresOf(outline, 0, 'm.json')).toThrow(/no scores of images/);
    await expect(open()).rejects.toMatchObject({
      code: 'MODEL',
      message: expect.stringMatching(/'boxes' is \[16, 4\] for one image: its first axis does not count images/),
    });
  });

  it('is refused where it is as long as what is found in the image', async () => {
    const found = { name: 'found', op: 'Where', input: ['boxes'], attr: { T: { type: 'DT_BOOL' } } };
    await expect(outlined(cells([-1, 4], found))).rejects.toMatchObject({
      message: expect.stringMatching(
        /node 'found' \(Where\) gives as many values as it finds in an image, as detectors/,
      ),
      hint: expect.stringMatching(/Supported are classifiers/),
    });
  });

  it('is measured at a common size where the image may have any; other images are refused', async () => {
    const { outline } = await outlined(withImage(nodes, [-1, -1, -1, 1]));
    expect(outline).toMatchObject({ input: { size: [224, 224], anySize: true }, outputs: [{ shape: [3] }] });
    const fixed = withImage(cells([-1, 256, 4]), [-1, -1, -1, 1]);
    const found = (await outlined(fixed)).outline;
    expect(found.input.size).toEqual([32, 32]);
    await expect(outlined(withImage(nodes, [-1, 64]))).rejects.toThrow(/'image' is \[\?, 64\]; images \[batch, rows/);
    await expect(outlined(withImage(nodes, [-1, 8, 8, 4]))).rejects.toThrow(/'image' takes 4 channels/);
    await expect(outlined(cells([-1, 5, 7]))).rejects.toMatchObject({
      message: expect.stringMatching(/does not run on an image of 8 × 8: /),
      hint: expect.stringMatching(/Supported are classifiers/),
    });
  });
});
