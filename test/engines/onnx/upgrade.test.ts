import { describe, expect, it } from 'vitest';
import { attr, constant, type Graph, type GraphBuilder } from '../../../src/engines/onnx/graph/graph.ts';
import { loadModel } from '../../../src/engines/onnx/load/load-model.ts';
import { OPSET, upgrade } from '../../../src/engines/onnx/load/upgrade/index.ts';
import { difference, graphOf, images, runRaw, smallNet, weights } from './fixtures.ts';

/** Puts a [n, c, h, w] (or smaller) tensor into two scores. */
function scored(b: GraphBuilder, y: string, features: number): [string, (number | null)[]] {
  const flat = b.op('Flatten', [y], { axis: attr.int(1) });
  return [b.op('MatMul', [flat, b.constant(weights('scored', [features, 2]))]), [null, 2]];
}

interface Case {
  readonly what: string;
  readonly opsets: readonly number[];
  readonly channels?: number;
  /** The operators under test on x [n, channels, 4, 6]; returns a tensor and its features per image. */
  build(b: GraphBuilder, x: string): [string, number];
}

const list = (b: GraphBuilder, values: readonly number[]) => b.constant(constant.ints(values));

const cases: Case[] = [
  {
    what: 'Pad, Slice and Clip by attributes',
    opsets: [9],
    build(b, x) {
      const padded = b.op('Pad', [x], { pads: attr.ints([0, 0, 1, 1, 0, 0, 1, 1]), value: attr.float(0.25) });
      const slice = { starts: attr.ints([1, 0]), ends: attr.ints([5, 2 ** 63]), axes: attr.ints([2, 3]) };
      return [b.op('Clip', [b.op('Slice', [padded], slice)], { min: attr.float(-0.5), max: attr.float(0.5) }), 4 * 8];
    },
  },
  {
    what: 'Clip with one bound',
    opsets: [7, 10],
    build: (b, x) => [b.op('Clip', [x], { max: attr.float(0.1) }), 24],
  },
  {
    what: 'Squeeze, Unsqueeze, Split and reductions by attributes',
    opsets: [9, 11, 12],
    channels: 4,
    build(b, x) {
      const [left, right] = b.ops('Split', [x], 2, { axis: attr.int(1), split: attr.ints([1, 3]) }) as [string, string];
      const squeezed = b.op('Unsqueeze', [b.op('Squeeze', [left], { axes: attr.ints([1]) })], { axes: attr.ints([1]) });
      const sum = b.op('ReduceSum', [right], { axes: attr.ints([1]), keepdims: attr.int(1) });
      const mean = b.op('ReduceMean', [x], { axes: attr.ints([2, 3]), keepdims: attr.int(1) });
      const most = b.op('ReduceMax', [x], { axes: attr.ints([1, 2, 3]), keepdims: attr.int(1) });
      return [b.op('Add', [b.op('Add', [squeezed, sum]), b.op('Add', [mean, most])]), 4 * 24];
    },
  },
  {
    what: 'reductions by attributes, Split into equal parts',
    opsets: [13, 17],
    channels: 4,
    build(b, x) {
      const [left, right] = b.ops('Split', [x], 2, { axis: attr.int(1) }) as [string, string];
      const norm = b.op('ReduceL2', [right], { axes: attr.ints([-1]), keepdims: attr.int(1) });
      return [b.op('Add', [b.op('Mul', [left, norm]), b.op('ReduceSum', [x, list(b, [1])])]), 2 * 24];
    },
  },
  {
    what: 'TopK by attribute',
    opsets: [9],
    build: (b, x) => [b.ops('TopK', [x], 2, { k: attr.int(3), axis: attr.int(3) })[0]!, 12],
  },
  {
    what: 'Softmax over all dimensions from axis on',
    opsets: [9, 12],
    channels: 3,
    build: (b, x) => [b.op('Add', [b.op('Softmax', [x]), b.op('LogSoftmax', [x], { axis: attr.int(2) })]), 72],
  },
  {
    what: 'Softmax over the last dimension',
    opsets: [9, 11, 13],
    build: (b, x) => [b.op('Softmax', [x], { axis: attr.int(3) }), 24],
  },
  {
    what: 'Upsample',
    opsets: [9],
    build(b, x) {
      const scales = b.constant(constant.float([4], [1, 1, 2, 1.5]));
      return [b.op('Upsample', [b.op('Upsample', [x, scales]), scales], { mode: attr.string('linear') }), 16 * 13];
    },
  },
  {
    what: 'Upsample by attribute',
    opsets: [7, 8],
    build: (b, x) => [b.op('Upsample', [x], { scales: attr.floats([1, 1, 2, 2]), mode: attr.string('nearest') }), 96],
  },
  {
    what: 'Resize of opset 10',
    opsets: [10],
    build(b, x) {
      const scales = b.constant(constant.float([4], [1, 1, 0.5, 2]));
      return [b.op('Resize', [x, scales], { mode: attr.string('linear') }), 2 * 12];
    },
  },
  {
    what: 'Resize to sizes, beside empty scales',
    opsets: [11],
    build(b, x) {
      const none = b.constant(constant.float([0], []));
      const sizes = b.op('Concat', [b.op('Slice', [b.op('Shape', [x]), list(b, [0]), list(b, [2])]), list(b, [7, 9])], {
        axis: attr.int(0),
      });
      const attrs = { mode: attr.string('linear'), coordinate_transformation_mode: attr.string('align_corners') };
      return [b.op('Resize', [x, none, none, sizes], attrs), 63];
    },
  },
  {
    what: "Resize with 'tf_half_pixel_for_nn'",
    opsets: [11],
    build(b, x) {
      const none = b.constant(constant.float([0], []));
      const scales = b.constant(constant.float([4], [1, 1, 1.5, 0.5]));
      const attrs = {
        mode: attr.string('nearest'),
        coordinate_transformation_mode: attr.string('tf_half_pixel_for_nn'),
        nearest_mode: attr.string('floor'),
      };
      return [b.op('Resize', [x, none, scales], attrs), 6 * 3];
    },
  },
  {
    what: 'BatchNormalization and Dropout',
    opsets: [9, 12, 14, 22, 26],
    channels: 2,
    build(b, x) {
      const [scale, bias, mean] = ['s', 'b', 'm'].map(n => b.constant(weights(n, [2]))) as [string, string, string];
      const variance = b.constant(constant.float([2], [0.5, 2]));
      const attrs = { momentum: attr.float(0.8), epsilon: attr.float(0.01) };
      return [b.op('Dropout', [b.op('BatchNormalization', [x, scale, bias, mean, variance], attrs)]), 48];
    },
  },
  {
    what: 'GroupNormalization with parameters per group',
    opsets: [18, 20],
    channels: 4,
    build(b, x) {
      const [scale, bias] = ['s', 'b'].map(n => b.constant(weights(n, [2]))) as [string, string];
      return [b.op('GroupNormalization', [x, scale, bias], { num_groups: attr.int(2) }), 96];
    },
  },
  {
    what: 'GroupNormalization with parameters per channel',
    opsets: [21, 24],
    channels: 4,
    build(b, x) {
      const [scale, bias] = ['s', 'b'].map(n => b.constant(weights(n, [4]))) as [string, string];
      const attrs = { num_groups: attr.int(2), epsilon: attr.float(0.001) };
      return [b.op('GroupNormalization', [x, scale, bias], attrs), 96];
    },
  },
  {
    what: 'RMSNormalization',
    opsets: [23],
    build: (b, x) => [b.op('RMSNormalization', [x, b.constant(weights('s', [6]))], { axis: attr.int(-1) }), 24],
  },
  {
    what: 'Attention on [n, heads, tokens, d]',
    opsets: [23, 24],
    channels: 2,
    build: (b, x) => [b.op('Attention', [x, b.op('Neg', [x]), b.op('Abs', [x])]), 48],
  },
  {
    what: 'Attention on [n, tokens, heads · d], with scale and mask',
    opsets: [23],
    build(b, x) {
      const tokens = b.op('Squeeze', [x, list(b, [1])]);
      const mask = b.constant(
        constant.float(
          [4, 4],
          Float32Array.from({ length: 16 }, (_, i) => (i % 5 === 0 ? -2 : 0)),
        ),
      );
      const attrs = { q_num_heads: attr.int(2), kv_num_heads: attr.int(2), scale: attr.float(0.3) };
      return [b.op('Attention', [tokens, b.op('Neg', [tokens]), b.op('Exp', [tokens]), mask], attrs), 24];
    },
  },
  { what: 'Swish', opsets: [24], build: (b, x) => [b.op('Swish', [x], { alpha: attr.float(1.5) }), 24] },
  {
    what: "ONNX Runtime's own activations",
    opsets: [17],
    build(b, x) {
      const gelu = b.op('Gelu', [x], {}, 'com.microsoft');
      const bias = b.constant(weights('bias', [6]));
      const fast = b.op('FastGelu', [gelu, bias], {}, 'com.microsoft');
      const biased = b.op('BiasGelu', [fast, bias], {}, 'com.microsoft');
      return [b.op('QuickGelu', [biased], { alpha: attr.float(1.2) }, 'com.microsoft'), 24];
    },
  },
  {
    what: "ONNX Runtime's products of matrices that are turned over and scaled",
    opsets: [17],
    channels: 2,
    build(b, x) {
      const attrs = { transB: attr.int(1), alpha: attr.float(0.3) };
      const square = b.op('FusedMatMul', [x, b.op('Tanh', [x])], attrs, 'com.microsoft');
      const turned = b.op('FusedMatMul', [square, x], { transA: attr.int(1) }, 'com.microsoft');
      return [b.op('FusedMatMul', [turned, b.constant(weights('m', [6, 6]))], {}, 'com.microsoft'), 48];
    },
  },
  {
    what: "ONNX Runtime's sums that are normalised, and read besides",
    opsets: [17],
    build(b, x) {
      const [scale, shift, bias] = ['s', 't', 'b'].map(name => b.constant(weights(name, [6])));
      const inputs = [b.op('Squeeze', [x, b.ints([1])]), b.op('Reshape', [b.op('Sin', [x]), b.ints([-1, 4, 6])])];
      const attrs = { epsilon: attr.float(1e-3) };
      const [y, , , sum] = b.ops(
        'SkipLayerNormalization',
        [...inputs, scale!, shift!, bias!],
        4,
        attrs,
        'com.microsoft',
      );
      const plain = b.op('SkipLayerNormalization', [y!, sum!, scale!], attrs, 'com.microsoft');
      return [b.op('Concat', [plain, sum!], { axis: attr.int(1) }), 48];
    },
  },
  {
    what: "ONNX Runtime's fused convolution",
    opsets: [13],
    channels: 2,
    build(b, x) {
      const [w, bias] = [b.constant(weights('w', [3, 2, 3, 3])), b.constant(weights('bias', [3]))];
      const attrs = { activation: attr.string('LeakyRelu'), activation_params: attr.floats([0.2]) };
      return [b.op('FusedConv', [x, w, bias], attrs, 'com.microsoft'), 3 * 2 * 4];
    },
  },
  {
    what: "ONNX Runtime's fused products, whose activations have their numbers by name",
    opsets: [13],
    build(b, x) {
      const gemm = (from: string, activation: string, numbers: Readonly<Record<string, number>>) => {
        const own = Object.entries(numbers).map(([key, v]) => [`activation_${key}`, attr.float(v)] as const);
        const [w, bias] = [b.constant(weights(activation, [24, 24], 0.2)), b.constant(weights('bias', [24]))];
        const attrs = { activation: attr.string(activation), ...Object.fromEntries(own) };
        return b.op('FusedGemm', [from, w, bias], attrs, 'com.microsoft');
      };
      const leaky = gemm(b.op('Flatten', [x]), 'LeakyRelu', { alpha: 0.3 });
      const elu = gemm(leaky, 'Elu', { alpha: 0.7 });
      return [gemm(elu, 'HardSigmoid', { alpha: 0.15, beta: 0.4 }), 24];
    },
  },
];

