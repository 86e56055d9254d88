import { constant } from '../../../../../src/engines/onnx/graph/graph.ts';
import { type Case, distinct, fixed, float, node, spread, weights } from '../harness.ts';

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

function gridded(note: string, attrs: Parameters<typeof node>[2], size: readonly number[]): Case {
  const axes = size.length - 2;
  return {
    note,
    nodes: [node('AffineGrid', ['theta', 'size'], attrs)],
    inputs: { theta: spread([2, axes, axes + 1]) },
    constants: { size: constant.ints(size) },
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

function volume(note: string, attrs: Parameters<typeof node>[2], more: Partial<Case> = {}): Case {
  return sampled(note, attrs, {
    inputs: { x: spread([2, 3, 3, 4, 5]), grid: spread([2, 2, 2, 3, 3], -1.1, 1.1, 8) },
    ...more,
  });
}

/** Offsets that move taps between pixels, and partly outside. */
function deformed(
  note: string,
  attrs: Parameters<typeof node>[2],
  { offsets, mask }: { offsets: readonly number[]; mask?: readonly number[] },
  more: Partial<Case> = {},
): Case {
  const group = attrs?.group === 2 ? 2 : 1;
  return {
    note,
    nodes: [node('DeformConv', ['x', 'w', 'offsets', 'b', ...(mask ? ['mask'] : [])], attrs)],
    inputs: {
      x: spread([2, 4, 4, 5]),
      offsets: spread(offsets, -0.9, 0.9, 5),
      ...(more.dynamic ? {} : { b: spread([4]) }),
      ...(mask ? { mask: spread(mask, 0.1, 1, 7) } : {}),
    },
    constants: { w: weights([4, 4 / group, 2, 2]), ...(more.dynamic ? { b: weights([4]) } : {}) },
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

const REGIONS = [0, 0.5, 5, 4, 1.2, 1, 4.4, 6.6];

function aligned(
  note: string,
  attrs: Parameters<typeof node>[2],
  regions: readonly number[] = REGIONS,
  more: Partial<Case> = {},
): Case {
  return {
    note,
    nodes: [node('RoiAlign', ['x', 'rois', 'images'], attrs)],
    inputs: { x: spread([2, 3, 6, 5]) },
    constants: { rois: constant.float([2, 4], regions), images: constant.int64([2], [1, 0]) },
    ...more,
  };
}

/** With regions that depend on the image. */
function moving(note: string, attrs: Parameters<typeof node>[2], regions: readonly number[] = REGIONS): Case {
  const inputs = { x: spread([2, 3, 6, 5]), rois: fixed([2, 4], regions) };
  return aligned(note, attrs, regions, { inputs, constants: { images: constant.int64([2], [1, 0]) }, step: 1e-3 });
}

/** Of pixels that differ enough for the largest to stay the largest. */
function maxima(note: string, attrs: Parameters<typeof node>[2], regions: readonly number[] = REGIONS): Case {
  const inputs = { x: distinct([2, 3, 6, 5]) };
  return aligned(note, { mode: 'max', ...attrs }, regions, { inputs, step: 1e-3 });
}

export const sampling: readonly Case[] = [
  transformed('real', [2, 6, 1]),
  transformed('complex', [2, 6, 2]),
  transformed('one-sided', [2, 7, 1], { onesided: 1 }),
  transformed('inverse', [2, 5, 2], { inverse: 1 }),
  transformed('inverse of half a spectrum, even length', [2, 4, 2], { inverse: 1, onesided: 1 }),
  transformed('inverse of half a spectrum, odd length', [2, 4, 2], { inverse: 1, onesided: 1 }, {}, 1, 7),
  transformed('inverse of half a spectrum, cut', [2, 5, 2], { inverse: 1, onesided: 1 }, { dynamic: true }, 1, 6),
  transformed('the last axis but one of three, dynamic batch', [2, 3, 4, 2], {}, { dynamic: true }, -2),
  transformed('another axis', [2, 5, 4, 1], {}, {}, 1),
  transformed('padded to a length', [2, 5, 1], {}, {}, 1, 8),
  transformed('cut to a length', [2, 6, 2], {}, {}, 1, 4),
  gridded('half pixels', {}, [2, 3, 4, 5]),
  gridded('corners aligned', { align_corners: 1 }, [2, 3, 4, 5]),
  gridded('one pixel high, corners aligned', { align_corners: 1 }, [2, 3, 1, 3]),
  gridded('a volume', {}, [2, 1, 2, 3, 4]),
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
  sampled('linear, reflection', { mode: 'linear', padding_mode: 'reflection' }),
  sampled('linear, reflection, corners aligned', { mode: 'linear', padding_mode: 'reflection', align_corners: 1 }),
  sampled('cubic, zeros', { mode: 'cubic' }),
  sampled('cubic, border, dynamic batch', { mode: 'cubic', padding_mode: 'border' }, { dynamic: true }),
  sampled('cubic, reflection, corners aligned', { mode: 'cubic', padding_mode: 'reflection', align_corners: 1 }),
  sampled('cubic, reflection', { mode: 'cubic', padding_mode: 'reflection' }),
  volume('a volume, zeros', { mode: 'linear' }),
  volume('a volume, border, corners aligned', { mode: 'linear', padding_mode: 'border', align_corners: 1 }),
  volume('a volume, reflection, dynamic batch', { mode: 'linear', padding_mode: 'reflection' }, { dynamic: true }),
  {
    ...volume('a volume, nearest', { mode: 'nearest' }),
    inputs: { x: spread([2, 3, 3, 4, 5]) },
    constants: { grid: constant.float([2, 2, 2, 3, 3], spread([2, 2, 2, 3, 3], -1.1, 1.1, 5).data) },
  },
  deformed('offsets', {}, { offsets: [2, 8, 3, 4] }),
  deformed('a mask, dynamic batch', {}, { offsets: [2, 8, 3, 4], mask: [2, 4, 3, 4] }, { dynamic: true }),
  deformed(
    'groups, strides, dilations, padding',
    { group: 2, offset_group: 2, strides: [2, 1], dilations: [1, 2], pads: [1, 0, 0, 2], kernel_shape: [2, 2] },
    { offsets: [2, 16, 2, 5], mask: [2, 8, 2, 5] },
  ),
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
  aligned('no sample in one region', { output_height: 2, output_width: 2 }, [3, 3, 2, 2, 1, 1, 4, 4]),
  moving(
    'regions that move',
    { output_height: 2, output_width: 3, sampling_ratio: 2 },
    [0.1, 0.6, 5, 4, 1.2, 1, 4.4, 6.7],
  ),
  moving(
    'regions that move, samples by size',
    { output_height: 2, output_width: 2 },
    [0.1, 0.6, 4.8, 4.2, 1.2, 1, 4.4, 6.7],
  ),
  moving(
    'regions that move, without half pixels, one smaller than a pixel',
    {
      output_height: 2,
      output_width: 2,
      coordinate_transformation_mode: 'output_half_pixel',
      spatial_scale: float(0.5),
    },
    [0.1, 0.6, 1.3, 7.4, 1.2, 1, 8.4, 6.7],
  ),
  maxima('maxima', { output_height: 2, output_width: 3, sampling_ratio: 2 }),
  maxima('maxima, samples by size', { output_height: 2, output_width: 2 }),
  maxima(
    'maxima, partly outside',
    { output_height: 2, output_width: 2, sampling_ratio: 2 },
    [-3, -2, 3, 4, 3, 2, 9, 8],
  ),
];
