import { constant } from '../../../../../src/engines/onnx/graph/graph.ts';
import { type Case, float, node, spread } from '../harness.ts';

function transformed(
  note: string,
  dims: readonly number[],
  attrs = {},
  more: Partial<Case> = {},
  axis = 1,
  length?: number,
): Case {
  return {
    note,
    nodes: [node('DFT', ['x', length === undefined ? '' : 'n', 'axis'], attrs)],
    inputs: { x: spread(dims) },
    constants: {
      axis: constant.int64([], [axis]),
      ...(length === undefined ? {} : { n: constant.int64([], [length]) }),
    },
    ...more,
  };
}

/** A grid whose places are not on pixels, where the derivative jumps, and partly outside. */
const grid = (dims: readonly number[], reach = 1.1) => spread([...dims, 2], -reach, reach, 5);

function sampled(note: string, attrs: Parameters<typeof node>[2], more: Partial<Case> = {}): Case {
  return {
    note,
    nodes: [node('GridSample', ['x', 'grid'], attrs)],
    inputs: { x: spread([2, 3, 5, 4]), grid: grid([2, 3, 4]) },
    step: 1e-3,
    ...more,
  };
}

function folded(note: string, dims: readonly number[], image: number[], block: number[], attrs = {}, more = {}): Case {
  return {
    note,
    nodes: [node('Col2Im', ['x', 'image', 'block'], attrs)],
    inputs: { x: spread(dims) },
    constants: { image: constant.ints(image), block: constant.ints(block) },
    ...more,
  };
}

function aligned(
  note: string,
  attrs: Parameters<typeof node>[2],
  regions: number[] = [0, 0.5, 5, 4, 1.2, 1, 4.4, 6.6],
): Case {
  return {
    note,
    nodes: [node('RoiAlign', ['x', 'rois', 'images'], attrs)],
    inputs: { x: spread([2, 3, 6, 5]) },
    constants: { rois: constant.float([2, 4], regions), images: constant.int64([2], [1, 0]) },
  };
}

export const sampling: readonly Case[] = [
  transformed('real', [2, 6, 1]),
  transformed('complex', [2, 6, 2]),
  transformed('one-sided', [2, 7, 1], { onesided: 1 }),
  transformed('inverse', [2, 5, 2], { inverse: 1 }),
  transformed('the last axis but one of three, dynamic batch', [2, 3, 4, 2], {}, { dynamic: true }, -2),
  transformed('another axis', [2, 5, 4, 1], {}, {}, 1),
  transformed('padded to a length', [2, 5, 1], {}, {}, 1, 8),
  transformed('cut to a length', [2, 6, 2], {}, {}, 1, 4),
  sampled('linear, zeros', { mode: 'linear' }),
  sampled('linear, zeros, dynamic batch', { mode: 'linear' }, { dynamic: true }),
  sampled('linear, corners aligned', { mode: 'linear', align_corners: 1 }),
  sampled('linear, border', { mode: 'linear', padding_mode: 'border' }),
  {
    note: 'nearest',
    nodes: [node('GridSample', ['x', 'grid'], { mode: 'nearest' })],
    inputs: { x: spread([2, 3, 5, 4]) },
    constants: { grid: constant.float([2, 3, 4, 2], grid([2, 3, 4]).data) },
  },
  folded('blocks that overlap', [1, 8, 12], [4, 5], [2, 2]),
  folded('padding, strides, dilations', [2, 12, 12], [5, 6], [2, 3], {
    pads: [1, 2, 1, 1],
    strides: [2, 2],
    dilations: [2, 1],
  }),
  folded('one axis, dynamic batch', [2, 6, 4], [6], [3], {}, { dynamic: true }),
  aligned('half pixels', { output_height: 2, output_width: 3, sampling_ratio: 2 }),
  aligned('half pixels, samples by size', { output_height: 2, output_width: 2 }),
  aligned('without half pixels, scaled', {
    output_height: 3,
    output_width: 2,
    coordinate_transformation_mode: 'output_half_pixel',
    spatial_scale: float(0.5),
    sampling_ratio: 2,
  }),
  aligned('partly outside', { output_height: 2, output_width: 2, sampling_ratio: 2 }, [-3, -2, 3, 4, 3, 2, 9, 8]),
];
