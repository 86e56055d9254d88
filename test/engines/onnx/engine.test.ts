import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { FullClassifier, ModelCard } from '../../../src/core/contracts/index.ts';
import { sizeOf, type Tensor } from '../../../src/core/tensor.ts';
import { attr } from '../../../src/engines/onnx/graph/graph.ts';
import { onnxEngine } from '../../../src/engines/onnx/index.ts';
import { testEngine } from '../../support/test-engine.ts';
import {
  cardFor,
  channelsLast,
  golden,
  goldenFolder,
  graphOf,
  images,
  smallNet,
  temporary,
  weights,
} from './fixtures.ts';

const folder = temporary();
afterAll(() => folder.remove());

const quick = { device: 'cpu', workers: 1, threads: 1, microBatch: 1 };

function batchOf({ shape, data }: Tensor) {
  const size = sizeOf(shape.slice(1));
  return {
    count: shape[0]!,
    write: (i: number, out: Float32Array) => out.set(data.subarray(i * size, (i + 1) * size)),
  };
}

async function using<T>(card: ModelCard, use: (model: FullClassifier) => Promise<T>, options = {}): Promise<T> {
  const model = await onnxEngine.open(card, { ...quick, ...options });
  try {
    return await use(model);
  } finally {
    await model.close();
  }
}

function relativeL2(got: Float32Array, want: Float32Array): number {
  const norm = (values: Float32Array) => Math.sqrt(values.reduce((s, v) => s + v * v, 0));
  return norm(got.map((v, i) => v - want[i]!)) / norm(want);
}

const tiny = cardFor(join(goldenFolder, 'tiny-densenet.onnx'), {
  classes: ['a', 'b'],
  input: { size: [64, 64], channels: 1, layout: 'NCHW' },
});

testEngine('a network with tanh-like curves', {
  engine: onnxEngine,
  device: 'cpu',
  card: cardFor(folder.write('small.onnx', smallNet({})), { classes: ['a', 'b', 'c'] }),
  images: images('small', [3, 8, 8, 1]),
});

testEngine('a colour network, channels last, with a softmax tail', {
  engine: onnxEngine,
  device: 'cpu',
  card: cardFor(folder.write('nhwc.onnx', smallNet({ channels: 3, layout: 'NHWC', tail: 'Softmax' })), {
    classes: ['a', 'b', 'c'],
    emits: 'probabilities',
    input: { size: [8, 8], channels: 3, layout: 'NHWC' },
  }),
  images: images('nhwc', [3, 8, 8, 3]),
});

testEngine('a colour network, channels first, one sigmoid unit', {
  engine: onnxEngine,
  device: 'cpu',
  card: cardFor(folder.write('sigmoid.onnx', smallNet({ channels: 3, units: 1, tail: 'Sigmoid' })), {
    classes: ['negative', 'positive'],
    task: 'sigmoid',
    emits: 'probabilities',
    input: { size: [8, 8], channels: 3, layout: 'NCHW' },
  }),
  images: images('sigmoid', [3, 8, 8, 3]),
});

testEngine('a network explained behind its softmax', {
  engine: onnxEngine,
  device: 'cpu',
  card: cardFor(folder.write('output.onnx', smallNet({ tail: 'Softmax' })), {
    classes: ['a', 'b', 'c'],
    emits: 'probabilities',
    explainAt: 'output',
  }),
  images: images('output', [3, 8, 8, 1]),
});

testEngine('a network explained behind its sigmoid', {
  engine: onnxEngine,
  device: 'cpu',
  card: cardFor(folder.write('sigmoid-output.onnx', smallNet({ units: 1, tail: 'Sigmoid' })), {
    classes: ['negative', 'positive'],
    task: 'sigmoid',
    emits: 'probabilities',
    explainAt: 'output',
  }),
  images: images('sigmoid output', [3, 8, 8, 1]),
});

testEngine('a network with relus, pools and concatenations', {
  engine: onnxEngine,
  device: 'cpu',
  card: tiny,
  images: channelsLast(golden('tiny-densenet.input.npy')),
  step: 0.002,
});

