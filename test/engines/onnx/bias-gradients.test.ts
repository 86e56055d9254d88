import { afterAll, describe, expect, it } from 'vitest';
import type { BiasTerm } from '../../../src/core/contracts/index.ts';
import { attr, type GraphBuilder } from '../../../src/engines/onnx/graph/graph.ts';
import { onnxEngine } from '../../../src/engines/onnx/index.ts';
import { batchOf } from '../tfjs/fixtures.ts';
import { cardFor, graphOf, images, temporary, weights } from './fixtures.ts';

const folder = temporary();
afterAll(() => folder.remove());

/** Layers between the image and a dense head, as [n, 6, h, w]. */
type Layers = (b: GraphBuilder, x: string) => string;

const conv: Layers = (b, x) => {
  const parts = [weights('conv', [6, 1, 3, 3]), weights('bias', [6])].map(c => b.constant(c));
  return b.op('Conv', [x, ...parts], { pads: attr.ints([1, 1, 1, 1]) });
};

const NETS: Readonly<Record<string, Layers>> = {
  'a rectifier': (b, x) => b.op('Relu', [conv(b, x)]),
  'batch normalisation that is not folded': (b, x) => {
    const variance = weights('variance', [6]);
    const positive = { ...variance, data: (variance.data as Float32Array).map(v => v * v + 0.1) };
    const parts = [weights('gamma', [6]), weights('beta', [6]), weights('mean', [6]), positive];
    return b.op('Relu', [b.op('BatchNormalization', [conv(b, x), ...parts.map(c => b.constant(c))])]);
  },
  'bounds of ReLU6': (b, x) => b.op('Clip', [conv(b, x), b.scalar(0), b.scalar(0.6)]),
  'constants added and subtracted': (b, x) => {
    const plus = b.op('Add', [b.constant(weights('plus', [6, 1, 1])), conv(b, x)]);
    const minus = b.op('Sub', [plus, b.constant(weights('minus', [6, 8, 8]))]);
    return b.op('LeakyRelu', [b.op('Sub', [b.scalar(0.5), minus])]);
  },
  'a maximum and a skip': (b, x) => {
    const y = conv(b, x);
    return b.op('Add', [
      b.op('Relu', [y]),
      b.op('MaxPool', [y], { kernel_shape: attr.ints([3, 3]), pads: attr.ints([1, 1, 1, 1]) }),
    ]);
  },
};

function netOf(layers: Layers, opset = 17) {
  return graphOf({
    opset,
    input: [null, 1, 8, 8],
    build(b, x) {
      const flat = b.op('Flatten', [b.op('GlobalAveragePool', [layers(b, x)])]);
      const head = [weights('head', [6, 3], 2), weights('b', [3])].map(c => b.constant(c));
      return [b.op('Gemm', [flat, ...head]), [null, 3]];
    },
  });
}

const sum = (values: Float32Array) => values.reduce((a, b) => a + b, 0);

describe('gradients at biases', () => {
  const x = images('biases', [2, 8, 8, 1]);

  it.each(Object.entries(NETS))('sum to the logit with %s', async (name, layers) => {
    const card = cardFor(folder.write(`${name}.onnx`, netOf(layers)), { classes: ['a', 'b', 'c'] });
    const model = await onnxEngine.open(card, { device: 'cpu', workers: 1, threads: 1, microBatch: 2 });
    try {
      for (let c = 0; c < 3; c++) {
        let count = 0;
        await model.biasGradients(batchOf(x), { class: c, score: 'logit' }, (i, gradient, score, terms) => {
          const image = x.data.subarray(i * 64, (i + 1) * 64);
          const own = gradient.reduce((total, g, k) => total + g * image[k]!, 0);
          const all = terms.reduce((total, { value }) => total + sum(value.data), own);
          expect(all).toBeCloseTo(score, 4);
          expect(terms.filter(term => term.spatial).map(term => term.value.shape)).toContainEqual([8, 8, 6]);
          count++;
        });
        expect(count).toBe(2);
      }
    } finally {
      await model.close();
    }
  });

  it('come one term for each place, channels last, the dense bias without pixels', async () => {
    const card = cardFor(folder.write('places.onnx', netOf(NETS['a rectifier']!)), { classes: ['a', 'b', 'c'] });
    const model = await onnxEngine.open(card, { device: 'cpu', workers: 1, threads: 1, microBatch: 1 });
    const found: BiasTerm[] = [];
    await model.biasGradients(batchOf(x, 0), { class: 1, score: 'logit' }, (_, _g, _s, terms) => found.push(...terms));
    await model.close();
    expect(found.map(term => [term.value.shape, term.spatial])).toEqual([
      [[8, 8, 6], true],
      [[3], false],
    ]);
    // The head's bias of the class explained, as it is.
    expect([...found[1]!.value.data].map(v => v + 0)).toEqual([0, (weights('b', [3]).data as Float32Array)[1], 0]);
  });

  it('are the same for a GELU in one operator and in several', async () => {
    const inParts: Layers = (b, x) => {
      const y = conv(b, x);
      const phi = b.op('Add', [b.op('Erf', [b.op('Div', [y, b.scalar(Math.SQRT2)])]), b.scalar(1)]);
      return b.op('Mul', [b.op('Mul', [y, phi]), b.scalar(0.5)]);
    };
    const nets: readonly [string, Layers][] = [
      ['whole', (b, x) => b.op('Gelu', [conv(b, x)])],
      ['in-parts', inParts],
    ];
    const found: BiasTerm[][] = [];
    for (const [name, layers] of nets) {
      const file = folder.write(`gelu-${name}.onnx`, netOf(layers, 20));
      const card = cardFor(file, { classes: ['a', 'b', 'c'] });
      const model = await onnxEngine.open(card, { device: 'cpu', workers: 1, threads: 1, microBatch: 1 });
      await model.biasGradients(batchOf(x, 0), { class: 1, score: 'logit' }, (_, _g, _s, terms) => {
        found.push(terms.map(term => ({ ...term, value: { ...term.value, data: term.value.data.slice() } })));
      });
      await model.close();
    }
    const [whole, parts] = found as [BiasTerm[], BiasTerm[]];
    expect(parts.map(term => term.value.shape)).toEqual(whole.map(term => term.value.shape));
    expect(whole).toHaveLength(2);
    for (const [k, { value }] of whole.entries()) {
      for (const [i, v] of value.data.entries()) expect(parts[k]!.value.data[i]).toBeCloseTo(v, 5);
    }
  });
});
