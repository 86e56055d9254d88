import { constant } from '../../../../../src/engines/onnx/graph/graph.ts';
import { type Case, float, node, spread } from '../harness.ts';

type Attrs = Parameters<typeof node>[2];

function scaled(note: string, dims: number[], scales: number[], attrs: Attrs, more: Partial<Case> = {}): Case {
  return {
    note: `${note} ×${scales.slice(2).join('×')}`,
    nodes: [node('Resize', ['x', '', 's'], attrs)],
    inputs: { x: spread(dims) },
    constants: { s: constant.float([scales.length], scales) },
    ...more,
  };
}

function sized(note: string, dims: number[], sizes: number[], attrs: Attrs, more: Partial<Case> = {}): Case {
  return {
    note: `${note} → ${sizes.join('×')}`,
    nodes: [node('Resize', ['x', '', '', 's'], attrs)],
    inputs: { x: spread(dims) },
    constants: { s: constant.ints(sizes) },
    ...more,
  };
}

const COORDINATES = ['half_pixel', 'half_pixel_symmetric', 'pytorch_half_pixel', 'align_corners', 'asymmetric'];

function padded(note: string, dims: number[], pads: number[], mode: string, more: Partial<Case> = {}): Case {
  return {
    note: `${mode}: ${note}`,
    nodes: [node('Pad', ['x', 'p'], { mode })],
    inputs: { x: spread(dims) },
    constants: { p: constant.ints(pads) },
    ...more,
  };
}

export const resampling: readonly Case[] = [
  ...COORDINATES.flatMap((c): Case[] => [
    ...['floor', 'ceil', 'round_prefer_floor', 'round_prefer_ceil'].map(nearest_mode =>
      sized(`nearest ${nearest_mode}, ${c}`, [1, 2, 4, 5], [1, 2, 7, 4], {
        nearest_mode,
        coordinate_transformation_mode: c,
      }),
    ),
    scaled(`linear, ${c}`, [1, 2, 4, 5], [1, 1, 2, 1.5], { mode: 'linear', coordinate_transformation_mode: c }),
    sized(`linear, ${c}`, [1, 2, 7, 6], [1, 2, 4, 4], { mode: 'linear', coordinate_transformation_mode: c }),
    sized(`cubic, ${c}`, [1, 1, 4, 5], [1, 1, 7, 3], { mode: 'cubic', coordinate_transformation_mode: c }),
  ]),
  scaled('nearest, asymmetric floor', [1, 2, 3, 4], [1, 1, 2, 2], {
    coordinate_transformation_mode: 'asymmetric',
    nearest_mode: 'floor',
  }),
  scaled(
    'nearest, dynamic batch',
    [1, 2, 3, 4],
    [1, 1, 2, 3],
    { coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' },
    { dynamic: true },
  ),
  scaled('nearest, halved', [1, 2, 4, 6], [1, 1, 0.5, 0.5], {
    coordinate_transformation_mode: 'asymmetric',
    nearest_mode: 'floor',
  }),
  scaled('nearest, 1-D', [1, 2, 5], [1, 1, 2], {}),
  scaled('nearest, 3-D', [1, 1, 2, 3, 2], [1, 1, 2, 2, 2], {}),
  scaled('linear, dynamic batch', [1, 2, 3, 4], [1, 1, 2, 2], { mode: 'linear' }, { dynamic: true }),
  scaled('linear, 3-D', [1, 1, 2, 3, 2], [1, 1, 2, 1.5, 2], { mode: 'linear' }),
  scaled('channels last', [1, 3, 4, 2], [1, 2, 1.5, 1], { mode: 'linear' }),
  scaled('cubic, excluding the outside', [1, 1, 5, 5], [1, 1, 1.6, 0.6], {
    mode: 'cubic',
    exclude_outside: 1,
    cubic_coeff_a: float(-0.5),
  }),
  scaled('linear, antialias', [1, 1, 8, 9], [1, 1, 0.5, 0.4], { mode: 'linear', antialias: 1 }),
  scaled('linear, antialias, larger', [1, 1, 4, 4], [1, 1, 2, 2], { mode: 'linear', antialias: 1 }),
  scaled('cubic, antialias', [1, 1, 8, 9], [1, 1, 0.5, 0.4], { mode: 'cubic', antialias: 1 }),
  scaled('cubic, antialias, excluding', [1, 1, 8, 9], [1, 1, 0.5, 0.4], {
    mode: 'cubic',
    antialias: 1,
    exclude_outside: 1,
  }),
  {
    note: 'linear, axes given',
    nodes: [node('Resize', ['x', '', '', 's'], { mode: 'linear', axes: [2, 3] })],
    inputs: { x: spread([1, 2, 4, 5]) },
    constants: { s: constant.ints([6, 3]) },
  },
  ...['not_larger', 'not_smaller'].map(
    (policy): Case => ({
      note: `linear, aspect ${policy}`,
      nodes: [node('Resize', ['x', '', '', 's'], { mode: 'linear', axes: [2, 3], keep_aspect_ratio_policy: policy })],
      inputs: { x: spread([1, 1, 4, 6]) },
      constants: { s: constant.ints([7, 8]) },
    }),
  ),
  {
    note: 'linear, region of interest',
    nodes: [
      node('Resize', ['x', 'roi', '', 's'], { mode: 'linear', coordinate_transformation_mode: 'tf_crop_and_resize' }),
    ],
    inputs: { x: spread([1, 1, 5, 6]) },
    constants: { roi: constant.float([8], [0, 0, 0.2, 0.3, 1, 1, 0.8, 1.2]), s: constant.ints([1, 1, 4, 4]) },
  },
  padded('each side', [2, 3, 4], [0, 1, 2, 1, 0, 3], 'constant'),
  padded('dynamic batch', [2, 3, 4], [0, 1, 2, 0, 0, 3], 'constant', { dynamic: true }),
  padded('cropping', [3, 4, 5], [0, -1, 1, -1, 2, -2], 'constant'),
  ...['reflect', 'edge', 'wrap'].flatMap(mode => [
    padded('each side', [2, 3, 5], [0, 1, 2, 0, 2, 3], mode),
    padded('image, dynamic batch', [1, 2, 4, 4], [0, 0, 1, 2, 0, 0, 3, 1], mode, { dynamic: true }),
  ]),
  {
    note: 'constant value, axes given',
    nodes: [node('Pad', ['x', 'p', 'v', 'axes'])],
    inputs: { x: spread([2, 3, 4]) },
    constants: { p: constant.ints([1, 2, 3, 0]), v: constant.scalar(5), axes: constant.ints([-1, 1]) },
  },
];