describe('golden/tiny-densenet', () => {
  const x = batchOf(golden('tiny-densenet.input.npy'));

  it('has the scores and input gradients of PyTorch', async () => {
    await using(tiny, async model => {
      const scores = await model.scores(x, { as: 'logit' });
      expect(relativeL2(scores.data, golden('tiny-densenet.output.npy').data)).toBeLessThan(1e-5);
      const want = golden('tiny-densenet.input-gradient.npy').data;
      const got = new Float32Array(want.length);
      await model.gradients(x, { class: 0, score: 'logit' }, (i, gradient) => got.set(gradient, i * 64 * 64));
      expect(relativeL2(got, want)).toBeLessThan(1e-4);
    });
  });

  it('has the Grad-CAM of Captum, at the layer that it names', async () => {
    await using(tiny, async model => {
      const layers = await model.layers();
      const want = golden('tiny-densenet.grad-cam.npy');
      const [n, , h, w] = want.shape as [number, number, number, number];
      // Captum's layer: the input of the last BatchNormalization, a Concat.
      const layer = layers.filter(l => l.operator === 'Concat').at(-1)!;
      const { activations, gradients } = await model.layer(x, { class: 0, score: 'logit' }, layer.name);
      const c = activations.shape.at(-1)!;
      const got = new Float32Array(want.data.length);
      for (let i = 0; i < n; i++) {
        const alpha = new Float64Array(c);
        const at = (p: number, k: number) => (i * h * w + p) * c + k;
        for (let p = 0; p < h * w; p++) for (let k = 0; k < c; k++) alpha[k]! += gradients.data[at(p, k)]! / (h * w);
        for (let p = 0; p < h * w; p++) {
          for (let k = 0; k < c; k++) got[i * h * w + p]! += alpha[k]! * activations.data[at(p, k)]!;
        }
      }
      expect(
        relativeL2(
          got.map(v => Math.max(0, v)),
          want.data,
        ),
      ).toBeLessThan(1e-4);
    });
  });

  it('gives any layer, also when many are asked for at once and again', async () => {
    await using(tiny, async model => {
      const layers = (await model.layers()).slice(0, 9);
      const ask = (name: string) => model.layer(x, { class: 0, score: 'logit' }, name);
      const first = await Promise.all(layers.map(l => ask(l.name)));
      for (const [i, { name }] of layers.entries()) {
        expect(relativeL2((await ask(name)).gradients.data, first[i]!.gradients.data)).toBeLessThan(1e-6);
      }
    });
  });

  it('takes the last spatial tensor for class activation maps, or what the card says', async () => {
    const named = await using(tiny, async model => {
      expect(model.runtime.camLayer).toBeDefined();
      const layers = await model.layers();
      const cam = layers.find(l => l.cam)!;
      expect(cam).toMatchObject({ operator: 'Relu', spatial: true, name: model.runtime.camLayer });
      return layers[3]!.name;
    });
    await using({ ...tiny, camLayer: named }, async model => expect(model.runtime.camLayer).toBe(named));
    await expect(onnxEngine.open({ ...tiny, camLayer: `${named}x` }, quick)).rejects.toMatchObject({
      code: 'LAYER',
      hint: expect.stringContaining(`Did you mean '${named}'`),
    });
  });
});

describe('golden/mixed-ops', () => {
  it('has the probabilities and their gradients of PyTorch', async () => {
    const card = cardFor(join(goldenFolder, 'mixed-ops.onnx'), {
      classes: ['a', 'b', 'c'],
      emits: 'probabilities',
      explainAt: 'output',
      input: { size: [64, 64], channels: 1, layout: 'NCHW' },
    });
    const x = batchOf(golden('mixed-ops.input.npy'));
    const want = golden('mixed-ops.input-gradient.npy').data;
    for (const [explainAt, score] of [
      ['output', 'logit'],
      ['logits', 'probability'],
    ] as const) {
      await using({ ...card, explainAt }, async model => {
        const scores = await model.scores(x, { as: score });
        expect(relativeL2(scores.data, golden('mixed-ops.output.npy').data)).toBeLessThan(1e-5);
        const got = new Float32Array(want.length);
        await model.gradients(x, { class: 0, score }, (i, gradient) => got.set(gradient, i * 64 * 64));
        expect(relativeL2(got, want)).toBeLessThan(1e-3);
      });
    }
  });
});

