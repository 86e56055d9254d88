import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FullClassifier, ModelCard } from '../../../../src/core/contracts/index.ts';
import { type Tensor, tensor } from '../../../../src/core/tensor.ts';
import { attr, constant, type GraphBuilder } from '../../../../src/engines/onnx/graph/graph.ts';
import { onnxEngine } from '../../../../src/engines/onnx/index.ts';
import {
  referenceBaseline,
  referenceImage,
  referenceItem,
  referenceModels,
  referencesOf,
} from '../../../golden/explainers/index.ts';
import { relativeL2, sum } from '../../../methods/helpers.ts';
import { cardFor, channelsLast, golden, goldenFolder, graphOf, images, temporary, weights } from '../fixtures.ts';
import { backward, openReference } from './references.ts';

describe.each(Object.entries(referenceModels))('%s', (name, entry) => {
  const images = entry.targets.map((_, i) => referenceImage(entry, i));
  const baseline = referenceBaseline(entry);
  let model: FullClassifier;
  beforeAll(async () => {
    model = await openReference(name);
  });
  afterAll(() => model?.close());

  const references = referencesOf('deeplift').filter(r => r.model === name && r.variant === '');
  it.each(references.map(r => [r.score, r] as const))('has the multipliers of the reference, %s', async (score, r) => {
    for (const [i, c] of entry.targets.entries()) {
      const back = await backward(model, images, { class: c, score }, { name: 'deeplift' }, [baseline]);
      expect(
        relativeL2(
          back[i]!.values.data.map((m, k) => m * images[i]!.data[k]!),
          referenceItem(r.map!, i).data,
        ),
      ).toBeLessThan(1e-4);
    }
  });

  it.each(['logit', 'margin', 'probability'] as const)('sums to the difference of the %s', async score => {
    for (const c of [0, 1]) {
      const [one, other] = await backward(model, images, { class: c, score }, { name: 'deeplift' }, [
        images[1]!,
        baseline,
      ]);
      for (const [back, x, b] of [
        [one!, images[0]!, images[1]!],
        [other!, images[1]!, baseline],
      ] as const) {
        const difference = back.score - back.sums['reference score']!;
        const map = back.values.data.map((m, k) => m * (x.data[k]! - b.data[k]!));
        expect(Math.abs(sum(map) - difference)).toBeLessThan(1e-4 * Math.max(1, Math.abs(difference)));
      }
    }
  });
});

const blocks = fileURLToPath(new URL('../../../golden/blocks/', import.meta.url));
const { models: networks } = JSON.parse(readFileSync(join(blocks, 'index.json'), 'utf8')) as {
  readonly models: readonly { readonly name: string }[];
};

/** The number of images, as one integer in a list. */
const batchOf = (b: GraphBuilder, x: string) => b.op('Slice', [b.op('Shape', [x]), b.ints([0]), b.ints([1])]);

