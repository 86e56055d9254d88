import { describe, expect, it } from 'vitest';
import {
  attr,
  type Constant,
  constant,
  DType,
  type Graph,
  GraphBuilder,
} from '../../../src/engines/onnx/graph/graph.ts';
import { type InputHint, loadModel } from '../../../src/engines/onnx/load/load-model.ts';
import { fromHalf } from '../../../src/engines/onnx/load/precision.ts';
import { difference, graphOf, images, runRaw, smallNet, weights } from './fixtures.ts';

const hint: InputHint = { file: 'm.onnx', size: [8, 8], channels: 1, layout: 'NCHW', classes: 3 };

const operators = (graph: Graph) => graph.nodes.map(n => n.op);

describe('what a fixed image size makes superfluous', () => {
  it('folds shape subgraphs, shared parameters and branches, and keeps names', async () => {
    const branch = (op: string, x: string, y: string): Graph => ({
      opset: 17,
      nodes: [{ op, domain: '', name: `${op} inside`, inputs: [x], outputs: [y], attrs: {} }],
      constants: new Map(),
      inputs: [],
      outputs: [{ name: y, dtype: DType.float, dims: [] }],
    });
    const graph = graphOf({
      input: [null, 1, null, null],
      build(b, x) {
        // As exporters write x.view(x.size(0), -1) with a check of the rank, and weights used twice.
        const same = b.op('Identity', [b.op('Identity', [b.constant(weights('shared', [64, 3]))])]);
        const batch = b.op('Gather', [b.op('Shape', [x]), b.constant(constant.int64([], [0]))]);
        const one = b.op('Unsqueeze', [batch, b.ints([0])]);
        const shape = b.op('Concat', [one, b.ints([-1])], { axis: attr.int(0) });
        const flat = b.op('Reshape', [x, shape]);
        const rank = b.op('Size', [b.op('Shape', [flat])]);
        const ifs = { then_branch: branch('Relu', flat, 'relu'), else_branch: branch('Neg', flat, 'neg') };
        b.push({
          op: 'If',
          domain: '',
          name: 'check',
          inputs: [b.op('Equal', [rank, b.constant(constant.int64([], [2]))])],
          outputs: ['chosen'],
          attrs: Object.fromEntries(Object.entries(ifs).map(([k, value]) => [k, { type: 'graph', value }])),
        });
        const dead = b.op('Exp', [flat]);
        b.op('Log', [dead]);
        const cast = b.op('Cast', [b.op('Dropout', ['chosen'])], { to: attr.int(DType.float) });
        return [b.op('Add', [b.op('MatMul', [cast, same]), b.op('MatMul', [flat, same])]), [null, 3]];
      },
    });
    const model = await loadModel(graph, hint);
    expect(operators(model.graph)).toEqual(['Reshape', 'Relu', 'MatMul', 'MatMul', 'Add']);
    expect(model.graph.nodes[1]!.outputs).toEqual(['relu']);
    expect(model.aliases.get('chosen')).toBe('relu');
    expect([...model.graph.constants.values()].map(c => c.dims)).toEqual([[64, 3], [2]]);
    expect(model.infos.get('relu')).toEqual({ dtype: DType.float, dims: [null, 64] });
    expect(model.values).toBe(model.graph.constants);
    const x = images('folded', [2, 1, 8, 8]);
    expect(difference(await runRaw(model.graph, x), await runRaw(graph, x))).toBeLessThan(1e-6);
  });

  it('writes down sizes that were computed from the batch', async () => {
    const graph = graphOf({
      input: [null, 1, 8, 8],
      build(b, x) {
        const shape = b.op('Shape', [x]);
        const part = (from: number, to: number) => b.op('Slice', [shape, b.ints([from]), b.ints([to])]);
        const twice = b.op('Mul', [part(2, 4), b.constant(constant.int64([1], [2]))]);
        const sizes = b.op('Concat', [part(0, 2), twice], { axis: attr.int(0) });
        const y = b.op('Resize', [x, '', '', sizes], { mode: attr.string('linear') });
        const pooled = b.op('Flatten', [b.op('AveragePool', [y], { kernel_shape: attr.ints([16, 16]) })]);
        return [b.op('MatMul', [pooled, b.constant(weights('w', [1, 3]))]), [null, 3]];
      },
    });
    const model = await loadModel(graph, hint);
    expect(operators(model.graph)).toEqual(['Resize', 'AveragePool', 'Flatten', 'MatMul']);
    expect(model.graph.nodes[0]!.attrs.axes).toEqual(attr.ints([2, 3]));
    const x = images('resized', [3, 1, 8, 8]);
    expect(difference(await runRaw(model.graph, x), await runRaw(graph, x))).toBeLessThan(1e-6);
  });

  it('writes down the part of the image that is resized along the axes that are left', async () => {
    const graph = graphOf({
      input: [null, 1, 8, 8],
      build(b, x) {
        const sizes = b.op('Concat', [b.op('Slice', [b.op('Shape', [x]), b.ints([0]), b.ints([2])]), b.ints([6, 8])], {
          axis: attr.int(0),
        });
        // Rows by their number, columns by the part alone, which ends outside the image.
        const part = b.constant(constant.float([8], [0, 0, 0.25, 0.5, 1, 1, 0.75, 1.25]));
        const y = b.op('Resize', [x, part, '', sizes], {
          mode: attr.string('linear'),
          coordinate_transformation_mode: attr.string('tf_crop_and_resize'),
        });
        return [b.op('MatMul', [b.op('Flatten', [y]), b.constant(weights('w', [48, 3]))]), [null, 3]];
      },
    });
    const model = await loadModel(graph, hint);
    const { inputs, attrs } = model.graph.nodes.find(n => n.op === 'Resize')!;
    expect(attrs.axes).toEqual(attr.ints([2, 3]));
    expect([...model.graph.constants.get(inputs[1]!)!.data].map(Number)).toEqual([0.25, 0.5, 0.75, 1.25]);
    const x = images('resized', [3, 1, 8, 8]);
    expect(difference(await runRaw(model.graph, x), await runRaw(graph, x))).toBeLessThan(1e-6);
  });

  it('keeps what depends on the batch', async () => {
    const graph = graphOf({
      input: [null, 1, 8, 8],
      build(b, x) {
        const n = b.op('Shape', [x], { start: attr.int(0), end: attr.int(1) });
        const shape = b.op('Concat', [n, b.ints([1, 64])], { axis: attr.int(0) });
        const token = b.op('Expand', [b.constant(weights('token', [1, 1, 64])), shape]);
        const tokens = b.op('Concat', [token, b.op('Reshape', [x, b.ints([0, 1, 64])])], { axis: attr.int(1) });
        const mean = b.op('ReduceMean', [b.op('Mul', [tokens, tokens])], {
          axes: attr.ints([1]),
          keepdims: attr.int(0),
        });
        return [b.op('MatMul', [mean, b.constant(weights('w', [64, 3]))]), [null, 3]];
      },
    });
    const model = await loadModel(graph, hint);
    expect(operators(model.graph).slice(0, 3)).toEqual(['Shape', 'Concat', 'Expand']);
    expect(model.infos.get(model.graph.nodes[2]!.outputs[0]!)!.dims).toEqual([null, 1, 64]);
    const x = images('token', [3, 1, 8, 8]);
    expect(difference(await runRaw(model.graph, x), await runRaw(graph, x))).toBeLessThan(1e-6);
  });
});

