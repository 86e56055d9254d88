import { describe, expect, it } from 'vitest';
import { type Attr, attr, DType, type GraphBuilder } from '../../../src/engines/onnx/graph/graph.ts';
import { loadModel } from '../../../src/engines/onnx/load/load-model.ts';
import { graphOf, layersMeasured, weights } from './fixtures.ts';

/** A [n, 4, 8, 8] feature map and what follows, up to [n, features]. */
async function layersBehind(features: number, head: (b: GraphBuilder, y: string) => string, camLayer?: string) {
  const graph = graphOf({
    input: [null, 1, 8, 8],
    build(b, x) {
      const kernel = b.constant(weights('k', [4, 1, 3, 3]));
      const y = b.op('Relu', [b.op('Conv', [x, kernel], { pads: attr.ints([1, 1, 1, 1]) })]);
      b.push({ op: 'Identity', domain: '', name: 'features', inputs: [y], outputs: ['features/out'], attrs: {} });
      const z = b.op('MatMul', [head(b, 'features/out'), b.constant(weights('w', [features, 2]))]);
      return [z, [null, 2]];
    },
  });
  const hint = { file: 'm.onnx', size: [8, 8], channels: 1, layout: 'NCHW', classes: 2 } as const;
  return layersMeasured(await loadModel(graph, hint), hint, camLayer);
}

const flat = (b: GraphBuilder, y: string) => b.op('Flatten', [y]);
const pool = (b: GraphBuilder, y: string, op = 'MaxPool', size = 2) => {
  return b.op(op, [y], { kernel_shape: attr.ints([size, size]), strides: attr.ints([size, size]) });
};
const mean = (b: GraphBuilder, y: string, axes: readonly number[], keepdims = 0) => {
  return b.op('ReduceMean', [y], { axes: attr.ints(axes), keepdims: attr.int(keepdims) });
};