describe.each(cases)('$what', ({ opsets, channels = 1, build }) => {
  it.each(opsets)('scores as before from opset %i', async opset => {
    const graph = graphOf({
      opset,
      input: [null, channels, 4, 6],
      build: (b, x) => {
        const [y, features] = build(b, x);
        return scored(b, y, features);
      },
    });
    const x = images('upgrade', [3, channels, 4, 6]);
    const hint = { file: 'm.onnx', size: [4, 6], channels, layout: 'NCHW', classes: 2 } as const;
    const model = await loadModel(graph, hint);
    expect(model.graph.opset).toBe(OPSET);
    expect(model.dynamicBatch).toBe(true);
    expect(difference(await runRaw(model.graph, x), await runRaw(graph, x))).toBeLessThan(1e-5);
  });
});

describe('a whole network', () => {
  const x = images('whole', [2, 1, 8, 8]);
  it.each([9, 11, 13, 17, 18, 21, 26])('scores as before from opset %i', async opset => {
    const graph = { ...smallNet({}), opset };
    const model = await loadModel(graph, { file: 'm.onnx', size: [8, 8], channels: 1, layout: 'NCHW', classes: 3 });
    expect(difference(await runRaw(model.graph, x), await runRaw(graph, x))).toBeLessThan(1e-5);
  });
});

