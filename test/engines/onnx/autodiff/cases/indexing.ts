import { type Constant, constant, DType } from '../../../../../src/engines/onnx/graph/graph.ts';
import { type Case, distinct, fixed, node, spread } from '../harness.ts';

const int64 = constant.int64;

function gather(note: string, dims: number[], axis: number, indices: Constant, more: Partial<Case> = {}): Case {
  return {
    note,
    nodes: [node('Gather', ['x', 'i'], { axis })],
    inputs: { x: spread(dims) },
    constants: { i: indices },
    ...more,
  };
}

const chosen = (...places: number[]): Constant => ({
  dtype: DType.bool,
  dims: [places.length],
  data: Uint8Array.from(places),
});

export const indexing: readonly Case[] = [
  gather('one index drops the axis', [2, 4, 3], 1, int64([], [2])),
  gather('class token, dynamic batch', [2, 4, 3], 1, int64([], [0]), { dynamic: true }),
  gather('negative index', [2, 4, 3], 1, int64([], [-1])),
  gather('one index keeps the axis', [2, 4, 3], -1, int64([1], [1])),
  gather('permutation', [2, 4, 3], 1, int64([4], [2, 0, 3, 1])),
  gather('repeated and negative', [2, 4, 3], 1, int64([5], [1, 1, -1, 0, 1]), { dynamic: true }),
  gather('matrix of indices', [2, 4, 3], 1, int64([2, 3], [0, 1, 2, 3, 3, 0]), { dynamic: true }),
  gather('first axis', [4, 3], 0, int64([2], [3, 3])),
  {
    note: 'repeated indices',
    nodes: [node('GatherElements', ['x', 'i'], { axis: 1 })],
    inputs: { x: spread([2, 4]) },
    constants: { i: int64([2, 3], [0, 0, 3, 1, -1, 3]) },
  },
  {
    note: 'tuples',
    nodes: [node('GatherND', ['x', 'i'])],
    inputs: { x: spread([3, 4, 2]) },
    constants: { i: int64([3, 2], [0, 1, 2, 3, 0, 1]) },
  },
  {
    note: 'channels that a constant chooses',
    nodes: [node('Compress', ['x', 'c'], { axis: 1 })],
    inputs: { x: spread([2, 4, 3]) },
    constants: { c: chosen(1, 0, 1) },
    dynamic: true,
  },
  {
    note: 'last axis, chosen by the image',
    nodes: [
      node('ReduceMax', ['x', 'rows'], { keepdims: 0 }, ['m']),
      node('Greater', ['m', 'zero'], {}, ['c']),
      node('Compress', ['x', 'c'], { axis: -1 }, ['k']),
      node('Mul', ['k', 'k']),
    ],
    inputs: { x: fixed([2, 3], [0.4, -0.3, 0.9, -1, -0.6, 0.5]) },
    constants: { zero: constant.scalar(0), rows: constant.ints([0]) },
  },
  {
    note: 'values chosen of all',
    nodes: [node('Exp', ['x'], {}, ['e']), node('Compress', ['e', 'c'])],
    inputs: { x: spread([2, 3]) },
    constants: { c: chosen(0, 1, 1, 0, 1) },
  },
  {
    note: 'largest two',
    nodes: [node('TopK', ['x', 'k'], { axis: 1 }, ['y', 'i'])],
    inputs: { x: distinct([2, 5]) },
    constants: { k: constant.ints([2]) },
  },
  {
    note: 'smallest three',
    nodes: [node('TopK', ['x', 'k'], { axis: 0, largest: 0 }, ['y', 'i'])],
    inputs: { x: distinct([5, 2]) },
    constants: { k: constant.ints([3]) },
  },
  {
    note: 'overwriting',
    nodes: [node('ScatterElements', ['x', 'i', 'u'], { axis: 1 })],
    inputs: { x: spread([2, 4]), u: spread([2, 2]) },
    constants: { i: int64([2, 2], [0, 2, 3, 1]) },
  },
  {
    note: 'adding',
    nodes: [node('ScatterElements', ['x', 'i', 'u'], { axis: 1, reduction: 'add' })],
    inputs: { x: spread([2, 4]), u: spread([2, 2]) },
    constants: { i: int64([2, 2], [0, 0, 3, 1]) },
  },
  {
    note: 'overwriting',
    nodes: [node('ScatterND', ['x', 'i', 'u'])],
    inputs: { x: spread([4, 3]), u: spread([2, 3]) },
    constants: { i: int64([2, 1], [3, 1]) },
  },
  {
    note: 'adding',
    nodes: [node('ScatterND', ['x', 'i', 'u'], { reduction: 'add' })],
    inputs: { x: spread([4, 3]), u: spread([2, 3]) },
    constants: { i: int64([2, 1], [3, 3]) },
  },
];
