import { constant } from '../../../../../src/engines/onnx/graph/graph.ts';
import { type Case, node, spread, weights } from '../harness.ts';

type Attrs = Parameters<typeof node>[2];
const ints = constant.ints;

/** An operator with constant integer inputs after the first. */
function shaped(
  op: string,
  note: string,
  dims: number[],
  args: number[][],
  attrs: Attrs = {},
  more: Partial<Case> = {},
): Case {
  const names = args.map((_, i) => `i${i}`);
  return {
    note,
    nodes: [node(op, ['x', ...names], attrs)],
    inputs: { x: spread(dims) },
    constants: Object.fromEntries(args.map((a, i) => [names[i]!, ints(a)])),
    ...more,
  };
}

const sliced = (note: string, dims: number[], starts: number[], ends: number[], axes: number[], steps: number[]) =>
  shaped('Slice', note, dims, [starts, ends, axes, steps]);

const FAR = 2 ** 31 - 1;

/** A cut whose end and step are computed: the number of positive elements of a constant, and 2. */
const slicedAtRunTime: Case = {
  note: 'an end that is known only while it runs',
  nodes: [
    node('Greater', ['x', 'low'], {}, ['above']),
    node('Cast', ['above'], { to: 7 }, ['ones']),
    node('ReduceMax', ['ones'], { keepdims: 0 }, ['one']),
    node('Add', ['one', 'two'], {}, ['three']),
    node('Unsqueeze', ['three', 'zero'], {}, ['end']),
    node('Slice', ['x', 'start', 'end', 'axis', 'step']),
  ],
  inputs: { x: spread([2, 3, 4]) },
  constants: {
    low: constant.scalar(-9),
    two: constant.int64([], [2]),
    zero: ints([0]),
    start: ints([0]),
    axis: ints([2]),
    step: ints([2]),
  },
};

