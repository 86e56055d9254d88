import { describe, expect, it } from 'vitest';
import { attr, type GraphBuilder } from '../../../src/engines/onnx/graph/graph.ts';
import { measureGrids } from '../../../src/engines/onnx/layers/measure-grids.ts';
import { loadModel } from '../../../src/engines/onnx/load/load-model.ts';
import { cardFor, graphOf, openGraph, weights } from './fixtures.ts';

const SIZE = [32, 32] as const;

/** The grid of a tensor [n, 4, 64] or [n, 64, 4] that a network of 32 x 32 pixels makes: rows, columns, channels. */
async function gridOf(build: (b: GraphBuilder, x: string) => string): Promise<string | number[]> {
  let made = '';
  const graph = graphOf({
    input: [null, 1, ...SIZE],
    build(b, x) {
      made = b.op('Tanh', [build(b, x)]);
      const flat = b.op('Reshape', [made, b.ints([-1, 256])]);
      return [b.op('MatMul', [flat, b.constant(weights('head', [256, 2]))]), [null, 2]];
    },
  });
  const shape = { size: SIZE, channels: 1, layout: 'NCHW' } as const;
  const { input, intensity } = cardFor('m.onnx', { classes: ['a', 'b'], input: shape });
  const model = await loadModel(graph, { ...shape, file: 'm.onnx', classes: 2 });
  const grid = (await measureGrids(model, { input, intensity }, openGraph)).get(made)!;
  return typeof grid === 'string' ? grid : [grid.height, grid.width, grid.channels];
}

/** Patches of the image as [n, channels, patches]. */
function patches(b: GraphBuilder, x: string, label: string, side: number, channels: number): string {
  const all = b.op('Conv', [x, b.constant(weights(label, [channels, 1, side, side]))], {
    strides: attr.ints([side, side]),
  });
  return b.op('Reshape', [all, b.ints([-1, channels, (32 / side) ** 2])]);
}

const turned = (b: GraphBuilder, x: string) => b.op('Transpose', [x], { perm: attr.ints([0, 2, 1]) });

/** Weights that differ: by chance, four channels of some follow four places as well as four pixels would. */
const NETWORKS = Array.from({ length: 20 }, (_, i) => `network ${i}`);

describe('channels and tokens are told apart by what they follow, not by how many there are', () => {
  it.each<[string, (b: GraphBuilder, x: string, label: string) => string, readonly number[] | RegExp]>([
    ['4 channels of 64 patches', (b, x, label) => patches(b, x, label, 4, 4), [8, 8, 4]],
    ['64 patches of 4 channels', (b, x, label) => turned(b, patches(b, x, label, 4, 4)), [8, 8, 4]],
    ['64 channels of 4 patches', (b, x, label) => patches(b, x, label, 16, 64), [2, 2, 64]],
    ['4 patches of 64 channels', (b, x, label) => turned(b, patches(b, x, label, 16, 64)), [2, 2, 64]],
    [
      '4 rows of a dense layer',
      (b, x, label) => {
        const pooled = b.op('AveragePool', [x], { kernel_shape: attr.ints([4, 4]), strides: attr.ints([4, 4]) });
        const dense = b.op('MatMul', [b.op('Flatten', [pooled]), b.constant(weights(label, [64, 256]))]);
        return b.op('Reshape', [dense, b.ints([-1, 4, 64])]);
      },
      /do not follow/,
    ],
  ])('%s', async (_, build, wanted) => {
    for (const label of NETWORKS) {
      const grid = await gridOf((b, x) => build(b, x, label));
      if (wanted instanceof RegExp) expect(grid, label).toMatch(wanted);
      else expect(grid, label).toEqual(wanted);
    }
  });
});