describe('operators with a meaning of their own', () => {
  const scored = (b: GraphBuilder, y: string, features: number): [string, (number | null)[]] => {
    return [b.op('MatMul', [b.op('Flatten', [y]), b.constant(weights('w', [features, 3]))]), [null, 3]];
  };

  it('standardises weights by BatchNormalization, but never images', async () => {
    const normed = (b: GraphBuilder, x: string) => {
      const [one, none] = [b.constant(constant.float([1], [1])), b.constant(constant.float([1], [0]))];
      return b.ops('BatchNormalization', [x, one, none, none, one], 3, { training_mode: attr.int(1) })[0]!;
    };
    const onWeights = graphOf({
      input: [null, 1, 8, 8],
      build: (b, x) => scored(b, b.op('Conv', [x, normed(b, b.constant(weights('k', [2, 1, 3, 3])))]), 72),
    });
    const model = await loadModel(onWeights, hint);
    expect(operators(model.graph)).toEqual(['Conv', 'Flatten', 'MatMul']);
    const kernel = model.graph.constants.get(model.graph.nodes[0]!.inputs[1]!)!.data as Float32Array;
    expect(kernel.reduce((s, v) => s + v, 0)).toBeCloseTo(0, 4);
    expect(kernel.reduce((s, v) => s + v * v, 0) / 18).toBeCloseTo(1, 2);
    const onImages = graphOf({ input: [null, 1, 8, 8], build: (b, x) => scored(b, normed(b, x), 64) });
    await expect(loadModel(onImages, hint)).rejects.toThrow(/\(BatchNormalization\) normalises by the batch/);
  });

  it('lets convolutions pad with zeros by themselves', async () => {
    const padded = (mode: string, value: number) =>
      graphOf({
        input: [null, 1, 8, 8],
        build(b, x) {
          const pads = b.ints([0, 0, 1, 0, 0, 0, 2, 1]);
          const y = b.op('Pad', [x, pads, b.scalar(value)], { mode: attr.string(mode) });
          const strides = { strides: attr.ints([2, 2]), pads: attr.ints([0, 1, 0, 0]) };
          return scored(b, b.op('Conv', [y, b.constant(weights('k', [2, 1, 3, 3]))], strides), 2 * 5 * 4);
        },
      });
    const x = images('padded', [2, 1, 8, 8]);
    for (const [mode, value, merged] of [
      ['constant', 0, true],
      ['constant', 1, false],
      ['reflect', 0, false],
    ] as const) {
      const graph = padded(mode, value);
      const model = await loadModel(graph, hint);
      expect(operators(model.graph).includes('Pad')).toBe(!merged);
      expect(difference(await runRaw(model.graph, x), await runRaw(graph, x))).toBeLessThan(1e-5);
    }
  });
});

