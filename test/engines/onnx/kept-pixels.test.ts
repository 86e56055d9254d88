import { describe, expect, it } from 'vitest';
import { attr, constant, type GraphBuilder } from '../../../src/engines/onnx/graph/graph.ts';
import { keptPixels } from '../../../src/engines/onnx/layers/kept-pixels.ts';
import { loadModel } from '../../../src/engines/onnx/load/load-model.ts';
import { graphOf, weights } from './fixtures.ts';

const SIZE = [8, 12] as const;

/** The grid that a tensor keeps, [layout, height, width, channels], of a network [n, 4, 8, 12] → scores. */
async function gridOf(build: (b: GraphBuilder, x: string) => string) {
  const layout = 'NCHW';
  let made = '';
  const graph = graphOf({
    input: [null, 4, ...SIZE],
    build(b, x) {
      made = build(b, x);
      const mean = b.op('ReduceMean', [made], { axes: attr.ints([2, 3]), keepdims: attr.int(0) });
      return [b.op('Softmax', [mean]), [null, 4]];
    },
  });
  const model = await loadModel(graph, { file: 'a.onnx', size: SIZE, channels: 4, layout, classes: 4 });
  expect(model.infos.has(made)).toBe(true);
  const grid = keptPixels(model, layout).get(made);
  return grid && [grid.layout, grid.height, grid.width, grid.channels];
}

const conv = (b: GraphBuilder, x: string, label: string, [o, i]: readonly [number, number] = [4, 4], stride = 1) =>
  b.op('Conv', [x, b.constant(weights(label, [o, i, 3, 3]))], {
    pads: attr.ints([1, 1, 1, 1]),
    strides: attr.ints([stride, stride]),
  });

describe('rows and columns that operators keep', () => {
  it('convolutions, activations, pooling and additions', async () => {
    const grid = await gridOf((b, x) => {
      const first = b.op('Relu', [conv(b, x, 'a')]);
      const second = b.op('Add', [first, conv(b, first, 'b')]);
      return b.op('MaxPool', [second], { kernel_shape: attr.ints([2, 2]), strides: attr.ints([2, 2]) });
    });
    expect(grid).toEqual(['NCHW', 4, 6, 4]);
  });

  it('strides that differ along rows and columns', async () => {
    const grid = await gridOf((b, x) =>
      b.op('MaxPool', [conv(b, x, 'a')], { kernel_shape: attr.ints([2, 1]), strides: attr.ints([4, 1]) }),
    );
    expect(grid).toEqual(['NCHW', 2, 12, 4]);
  });

  it('a gate that all cells have in common', async () => {
    const grid = await gridOf((b, x) => {
      const a = conv(b, x, 'a');
      return b.op('Mul', [a, b.op('Sigmoid', [b.op('GlobalAveragePool', [a])])]);
    });
    expect(grid).toEqual(['NCHW', 8, 12, 4]);
  });

  it('a shuffle of channels', async () => {
    const grid = await gridOf((b, x) => {
      const split = b.op('Reshape', [conv(b, x, 'a'), b.ints([-1, 2, 2, 8, 12])]);
      const mixed = b.op('Transpose', [split], { perm: attr.ints([0, 2, 1, 3, 4]) });
      return b.op('Reshape', [mixed, b.ints([-1, 4, 8, 12])]);
    });
    expect(grid).toEqual(['NCHW', 8, 12, 4]);
  });

  it.each<[string, (b: GraphBuilder, x: string) => string]>([
    [
      'rows and columns that change places',
      (b, x) => {
        const turned = b.op('Transpose', [conv(b, x, 'a')], { perm: attr.ints([0, 1, 3, 2]) });
        return b.op('Reshape', [turned, b.ints([-1, 4, 8, 12])]);
      },
    ],
    [
      'a map that is enlarged from one cell',
      (b, x) => {
        const whole = b.op('GlobalAveragePool', [conv(b, x, 'a')]);
        return b.op('Resize', [whole, '', b.constant(constant.float([4], [1, 1, 8, 12]))], {
          mode: attr.string('nearest'),
        });
      },
    ],
    [
      'rows in another order',
      (b, x) =>
        b.op('Gather', [conv(b, x, 'a'), b.ints([7, 6, 5, 4, 3, 2, 1, 0])], {
          axis: attr.int(2),
        }),
    ],
    [
      'a part of the rows',
      (b, x) => conv(b, b.op('Slice', [conv(b, x, 'a'), b.ints([0]), b.ints([6]), b.ints([2])]), 'b'),
    ],
    [
      'cells that are multiplied with cells of the same image in another place',
      (b, x) => {
        const a = conv(b, x, 'a');
        const turned = b.op('Gather', [a, b.ints([7, 6, 5, 4, 3, 2, 1, 0])], { axis: attr.int(2) });
        return b.op('Mul', [a, turned]);
      },
    ],
    [
      'channels mixed into rows',
      (b, x) => {
        const flat = b.op('Reshape', [conv(b, x, 'a'), b.ints([-1, 384])]);
        const mixed = b.op('MatMul', [flat, b.constant(weights('m', [384, 384], 0.05))]);
        return b.op('Reshape', [mixed, b.ints([-1, 4, 8, 12])]);
      },
    ],
  ])('not %s', async (_, build) => {
    expect(await gridOf(build)).toBeUndefined();
  });
});
