import { type Case, distinct, node, spread } from '../harness.ts';

type Attrs = Parameters<typeof node>[2];

const one = (
  op: string,
  note: string,
  x: ReturnType<typeof spread>,
  attrs: Attrs = {},
  more: Partial<Case> = {},
): Case => ({
  note,
  nodes: [node(op, ['x'], attrs)],
  inputs: { x },
  ...more,
});

/** The windows that all pooling operators take. */
const WINDOWS: readonly (readonly [string, number[], Attrs])[] = [
  ['tiling', [1, 2, 6, 4], { kernel_shape: [2, 2], strides: [2, 2] }],
  ['tiling with a rest', [1, 2, 7, 5], { kernel_shape: [2, 2], strides: [2, 2] }],
  ['overlapping', [1, 2, 6, 6], { kernel_shape: [3, 3] }],
  ['overlapping, strided, padded', [1, 2, 7, 7], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }],
  ['stride 1, padded', [1, 2, 5, 5], { kernel_shape: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1] }],
  ['asymmetric', [1, 1, 6, 7], { kernel_shape: [3, 2], strides: [2, 3], pads: [1, 0, 0, 1] }],
  ['ceil_mode', [1, 2, 6, 8], { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 }],
  ['ceil_mode, padded', [1, 2, 7, 8], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], ceil_mode: 1 }],
  ['gaps', [1, 2, 8, 8], { kernel_shape: [2, 2], strides: [3, 3] }],
  ['SAME_UPPER', [1, 1, 6, 6], { kernel_shape: [3, 2], strides: [2, 1], auto_pad: 'SAME_UPPER' }],
  ['SAME_LOWER', [1, 1, 6, 6], { kernel_shape: [3, 2], strides: [2, 1], auto_pad: 'SAME_LOWER' }],
  ['dilated', [1, 1, 8, 8], { kernel_shape: [3, 2], strides: [1, 2], dilations: [2, 3] }],
  ['1-D', [2, 2, 9], { kernel_shape: [3], strides: [2], pads: [1, 1] }],
  ['3-D', [1, 1, 4, 4, 4], { kernel_shape: [2, 2, 2], strides: [2, 1, 2], pads: [0, 1, 0, 0, 1, 0] }],
  ['1×1', [1, 2, 3, 3], { kernel_shape: [1, 1] }],
];

function windows(
  op: string,
  x: (dims: number[]) => ReturnType<typeof spread>,
  more: Attrs = {},
  skip: string[] = [],
): Case[] {
  return WINDOWS.filter(([note]) => !skip.includes(note)).map(([note, dims, attrs]) =>
    one(op, `${note}${Object.keys(more).map(k => `, ${k}`)}`, x(dims), { ...attrs, ...more }),
  );
}

export const pooling: readonly Case[] = [
  ...windows('MaxPool', distinct),
  one('MaxPool', 'dynamic batch', distinct([1, 2, 6, 6]), { kernel_shape: [3, 3], strides: [2, 2] }, { dynamic: true }),
  {
    note: 'indices read by nobody',
    nodes: [node('MaxPool', ['x'], { kernel_shape: [2, 2] }, ['y', 'i'])],
    inputs: { x: distinct([1, 2, 4, 4]) },
  },
  ...[false, true].map(dynamic => ({
    note: dynamic ? 'dynamic batch' : 'fixed batch',
    nodes: [
      node('MaxPool', ['x'], { kernel_shape: [2, 2], strides: [2, 2] }, ['m', 'i']),
      node('Exp', ['m'], {}, ['e']),
      node('MaxUnpool', ['e', 'i'], { kernel_shape: [2, 2], strides: [2, 2] }),
    ],
    inputs: { x: distinct([1, 2, 4, 4]) },
    dynamic,
  })),
  ...windows('AveragePool', spread),
  ...windows('AveragePool', spread, { count_include_pad: 1 }),
  one(
    'AveragePool',
    'dynamic batch',
    spread([1, 2, 6, 6]),
    { kernel_shape: [2, 2], strides: [2, 2] },
    { dynamic: true },
  ),
  one('AveragePool', 'dynamic batch, overlapping', spread([1, 2, 6, 6]), { kernel_shape: [3, 3] }, { dynamic: true }),
  ...windows('LpPool', dims => spread(dims, 0.4, 1.6)),
  one('LpPool', 'p 1', distinct([1, 2, 4, 4]), { kernel_shape: [2, 2], p: 1 }),
  one('LpPool', 'p 3', spread([1, 2, 4, 4], 0.4, 1.6), { kernel_shape: [2, 2], p: 3 }),
  one('GlobalAveragePool', '2-D', spread([2, 3, 4, 3])),
  one('GlobalAveragePool', '1-D', spread([2, 3, 4])),
  one('GlobalAveragePool', 'dynamic batch', spread([2, 3, 4, 3]), {}, { dynamic: true }),
  one('GlobalMaxPool', '2-D', distinct([2, 3, 4, 3])),
  one('GlobalMaxPool', '3-D', distinct([1, 2, 2, 3, 2])),
  one('GlobalLpPool', 'p 2', spread([2, 3, 2, 3], 0.4, 1.6)),
  one('GlobalLpPool', 'p 1', distinct([2, 3, 2, 3]), { p: 1 }),
  one('GlobalLpPool', 'p 3', spread([2, 3, 2, 3], 0.4, 1.6), { p: 3 }),
];
