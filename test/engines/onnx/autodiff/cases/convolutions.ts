import { type Case, node, spread, weights } from '../harness.ts';

type Attrs = Parameters<typeof node>[2];

function conv(note: string, x: number[], w: number[], attrs: Attrs = {}, more: Partial<Case> = {}): Case {
  return {
    note,
    nodes: [node('Conv', ['x', 'w'], attrs)],
    inputs: { x: spread(x) },
    constants: { w: weights(w) },
    ...more,
  };
}

function transposed(note: string, x: number[], w: number[], attrs: Attrs = {}, more: Partial<Case> = {}): Case {
  return {
    note,
    nodes: [node('ConvTranspose', ['x', 'w'], attrs)],
    inputs: { x: spread(x) },
    constants: { w: weights(w) },
    ...more,
  };
}

export const convolutions: readonly Case[] = [
  conv('1-D', [1, 2, 9], [3, 2, 3]),
  conv('1-D strided, dilated, padded', [2, 2, 13], [3, 2, 3], { strides: [2], dilations: [2], pads: [2, 1] }),
  conv('2-D, no padding', [1, 2, 6, 5], [3, 2, 3, 3]),
  conv('2-D, padded', [2, 2, 5, 5], [3, 2, 3, 3], { pads: [1, 1, 1, 1] }),
  conv('2-D, dynamic batch', [1, 2, 5, 5], [3, 2, 3, 3], { pads: [1, 1, 1, 1] }, { dynamic: true }),
  conv('1×1', [2, 3, 4, 4], [5, 3, 1, 1]),
  conv('1×1, stride 2', [1, 3, 6, 7], [5, 3, 1, 1], { strides: [2, 2] }),
  conv('1×1, stride 3, dynamic batch', [1, 3, 7, 8], [2, 3, 1, 1], { strides: [3, 3] }, { dynamic: true }),
  conv('asymmetric padding', [1, 2, 5, 6], [3, 2, 3, 3], { pads: [0, 2, 1, 1] }),
  conv('padding beyond the kernel', [1, 2, 4, 4], [3, 2, 2, 2], { pads: [2, 3, 2, 1] }),
  conv('even kernel', [1, 2, 6, 6], [3, 2, 4, 2], { pads: [1, 0, 2, 1] }),
  conv('dilated', [1, 2, 8, 8], [2, 2, 3, 3], { dilations: [2, 3], pads: [2, 3, 2, 3] }),
  conv('strided', [1, 2, 7, 7], [3, 2, 3, 3], { strides: [2, 2], pads: [1, 1, 1, 1] }),
  conv('strided with a rest', [1, 2, 8, 9], [3, 2, 3, 3], { strides: [2, 3], pads: [1, 0, 1, 0] }),
  conv(
    'strided, dynamic batch',
    [1, 2, 8, 8],
    [3, 2, 3, 3],
    { strides: [2, 2], pads: [1, 1, 1, 1] },
    { dynamic: true },
  ),
  conv('stem: 7×7, stride 2, padding 3', [1, 1, 12, 12], [4, 1, 7, 7], { strides: [2, 2], pads: [3, 3, 3, 3] }),
  conv('stem: odd size', [1, 3, 9, 11], [2, 3, 7, 7], { strides: [2, 2], pads: [3, 3, 3, 3] }),
  conv('patches: kernel = stride', [1, 3, 8, 8], [5, 3, 4, 4], { strides: [4, 4] }),
  conv('patches with a rest', [1, 2, 9, 10], [3, 2, 4, 4], { strides: [4, 4] }),
  conv('stride larger than the kernel', [1, 2, 9, 9], [3, 2, 2, 2], { strides: [3, 4] }),
  conv('strided and dilated', [1, 2, 11, 11], [3, 2, 3, 3], { strides: [2, 2], dilations: [2, 3], pads: [2, 2, 2, 2] }),
  conv('unequal strides', [1, 2, 7, 8], [3, 2, 3, 3], { strides: [1, 2], pads: [1, 1, 1, 1] }),
  conv('grouped', [1, 4, 5, 5], [6, 2, 3, 3], { group: 2, pads: [1, 1, 1, 1] }),
  conv('grouped, strided', [1, 4, 6, 6], [6, 2, 3, 3], { group: 2, strides: [2, 2], pads: [1, 1, 1, 1] }),
  conv('depthwise', [1, 4, 5, 5], [4, 1, 3, 3], { group: 4, pads: [1, 1, 1, 1] }),
  conv('depthwise, strided', [2, 4, 7, 7], [4, 1, 3, 3], { group: 4, strides: [2, 2], pads: [1, 1, 1, 1] }),
  conv('depthwise, even size, strided, SAME_UPPER', [1, 3, 8, 8], [3, 1, 5, 5], {
    group: 3,
    strides: [2, 2],
    auto_pad: 'SAME_UPPER',
  }),
  conv('depthwise with multiplier', [1, 3, 5, 5], [6, 1, 3, 3], { group: 3, pads: [1, 1, 1, 1] }),
  conv('SAME_UPPER', [1, 2, 6, 6], [3, 2, 2, 4], { auto_pad: 'SAME_UPPER' }),
  conv('SAME_LOWER', [1, 2, 6, 6], [3, 2, 2, 4], { auto_pad: 'SAME_LOWER' }),
  conv('SAME_UPPER, strided', [1, 2, 6, 7], [3, 2, 3, 3], { auto_pad: 'SAME_UPPER', strides: [2, 2] }),
  conv('SAME_LOWER, strided', [1, 2, 6, 7], [3, 2, 3, 3], { auto_pad: 'SAME_LOWER', strides: [2, 2] }),
  conv('VALID', [1, 2, 6, 7], [3, 2, 3, 3], { auto_pad: 'VALID' }),
  conv('3-D', [1, 2, 4, 4, 4], [2, 2, 3, 3, 3], { pads: [1, 1, 1, 1, 1, 1] }),
  conv('3-D, strided', [1, 1, 5, 4, 6], [2, 1, 3, 2, 3], { strides: [2, 1, 2], pads: [1, 0, 1, 1, 1, 1] }),
  {
    note: 'with a bias that is differentiated',
    nodes: [node('Conv', ['x', 'w', 'b'])],
    inputs: { x: spread([1, 2, 4, 4]), b: spread([3]) },
    constants: { w: weights([3, 2, 3, 3]) },
  },
  {
    note: 'chain: strided convolutions with a bias and ReLU between',
    nodes: [
      node('Conv', ['x', 'w', 'b'], { strides: [2, 2], pads: [1, 1, 1, 1] }, ['c']),
      node('Relu', ['c'], {}, ['r']),
      node('Conv', ['r', 'v'], { pads: [1, 1, 1, 1] }),
    ],
    inputs: { x: spread([1, 2, 8, 8], 1, 3) },
    constants: { w: weights([4, 2, 3, 3], 3, 0, 1), b: weights([4], 4, 1, 2), v: weights([3, 4, 3, 3], 5) },
  },
  transposed('1-D', [1, 3, 5], [3, 2, 3], { strides: [2] }),
  transposed('2-D', [1, 3, 4, 4], [3, 2, 3, 3]),
  transposed('strided', [1, 3, 4, 3], [3, 2, 3, 3], { strides: [2, 2], pads: [1, 1, 1, 1] }),
  transposed('dynamic batch', [1, 3, 4, 3], [3, 2, 2, 2], { strides: [2, 2] }, { dynamic: true }),
  transposed('output padding', [1, 3, 4, 3], [3, 2, 3, 3], {
    strides: [2, 2],
    pads: [1, 1, 1, 1],
    output_padding: [1, 1],
  }),
  transposed('output shape', [1, 3, 4, 4], [3, 2, 3, 3], { strides: [2, 2], output_shape: [8, 8] }),
  transposed('SAME_UPPER', [1, 3, 4, 4], [3, 2, 3, 3], { strides: [2, 2], auto_pad: 'SAME_UPPER' }),
  transposed('SAME_LOWER', [1, 3, 4, 4], [3, 2, 3, 3], { strides: [2, 2], auto_pad: 'SAME_LOWER' }),
  transposed('grouped', [1, 4, 4, 4], [4, 3, 3, 3], { group: 2, pads: [1, 0, 0, 1] }),
  transposed('dilated', [1, 2, 4, 4], [2, 3, 2, 3], { dilations: [2, 2], strides: [2, 1] }),
  transposed('3-D', [1, 2, 3, 3, 3], [2, 1, 2, 2, 2], { strides: [2, 1, 2] }),
  {
    note: 'with a bias that is differentiated',
    nodes: [node('ConvTranspose', ['x', 'w', 'b'])],
    inputs: { x: spread([1, 2, 4, 4]), b: spread([3]) },
    constants: { w: weights([2, 3, 3, 3]) },
  },
];