describe('models as they come', () => {
  it('runs a model whose batch is fixed, and opens the batch where that is safe', async () => {
    const x = images('fixed', [5, 8, 8, 1]);
    const open = cardFor(folder.write('dynamic.onnx', smallNet({})), { classes: ['a', 'b', 'c'] });
    const fixed = cardFor(folder.write('fixed.onnx', smallNet({ batch: 1 })), { classes: ['a', 'b', 'c'] });
    const want = await using(open, model => model.scores(batchOf(x), { as: 'logit' }), { microBatch: 4 });
    await using(
      fixed,
      async model => {
        expect(model.runtime.microBatch).toBe(4);
        expect(relativeL2((await model.scores(batchOf(x), { as: 'logit' })).data, want.data)).toBeLessThan(1e-6);
      },
      { microBatch: 4 },
    );
    // Four at a time, whatever is wished: the last micro-batch is filled up.
    const four = cardFor(folder.write('four.onnx', smallNet({ batch: 4 })), { classes: ['a', 'b', 'c'] });
    await using(four, async model => {
      expect(model.runtime.microBatch).toBe(4);
      expect(relativeL2((await model.scores(batchOf(x), { as: 'logit' })).data, want.data)).toBeLessThan(1e-6);
      await model.gradients(batchOf(x), { class: 1, score: 'margin' }, (_, g) => expect(g).toHaveLength(64));
    });
  });

  it('goes on without gradients where an operator has no rule', async () => {
    const graph = graphOf({
      input: [null, 1, 8, 8],
      build(b, x) {
        const odd = b.op('CumSum', [b.op('Det', [x]), b.ints([1])]);
        return [b.op('Mul', [odd, b.constant(weights('w', [1, 2]))]), [null, 2]];
      },
    });
    const card = cardFor(folder.write('odd.onnx', graph), { classes: ['a', 'b'] });
    await using(card, async model => {
      expect([...model.capabilities]).not.toContain('gradients');
      expect(model.runtime.limitations?.gradients).toMatch(/operator \w+ at node/);
      const x = batchOf(images('odd', [1, 8, 8, 1]));
      expect((await model.scores(x, { as: 'probability' })).data.every(Number.isFinite)).toBe(true);
      const asked = model.gradients(x, { class: 0, score: 'logit' }, () => undefined);
      await expect(asked).rejects.toMatchObject({ code: 'OPERATOR' });
    });
  });

  it('pads with zeros before a maximum, where ONNX Runtime would rather pad with nothing', async () => {
    const graph = graphOf({
      input: [null, 1, 8, 8],
      build(b, x) {
        const padded = b.op('Pad', [x, b.ints([0, 0, 1, 1, 0, 0, 1, 1]), b.scalar(0)]);
        const y = b.op('MaxPool', [padded], { kernel_shape: attr.ints([5, 5]), strides: attr.ints([5, 5]) });
        return [b.op('MatMul', [b.op('Flatten', [y]), b.constant(weights('w', [4, 2]))]), [null, 2]];
      },
    });
    const card = cardFor(folder.write('padded.onnx', graph), { classes: ['a', 'b'] });
    const dark = { count: 1, write: (_: number, out: Float32Array) => out.fill(-1) };
    await using(card, async model => {
      // Every window meets the border, whose zeros are more than any pixel.
      expect([...(await model.scores(dark, { as: 'logit' })).data]).toEqual([0, 0]);
    });
  });

  it('remembers what it tuned, and takes what it is given', async () => {
    const cacheDir = join(folder.path, 'cache');
    mkdirSync(cacheDir);
    const card = cardFor(folder.write('tuned.onnx', smallNet({})), { classes: ['a', 'b', 'c'] });
    const tuned = await onnxEngine.open(card, { device: 'auto', cacheDir });
    await tuned.close();
    const stored = readFileSync(join(cacheDir, 'onnx-tuning.json'), 'utf8');
    // The settings, what was measured, and that the optimiser is exact.
    expect(Object.values(JSON.parse(stored))).toHaveLength(3);
    const again = await onnxEngine.open(card, { device: 'auto', cacheDir });
    await again.close();
    expect(again.runtime).toEqual(tuned.runtime);
    expect(readFileSync(join(cacheDir, 'onnx-tuning.json'), 'utf8')).toBe(stored);
    const given = { workers: 1, threads: 2, microBatch: 5 };
    await using(card, async model => expect(model.runtime).toMatchObject(given), { ...given, cacheDir });
  });

  it('proves that the CPU works', async () => {
    const reports = await onnxEngine.probe();
    expect(reports.map(r => r.device)).toEqual(['cpu', 'webgpu', 'cuda']);
    expect(reports[0]).toMatchObject({ state: 'works', engine: 'onnx' });
    for (const report of reports.slice(1)) {
      if (report.state !== 'works') expect(report.hint).toBeTruthy();
    }
  });
});