export const shapes: readonly Case[] = [
  slicedAtRunTime,
  shaped('Reshape', 'plain', [2, 3, 4], [[4, 6]]),
  shaped('Reshape', '0 and -1, dynamic batch', [2, 3, 4], [[0, -1]], {}, { dynamic: true }),
  shaped('Flatten', 'axis 1', [2, 3, 4], [], {}, { dynamic: true }),
  shaped('Flatten', 'axis 0', [2, 3, 4], [], { axis: 0 }),
  shaped('Squeeze', 'axes', [2, 1, 3, 1], [[1, -1]], {}, { dynamic: true }),
  shaped('Squeeze', 'all', [2, 1, 3, 1], []),
  shaped('Unsqueeze', 'axes', [2, 3], [[0, -1]], {}, { dynamic: true }),
  shaped('Transpose', 'permutation', [2, 3, 4, 2], [], { perm: [2, 0, 3, 1] }),
  shaped('Transpose', 'default', [2, 3, 4], []),
  shaped('Transpose', 'dynamic batch', [2, 3, 4], [], { perm: [0, 2, 1] }, { dynamic: true }),
  shaped('Expand', 'new and stretched axes', [3, 1], [[2, 3, 4]]),
  shaped('Expand', 'shape with fewer dims', [2, 3, 1], [[3, 4]], {}, { dynamic: true }),
  shaped('Expand', 'shape with ones', [2, 3], [[1, 1]]),
  shaped('Tile', 'each axis', [2, 3], [[2, 3]]),
  shaped('Tile', 'one axis, dynamic batch', [2, 3, 2], [[1, 1, 3]], {}, { dynamic: true }),
  shaped('Tile', 'nothing', [2, 3], [[1, 1]]),
  {
    note: 'three along channels',
    nodes: [node('Concat', ['a', 'b', 'c'], { axis: 1 })],
    inputs: { a: spread([2, 1, 3]), b: spread([2, 2, 3]), c: spread([2, 3, 3]) },
    dynamic: true,
  },
  {
    note: 'last axis',
    nodes: [node('Concat', ['a', 'b'], { axis: -1 })],
    inputs: { a: spread([2, 3]), b: spread([2, 1]) },
  },
  { note: 'one', nodes: [node('Concat', ['a'], { axis: 0 })], inputs: { a: spread([2, 3]) } },
  {
    note: 'the same tensor twice, and a constant',
    nodes: [node('Concat', ['a', 'w', 'a'], { axis: 1 })],
    inputs: { a: spread([2, 3]) },
    constants: { w: weights([2, 2]) },
  },
  {
    note: 'an image and its mirror image joined in the batch, as in test-time augmentation',
    nodes: [
      node('Slice', ['x', 'last', 'first', 'axis', 'back'], {}, ['m']),
      node('Concat', ['x', 'm'], { axis: 0 }, ['both']),
      node('Mul', ['both', 'w'], {}, ['p']),
      node('Exp', ['p'], {}, ['e']),
      node('Split', ['e'], { axis: 0, num_outputs: 2 }, ['a', 'b']),
      node('Add', ['a', 'b']),
    ],
    inputs: { x: spread([2, 3, 2]) },
    constants: { last: ints([-1]), first: ints([-FAR]), axis: ints([1]), back: ints([-1]), w: weights([3, 2]) },
    dynamic: true,
  },
  {
    note: 'of three joined in the batch the middle one counts twice',
    nodes: [
      node('Tanh', ['x'], {}, ['t']),
      node('Concat', ['x', 't', 'x'], { axis: 0 }, ['all']),
      node('Reshape', ['all', 'shape'], {}, ['apart']),
      node('Mul', ['apart', 'w'], {}, ['weighted']),
      node('ReduceSum', ['weighted', 'axis'], { keepdims: 0 }),
    ],
    inputs: { x: spread([2, 3]) },
    constants: { shape: ints([3, -1, 3]), axis: ints([0]), w: constant.float([3, 1, 1], [1, 2, -0.5]) },
    dynamic: true,
  },
  {
    note: 'cut in rows, padded in columns',
    nodes: [node('CenterCropPad', ['x', 's'], { axes: [2, 3] })],
    inputs: { x: spread([2, 2, 6, 3]) },
    constants: { s: ints([3, 8]) },
    dynamic: true,
  },
  {
    note: 'padded in rows, all axes named',
    nodes: [node('CenterCropPad', ['x', 's'])],
    inputs: { x: spread([2, 3, 5]) },
    constants: { s: ints([2, 4, 4]) },
  },
  {
    note: 'dense block',
    nodes: [
      node('Conv', ['x', 'w'], {}, ['f1']),
      node('Concat', ['x', 'f1'], { axis: 1 }, ['c1']),
      node('Conv', ['c1', 'v'], {}, ['f2']),
      node('Concat', ['x', 'f1', 'f2'], { axis: 1 }, ['c2']),
      node('Conv', ['c2', 'u'], {}, ['f3']),
      node('Concat', ['x', 'f1', 'f2', 'f3'], { axis: 1 }, ['c3']),
      node('Conv', ['c3', 't']),
    ],
    inputs: { x: spread([2, 2, 3, 3]) },
    constants: {
      w: weights([3, 2, 1, 1]),
      v: weights([2, 5, 1, 1]),
      u: weights([2, 7, 1, 1]),
      t: weights([3, 9, 1, 1]),
    },
    dynamic: true,
  },
  {
    note: 'all outputs',
    nodes: [
      node('Split', ['x', 's'], { axis: 1 }, ['a', 'b', 'c']),
      node('Mul', ['a', 'c'], {}, ['ac']),
      node('Concat', ['ac', 'b'], { axis: 1 }),
    ],
    inputs: { x: spread([2, 6, 2]) },
    constants: { s: ints([2, 2, 2]) },
    dynamic: true,
  },
  {
    note: 'one output unused',
    nodes: [node('Split', ['x'], { axis: 1, num_outputs: 3 }, ['a', 'b', 'c']), node('Mul', ['a', 'c'], {}, ['y'])],
    inputs: { x: spread([2, 6, 2]) },
    dynamic: true,
  },
  {
    note: 'as a shuffle of channels',
    nodes: [
      node('Split', ['x'], { axis: 1, num_outputs: 2 }, ['a', 'b']),
      node('Exp', ['b'], {}, ['e']),
      node('Concat', ['a', 'e'], { axis: 1 }, ['c']),
      node('Reshape', ['c', 's1'], {}, ['r']),
      node('Transpose', ['r'], { perm: [0, 2, 1, 3] }, ['t']),
      node('Reshape', ['t', 's2']),
    ],
    inputs: { x: spread([2, 4, 3]) },
    constants: { s1: ints([-1, 2, 2, 3]), s2: ints([-1, 4, 3]) },
    dynamic: true,
  },
  sliced('middle', [3, 5], [1], [4], [1], [1]),
  sliced('negative start and end', [3, 5], [-4], [-1], [-1], [1]),
  sliced('to the end', [3, 5], [2], [FAR], [1], [1]),
  sliced('two axes', [4, 5, 3], [1, 0], [3, 4], [0, 1], [1, 1]),
  sliced('step 2', [3, 6], [0], [FAR], [1], [2]),
  sliced('step 2, odd size', [3, 7], [1], [FAR], [1], [2]),
  sliced('step 3, two axes', [8, 7], [1, 2], [FAR, FAR], [0, 1], [3, 2]),
  sliced('step 3, one element', [5], [3], [FAR], [0], [3]),
  sliced('step 4, last reach beyond the end', [10], [1], [10], [0], [4]),
  sliced('reversed', [3, 5], [-1], [-FAR], [1], [-1]),
  sliced('reversed, step -2', [3, 6], [4], [0], [1], [-2]),
  sliced('reversed, step -3, from beyond', [8, 2], [FAR], [-FAR], [0], [-3]),
  shaped(
    'Slice',
    'no axes',
    [4, 5],
    [
      [1, 2],
      [3, 5],
    ],
  ),
  shaped('Slice', 'dynamic batch, patch merging', [2, 4, 6], [[1], [FAR], [1], [2]], {}, { dynamic: true }),
  shaped(
    'Slice',
    'dynamic batch taken whole',
    [2, 4, 6],
    [
      [0, 1],
      [FAR, 3],
      [0, 1],
    ],
    {},
    { dynamic: true },
  ),
  {
    note: 'cyclic shift by slices',
    nodes: [
      node('Slice', ['x', 'a', 'far', 'axis'], {}, ['p']),
      node('Slice', ['x', 'zero', 'a', 'axis'], {}, ['q']),
      node('Concat', ['p', 'q'], { axis: 1 }),
    ],
    inputs: { x: spread([2, 5, 2]) },
    constants: { a: ints([-2]), far: ints([FAR]), zero: ints([0]), axis: ints([1]) },
    dynamic: true,
  },
  shaped('DepthToSpace', 'DCR', [2, 8, 2, 3], [], { blocksize: 2 }, { dynamic: true }),
  shaped('DepthToSpace', 'CRD', [2, 8, 2, 3], [], { blocksize: 2, mode: 'CRD' }, { dynamic: true }),
  shaped('SpaceToDepth', '', [2, 2, 4, 6], [], { blocksize: 2 }, { dynamic: true }),
  { note: 'upper', nodes: [node('Trilu', ['x'])], inputs: { x: spread([2, 3, 3]) } },
  {
    note: 'lower, diagonal 1',
    nodes: [node('Trilu', ['x', 'k'], { upper: 0 })],
    inputs: { x: spread([3, 4]) },
    constants: { k: constant.int64([], [1]) },
  },
  ...[0, 1].flatMap(exclusive =>
    [0, 1].map(
      (reverse): Case => ({
        note: `exclusive ${exclusive}, reverse ${reverse}`,
        nodes: [node('CumSum', ['x', 'axis'], { exclusive, reverse })],
        inputs: { x: spread([3, 4]) },
        constants: { axis: constant.int64([], [1]) },
      }),
    ),
  ),
];