describe('a batch that the file fixes', () => {
  /** Patches, a class token and their mean, with batch 1 written everywhere. */
  const tokens = (mix: (b: GraphBuilder, y: string) => string) =>
    graphOf({
      input: [1, 1, 8, 8],
      build(b, x) {
        const kernel = b.constant(weights('patch', [5, 1, 4, 4]));
        const patches = b.op('Conv', [x, kernel], { strides: attr.ints([4, 4]) });
        const rows = b.op('Transpose', [b.op('Reshape', [patches, b.ints([1, 5, 4])])], { perm: attr.ints([0, 2, 1]) });
        const all = b.op('Concat', [b.constant(weights('token', [1, 1, 5])), rows], { axis: attr.int(1) });
        const y = mix(b, b.op('Reshape', [b.op('Reshape', [all, b.ints([5, 5])]), b.ints([1, 5, 5])]));
        const mean = b.op('ReduceMean', [y], { axes: attr.ints([1]), keepdims: attr.int(0) });
        return [b.op('MatMul', [mean, b.constant(weights('w', [5, 3]))]), [1, 3]];
      },
    });

  it('is opened where images do not meet', async () => {
    const graph = tokens((b, y) => b.op('Tanh', [y]));
    const model = await loadModel(graph, hint);
    expect(model.dynamicBatch).toBe(true);
    const x = images('opened', [3, 1, 8, 8]);
    const together = await runRaw(model.graph, x);
    for (let i = 0; i < 3; i++) {
      const one = { shape: [1, 1, 8, 8], data: x.data.slice(i * 64, (i + 1) * 64) };
      expect(difference(together.slice(i * 3, i * 3 + 3), await runRaw(graph, one))).toBeLessThan(1e-5);
    }
  });

  it('stays where they would', async () => {
    const graph = tokens((b, y) => b.op('Sub', [y, b.op('ReduceMean', [y], { axes: attr.ints([0, 1]) })]));
    const model = await loadModel(graph, hint);
    expect(model.dynamicBatch).toBe(false);
    expect(model.infos.get(model.output)!.dims).toEqual([1, 3]);
  });

  it('stays at more than one', async () => {
    const model = await loadModel(smallNet({ batch: 4 }), hint);
    expect(model.dynamicBatch).toBe(false);
    expect(model.graph.inputs[0]!.dims[0]).toBe(4);
  });

  it('is opened where the file says any batch, but a reshape says one', async () => {
    const graph = smallNet({ batch: 1 });
    const claiming = { ...graph, inputs: [{ ...graph.inputs[0]!, dims: [null, 1, 8, 8] }] };
    expect((await loadModel(claiming, hint)).dynamicBatch).toBe(true);
  });
});