describe('the layer for class activation maps', () => {
  it.each<[string, number, (b: GraphBuilder, y: string) => string]>([
    ['a global pool', 4, (b, y) => flat(b, b.op('GlobalAveragePool', [y]))],
    ['a global maximum', 4, (b, y) => flat(b, b.op('GlobalMaxPool', [y]))],
    ['a mean over pixels', 4, (b, y) => mean(b, y, [2, 3])],
    ['a mean over pixels that keeps them as one', 4, (b, y) => flat(b, mean(b, y, [2, 3], 1))],
    ['a flattening', 256, flat],
    ['a flattening behind pools', 16, (b, y) => flat(b, pool(b, pool(b, y, 'AveragePool')))],
    [
      'a flattening channels last behind a pool, as exporters from TensorFlow write it',
      64,
      (b, y) => flat(b, b.op('Transpose', [pool(b, y)], { perm: attr.ints([0, 2, 3, 1]) })),
    ],
    ['a pool over everything', 4, (b, y) => flat(b, pool(b, y, 'AveragePool', 8))],
    [
      'a Dropout and a global pool',
      4,
      (b, y) => b.op('Dropout', [flat(b, b.op('GlobalAveragePool', [b.op('Dropout', [y])]))]),
    ],
    ['a mean over rows of pixels', 4, (b, y) => mean(b, b.op('Reshape', [y, b.ints([0, 4, -1])]), [2])],
    ['a global pool and a small network', 4, (b, y) => b.op('Tanh', [flat(b, b.op('GlobalAveragePool', [y]))])],
  ])('is the input of %s', async (_, features, head) => {
    const { cam, layers } = await layersBehind(features, head);
    expect(cam).toMatchObject({ operator: 'Relu', shape: [8, 8, 4], spatial: true, layout: 'NCHW' });
    expect(layers.filter(l => l.cam)).toEqual([cam]);
  });

  it('may be channels last', async () => {
    const { cam } = await layersBehind(4, (b, y) => {
      const last = b.op('Transpose', [y], { perm: attr.ints([0, 2, 3, 1]) });
      const normed = b.op('LayerNormalization', [last, b.constant(weights('s', [4]))]);
      return mean(b, normed, [1, 2]);
    });
    expect(cam).toMatchObject({ operator: 'LayerNormalization', shape: [8, 8, 4], layout: 'NHWC' });
  });

  it('and no other has a name that is not in the file', async () => {
    const { layers } = await layersBehind(16, (b, y) => {
      // It is written as several operators, whose names are made up.
      const normed = b.op(
        'SkipLayerNormalization',
        [mean(b, y, [1]), mean(b, y, [1]), b.constant(weights('s', [8]))],
        {},
        'com.microsoft',
      );
      const tokens = b.op('Reshape', [y, b.ints([0, 4, 64])]);
      const product = b.op('FusedMatMul', [tokens, tokens], { transA: attr.int(1) }, 'com.microsoft');
      return b.op('Add', [
        mean(b, b.op('Reshape', [product, b.ints([0, 16, 256])]), [2]),
        mean(b, b.op('Reshape', [normed, b.ints([0, 16, 4])]), [2]),
      ]);
    });
    const operators = layers.map(layer => layer.operator);
    expect(operators).toEqual(expect.arrayContaining(['Relu', 'MatMul', 'LayerNormalization']));
    expect(operators).not.toContain('Einsum');
  });

  it('is found channels last behind reshapes, as in Swin', async () => {
    const { cam } = await layersBehind(4, (b, y) => {
      const last = b.op('Transpose', [y], { perm: attr.ints([0, 2, 3, 1]) });
      const windows = b.op('Reshape', [last, b.ints([-1, 16, 4])]);
      const back = b.op('Reshape', [b.op('Softmax', [windows]), b.ints([-1, 8, 8, 4])]);
      const first = b.op('Transpose', [b.op('Add', [back, last])], { perm: attr.ints([0, 3, 1, 2]) });
      return flat(b, b.op('GlobalAveragePool', [first]));
    });
    expect(cam).toMatchObject({ operator: 'Add', shape: [8, 8, 4], layout: 'NHWC' });
  });

  it('is found channels last where only reshapes join a stage to the others', async () => {
    const { cam } = await layersBehind(16, (b, y) => {
      const last = b.op('Transpose', [y], { perm: attr.ints([0, 2, 3, 1]) });
      const split = b.op('Reshape', [last, b.ints([-1, 4, 2, 4, 2, 4])]);
      const gathered = b.op('Transpose', [split], { perm: attr.ints([0, 1, 3, 2, 4, 5]) });
      const merged = b.op('Reshape', [gathered, b.ints([-1, 4, 4, 16])]);
      const normed = b.op('LayerNormalization', [merged, b.constant(weights('s', [16]))]);
      return mean(b, b.op('Tanh', [normed]), [1, 2]);
    });
    expect(cam).toMatchObject({ operator: 'Tanh', shape: [4, 4, 16], layout: 'NHWC' });
  });

  it('may be tokens, whose grid is found', async () => {
    const { cam, layers } = await layersBehind(4, (b, y) => {
      const rows = b.op('Transpose', [b.op('Reshape', [y, b.ints([0, 4, -1])])], { perm: attr.ints([0, 2, 1]) });
      const tokens = b.op('Tanh', [b.op('Add', [rows, b.constant(weights('p', [1, 64, 4]))])]);
      return mean(b, tokens, [1]);
    });
    expect(cam).toMatchObject({ operator: 'Tanh', shape: [8, 8, 4], spatial: true });
    expect(layers.filter(l => l.cam)).toEqual([cam]);
  });

  it('is the one before the image and its mirror image are added', async () => {
    const { cam } = await layersBehind(4, (b, y) => {
      const mirrored = b.op('Slice', [y, b.ints([-1]), b.ints([-9]), b.ints([3]), b.ints([-1])]);
      return flat(b, b.op('GlobalAveragePool', [b.op('Tanh', [b.op('Add', [y, mirrored])])]));
    });
    expect(cam).toMatchObject({ operator: 'Relu', shape: [8, 8, 4] });
  });

  it('is found beside branches whose nodes have no names', async () => {
    const branch = (op: string): Attr => ({
      type: 'graph',
      value: {
        opset: 17,
        nodes: [
          { op, domain: '', name: '', inputs: ['features/out'], outputs: [`${op} of it`], attrs: {} },
          { op: 'Tanh', domain: '', name: '', inputs: [`${op} of it`], outputs: [`${op} and Tanh`], attrs: {} },
        ],
        constants: new Map(),
        inputs: [],
        outputs: [{ name: `${op} and Tanh`, dtype: DType.float, dims: [] }],
      },
    });
    const { cam } = await layersBehind(4, (b, y) => {
      const bright = b.op('Greater', [b.op('ReduceMax', [y], { keepdims: attr.int(0) }), b.scalar(0.1)]);
      const either = b.op('If', [bright], { then_branch: branch('Neg'), else_branch: branch('Abs') });
      return flat(b, b.op('GlobalAveragePool', [either]));
    });
    expect(cam).toMatchObject({ operator: 'If', shape: [8, 8, 4] });
  });

  it('is what the card says, by tensor, node, or a name that was folded away', async () => {
    const head = (b: GraphBuilder, y: string) => flat(b, b.op('GlobalAveragePool', [b.op('Tanh', [y])]));
    const byDefault = await layersBehind(4, head);
    expect(byDefault.cam?.operator).toBe('Tanh');
    const conv = byDefault.layers.find(l => l.operator === 'Conv')!;
    expect((await layersBehind(4, head, conv.name)).cam?.operator).toBe('Conv');
    expect((await layersBehind(4, head, 'features/out')).cam?.operator).toBe('Relu');
    expect(byDefault.find('features/out').operator).toBe('Relu');
  });

  it('must exist; one without pixels leaves the model without a layer, with the reason', async () => {
    const head = (b: GraphBuilder, y: string) => flat(b, b.op('GlobalAveragePool', [y]));
    await expect(layersBehind(4, head, 'feature/out')).rejects.toMatchObject({ code: 'LAYER' });
    const pooled = (await layersBehind(4, head)).layers.find(l => l.operator === 'GlobalAveragePool')!;
    const { cam, noCam } = await layersBehind(4, head, pooled.name);
    expect(cam).toBeUndefined();
    expect(noCam).toMatch(/has no pixels/);
  });
});