describe('operators that came later and have no equivalent', () => {
  it('leave the model in its own opset', () => {
    const graph = graphOf({
      opset: 24,
      input: [null, 1, 4, 6],
      build: (b, x) => [b.op('TensorScatter', [x, x, b.ints([0])]), [null, 1, 4, 6]],
    });
    expect(upgrade(graph, 'm.onnx').opset).toBe(24);
    expect(upgrade({ ...smallNet({}), opset: 24 }, 'm.onnx').opset).toBe(OPSET);
  });

  it('stay as they are where a mask may hold numbers or booleans', () => {
    const graph = graphOf({
      opset: 23,
      input: [null, 1, 4, 6],
      build: (b, x) => [b.op('Attention', [x, x, x, b.op('Strange', [x])]), [null, 1, 4, 6]],
    });
    expect(upgrade(graph, 'm.onnx').nodes.map(n => n.op)).toEqual(['Strange', 'Attention']);
  });
});

describe('what is refused', () => {
  const one = (opset: number, build: (b: GraphBuilder, x: string) => string): Graph => {
    return graphOf({ opset, input: [null, 1, 4, 6], build: (b, x) => [build(b, x), [null, 24]] });
  };

  it.each([6, 27])('opset %i', opset => {
    expect(() => upgrade({ ...smallNet({}), opset }, 'm.onnx')).toThrow(/m\.onnx: opset \d+ is not read; 7 to 26 are/);
  });

  it.each<[string, Graph, RegExp]>([
    [
      'Dropout that drops',
      one(13, (b, x) => b.op('Dropout', [x, '', b.constant({ dtype: 9, dims: [], data: Uint8Array.of(1) })])),
      /drops values at random/,
    ],
    [
      'places of nearest neighbours that have no later words',
      one(11, (b, x) => {
        const none = b.constant(constant.float([0], []));
        const attrs = {
          coordinate_transformation_mode: attr.string('tf_half_pixel_for_nn'),
          nearest_mode: attr.string('ceil'),
        };
        return b.op('Resize', [x, none, b.constant(constant.float([4], [1, 1, 2, 2]))], attrs);
      }),
      /tf_half_pixel_for_nn.* floor or round_prefer_floor only/,
    ],
  ])('%s', (_, graph, message) => {
    expect(() => upgrade(graph, 'm.onnx')).toThrow(message);
  });
});