describe('precision', () => {
  it('reads half precision', () => {
    expect([0x3c00, 0xc000, 0x0001, 0x7c00, 0x3555].map(fromHalf)).toEqual([
      1,
      -2,
      2 ** -24,
      Number.POSITIVE_INFINITY,
      0.333251953125,
    ]);
    expect(fromHalf(0x7e00)).toBeNaN();
  });

  it('brings half and double precision to float32', async () => {
    const half: Constant = { dtype: DType.float16, dims: [64, 3], data: new Uint16Array(192).fill(0x3800) };
    const double: Constant = { dtype: DType.double, dims: [3], data: Float64Array.of(0.5, 1, -2) };
    const b = new GraphBuilder({ opset: 17 });
    const flat = b.op('Flatten', ['x']);
    const sums = b.op('Cast', [b.op('MatMul', [flat, b.constant(half)])], { to: attr.int(DType.double) });
    const y = b.op('Cast', [b.op('Add', [sums, b.constant(double)])], { to: attr.int(DType.float) });
    const graph: Graph = {
      opset: 17,
      nodes: b.nodes,
      constants: b.constants,
      inputs: [{ name: 'x', dtype: DType.float16, dims: [null, 1, 8, 8] }],
      outputs: [{ name: y, dtype: DType.float, dims: [null, 3] }],
    };
    const model = await loadModel(graph, hint);
    expect(operators(model.graph)).toEqual(['Flatten', 'MatMul', 'Add']);
    const x = { shape: [1, 1, 8, 8], data: new Float32Array(64).fill(0.25) };
    expect([...(await runRaw(model.graph, x))]).toEqual([8.5, 9, 6]);
  });
});

describe('card and file that disagree', () => {
  const net = smallNet({});
  it.each<[string, Graph, Partial<InputHint>, string, RegExp]>([
    [
      'size',
      net,
      { size: [16, 8] },
      'CARD',
      /1 channel of 16 × 8, NCHW: \[\?, 1, 16, 8\]; .* 'image' is \[\?, 1, 8, 8\]/,
    ],
    ['channels', net, { channels: 3 }, 'CARD', /3 channels of 8 × 8/],
    ['layout', net, { layout: 'NHWC' }, 'CARD', /NHWC: \[\?, 8, 8, 1\]/],
    ['classes', net, { classes: 2 }, 'CARD', /scores for 2 classes; .* is \[\?, 3\]/],
    ['input', net, { input: 'pixels' }, 'CARD', /input 'pixels' is not in the file, which has 'image'/],
    ['output', net, { output: 'probs' }, 'CARD', /output 'probs' is not in the file/],
    [
      'further inputs',
      {
        ...net,
        nodes: [
          ...net.nodes,
          {
            op: 'Add',
            domain: '',
            name: 'older',
            inputs: [net.outputs[0]!.name, 'age'],
            outputs: ['older'],
            attrs: {},
          },
        ],
        inputs: [...net.inputs, { name: 'age', dtype: DType.float, dims: [null, 1] }],
        outputs: [{ ...net.outputs[0]!, name: 'older' }],
      },
      {},
      'MODEL',
      /2 inputs \('image' .*, 'age' \[\?, 1\]\)/,
    ],
    [
      'integer images',
      { ...net, inputs: [{ ...net.inputs[0]!, dtype: DType.uint8 }] },
      {},
      'MODEL',
      /input 'image' takes \w+, and not floats/,
    ],
    [
      'several outputs',
      { ...net, outputs: [...net.outputs, ...net.outputs.map(o => ({ ...o, name: net.nodes[0]!.outputs[0]! }))] },
      { classes: 4 },
      'CARD',
      /it has 2 outputs/,
    ],
  ])('%s', async (_, graph, change, code, message) => {
    const loading = loadModel(graph, { ...hint, ...change });
    await expect(loading).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it('takes the output that fits, of several', async () => {
    const conv = net.nodes[0]!.outputs[0]!;
    const graph = { ...net, outputs: [{ name: conv, dtype: DType.float, dims: [null, 6, 8, 8] }, ...net.outputs] };
    expect((await loadModel(graph, hint)).output).toBe(net.outputs[0]!.name);
  });

  it('reports what ONNX Runtime says of a broken graph', async () => {
    const broken = { ...net, nodes: net.nodes.slice(1) };
    await expect(loadModel(broken, hint)).rejects.toMatchObject({
      code: 'MODEL',
      message: expect.stringMatching(/m\.onnx: ONNX Runtime can't load it/),
    });
  });
});