describe('sums to the difference on networks in the style of the well-known families', () => {
  const SETTINGS = { device: 'cpu', workers: 1, threads: 1, microBatch: 1 } as const;
  const check = async (card: ModelCard, x: Tensor, reference: Tensor) => {
    const model = await onnxEngine.open(card, SETTINGS);
    try {
      for (const score of ['logit', 'margin', 'probability'] as const) {
        const [back] = await backward(model, [x], { class: 1, score }, { name: 'deeplift' }, [reference]);
        const difference = back!.score - back!.sums['reference score']!;
        const total = sum(back!.values.data.map((m, k) => m * (x.data[k]! - reference.data[k]!)));
        expect(Math.abs(total - difference), score).toBeLessThan(1e-4 * Math.max(1, Math.abs(difference)));
      }
    } finally {
      await model.close();
    }
  };

  // Samplers at places that follow from the image, regions and masks made at run time have no rule: a refusal that names
  // the operator.
  const REFUSED: Readonly<Record<string, RegExp>> = {
    deformable: /can't pass node '.*DeformConv'.*no rule for DeformConv/,
    'transformer-linear': /GridSample\): another of its inputs than the first changes with the image/,
    'transformer-cubic': /GridSample\): another of its inputs than the first changes with the image/,
    regions: /no rule for RoiAlign/,
    'grouped-masked': /can't pass a part of the model \(Where\)/,
  };

  it.each(networks.map(({ name }) => name))('%s', async name => {
    const input = { size: [16, 16], channels: 3, layout: 'NCHW' } as const;
    const card = cardFor(join(blocks, `${name}.onnx`), { classes: ['a', 'b', 'c'], input });
    const { data } = channelsLast(golden('blocks/input.npy'));
    const image = (i: number) => tensor([16, 16, 3], data.slice(i * 768, (i + 1) * 768));
    const sums = check(card, image(0), image(1));
    await (REFUSED[name] ? expect(sums).rejects.toThrow(REFUSED[name]) : sums);
  });

  it('a sampler at fixed places', async () => {
    const folder = temporary();
    const graph = graphOf({
      input: [null, 1, 6, 6],
      build(b, x) {
        const grid = b.constant(weights('places', [1, 4, 4, 2], 0.5));
        const grids = b.op('Expand', [grid, b.op('Concat', [batchOf(b, x), b.ints([4, 4, 2])], { axis: attr.int(0) })]);
        const sampled = b.op('GridSample', [b.op('Tanh', [x]), grids]);
        const flat = b.op('Flatten', [b.op('Sigmoid', [sampled])]);
        return [b.op('MatMul', [flat, b.constant(weights('head', [16, 2]))]), [null, 2]];
      },
    });
    try {
      const input = { size: [6, 6], channels: 1, layout: 'NCHW' } as const;
      const card = cardFor(folder.write('sampler.onnx', graph), { classes: ['a', 'b'], input });
      await check(card, images('an image', [6, 6, 1]), images('another', [6, 6, 1]));
    } finally {
      folder.remove();
    }
  });

  it('normalisations one after the other, at a reference without spread', async () => {
    // Without biases a zero image is zero at every one, and 1/√ε = 1,000, or twice the right slope, would be multiplied fifteen times.
    const folder = temporary();
    const graph = graphOf({
      input: [null, 1, 8, 8],
      build(b, x) {
        const ones = b.constant(constant.float([64], new Float64Array(64).fill(1)));
        let at = b.op('Reshape', [x, b.ints([-1, 64])]);
        for (let i = 0; i < 15; i++) {
          at = b.op('MatMul', [at, b.constant(weights(`layer ${i}`, [64, 64], 0.05))]);
          at = b.op('LayerNormalization', [at, ones], { epsilon: attr.float(1e-6) });
        }
        return [b.op('MatMul', [at, b.constant(weights('head', [64, 2]))]), [null, 2]];
      },
    });
    try {
      const card = cardFor(folder.write('normalised.onnx', graph), { classes: ['a', 'b'] });
      await check(card, images('an image', [8, 8, 1]), tensor([8, 8, 1]));
    } finally {
      folder.remove();
    }
  });

  it.each(['Div', 'Reciprocal', 'Pow'])('quotients whose divisors are nearly 0 for the image, by %s', async way => {
    const folder = temporary();
    const graph = graphOf({
      input: [null, 1, 8, 8],
      build(b, x) {
        let at = b.op('Reshape', [x, b.ints([-1, 64])]);
        for (let i = 0; i < 6; i++) {
          const [signal, size] = ['signal', 'size'].map(name =>
            b.op('MatMul', [at, b.constant(weights(`${name} ${i}`, [64, 64], 0.2))]),
          ) as [string, string];
          const sizes = b.op('ReduceMean', [b.op('Relu', [size])], { axes: attr.ints([-1]) });
          const divisor = b.op('Add', [sizes, b.scalar(1e-5)]);
          const inverse = () => (way === 'Pow' ? b.op('Pow', [divisor, b.scalar(-1)]) : b.op('Reciprocal', [divisor]));
          at = way === 'Div' ? b.op('Div', [signal, divisor]) : b.op('Mul', [inverse(), signal]);
          // The next divisors differ a thousandfold too.
          at = b.op('Mul', [at, b.op('Tanh', [divisor])]);
        }
        return [b.op('MatMul', [at, b.constant(weights('head', [64, 2]))]), [null, 2]];
      },
    });
    try {
      const card = cardFor(folder.write('quotients.onnx', graph), { classes: ['a', 'b'] });
      const { shape, data } = images('an image', [8, 8, 1]);
      await check(
        card,
        tensor(
          shape,
          data.map(v => v * 1e-3),
        ),
        images('another', [8, 8, 1]),
      );
    } finally {
      folder.remove();
    }
  });

  it('softmax of values that all lie 150 higher for the image than for the reference', async () => {
    // As e^(x − c) over its sum, with one c for both, the reference's sum would be e^−150, which is 0 in float32.
    const folder = temporary();
    const graph = graphOf({
      input: [null, 1, 4, 4],
      build(b, x) {
        const flat = b.op('Reshape', [x, b.ints([-1, 16])]);
        const apart = b.op('MatMul', [flat, b.constant(weights('apart', [16, 5]))]);
        const level = b.op('MatMul', [flat, b.constant(constant.float([16, 5], new Float64Array(80).fill(150 / 16)))]);
        const attention = b.op('Softmax', [b.op('Add', [apart, level])]);
        return [b.op('MatMul', [attention, b.constant(weights('head', [5, 2]))]), [null, 2]];
      },
    });
    try {
      const input = { size: [4, 4], channels: 1, layout: 'NCHW' } as const;
      const card = cardFor(folder.write('level.onnx', graph), { classes: ['a', 'b'], input });
      const raised = images('an image', [4, 4, 1]);
      const image = { ...raised, data: raised.data.map(v => 1 + 0.1 * v) };
      await check(card, image, tensor([4, 4, 1]));
      await check(card, tensor([4, 4, 1]), image);
      const model = await onnxEngine.open(card, SETTINGS);
      const [back] = await backward(model, [image], { class: 1, score: 'logit' }, { name: 'deeplift' }, [
        tensor([4, 4, 1]),
      ]);
      await model.close();
      expect(Math.max(...back!.values.data.map(Math.abs))).toBeLessThan(200);
    } finally {
      folder.remove();
    }
  });

  it.each([
    ['tiny-densenet', ['a', 'b'], 'logits'],
    ['mixed-ops', ['a', 'b', 'c'], 'probabilities'],
  ] as const)('%s', async (name, classes, emits) => {
    const input = { size: [64, 64], channels: 1, layout: 'NCHW' } as const;
    const { data } = golden(`${name}.input.npy`);
    const [x, zero] = [tensor([64, 64, 1], data.slice(0, 4096)), tensor([64, 64, 1])];
    for (const explainAt of emits === 'logits' ? (['logits'] as const) : (['logits', 'output'] as const)) {
      await check(cardFor(join(goldenFolder, `${name}.onnx`), { classes, input, emits, explainAt }), x, zero);
    }
  });
});
