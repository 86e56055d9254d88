import { constant } from '../../../../../src/engines/onnx/graph/graph.ts';
import { type Case, distinct, float, node, spread, weights } from '../harness.ts';

const x = spread([2, 4, 3, 2]);
const channels = {
  scale: weights([4], 3, 0.5, 2),
  bias: weights([4], 4),
  mean: weights([4], 5),
  var: weights([4], 6, 0.3, 2),
};

export const normalizations: readonly Case[] = [
  {
    note: 'constants',
    nodes: [node('BatchNormalization', ['x', 'scale', 'bias', 'mean', 'var'])],
    inputs: { x },
    constants: channels,
  },
  {
    note: 'no spatial axes, epsilon 0.1, dynamic batch',
    nodes: [node('BatchNormalization', ['x', 'scale', 'bias', 'mean', 'var'], { epsilon: float(0.1) })],
    inputs: { x: spread([2, 4]) },
    constants: channels,
    dynamic: true,
  },
  {
    note: 'scale that is not constant',
    nodes: [
      node('GlobalMaxPool', ['x'], {}, ['m']),
      node('Greater', ['m', 'zero'], {}, ['b']),
      node('Where', ['b', 'one', 'zero'], {}, ['w']),
      node('ReduceSum', ['w', 'axes'], { keepdims: 0 }, ['s']),
      node('BatchNormalization', ['x', 's', 'bias', 'mean', 'var']),
    ],
    inputs: { x: distinct([2, 4, 3, 2]) },
    constants: {
      ...channels,
      zero: constant.scalar(0),
      one: constant.scalar(1),
      axes: constant.ints([0, 2, 3]),
    },
  },
  {
    note: 'between convolutions',
    nodes: [
      node('Conv', ['x', 'w'], { pads: [1, 1, 1, 1] }, ['c']),
      node('BatchNormalization', ['c', 'scale', 'bias', 'mean', 'var'], {}, ['n']),
      node('Relu', ['n'], {}, ['r']),
      node('Conv', ['r', 'v']),
    ],
    inputs: { x: spread([1, 2, 4, 4], 1, 3) },
    constants: {
      ...channels,
      bias: weights([4], 4, 4, 5),
      w: weights([4, 2, 3, 3], 7, 0, 1),
      v: weights([3, 4, 1, 1], 8),
    },
  },
  {
    note: 'before ReLU and convolution',
    nodes: [
      node('BatchNormalization', ['x', 'scale', 'bias', 'mean', 'var'], {}, ['n']),
      node('Relu', ['n'], {}, ['r']),
      node('Conv', ['r', 'v']),
    ],
    inputs: { x: { ...x, data: distinct([2, 4, 3, 2]).data } },
    constants: {
      ...channels,
      scale: weights([4], 3, 1, 1),
      bias: weights([4], 1, 0, 0),
      mean: weights([4], 1, 0, 0),
      var: weights([4], 3, 1, 1),
      v: weights([3, 4, 1, 1], 8),
    },
  },
  ...[-1, 1, 2].map(
    (axis): Case => ({
      note: `axis ${axis}`,
      nodes: [node('LayerNormalization', ['x', 'scale', 'bias'], { axis })],
      inputs: { x: spread([2, 3, 4]), scale: spread(axis === 1 ? [3, 4] : [4], 0.5, 2), bias: spread([4]) },
    }),
  ),
  {
    note: 'no bias, epsilon 0.1, dynamic batch',
    nodes: [node('LayerNormalization', ['x', 'scale'], { epsilon: float(0.1) })],
    inputs: { x: spread([2, 3, 5]) },
    constants: { scale: weights([5], 3, 0.5, 2) },
    dynamic: true,
  },
  {
    note: '2-D',
    nodes: [node('InstanceNormalization', ['x', 'scale', 'bias'])],
    inputs: { x },
    constants: channels,
    dynamic: true,
  },
  {
    note: '1-D',
    nodes: [node('InstanceNormalization', ['x', 'scale', 'bias'])],
    inputs: { x: spread([2, 4, 5]) },
    constants: channels,
  },
  {
    note: 'two groups',
    nodes: [node('GroupNormalization', ['x', 'scale', 'bias'], { num_groups: 2 })],
    inputs: { x },
    constants: { scale: weights([2], 3, 0.5, 2), bias: weights([2]) },
    dynamic: true,
  },
  ...[1, 3, 5].map(
    (size): Case => ({
      note: `size ${size}`,
      nodes: [node('LRN', ['x'], { size, alpha: float(0.6), beta: float(0.75), bias: float(1.5) })],
      inputs: { x: spread([2, 5, 2, 2]) },
    }),
  ),
  { note: 'default axes', nodes: [node('MeanVarianceNormalization', ['x'])], inputs: { x } },
  { note: 'spatial axes', nodes: [node('MeanVarianceNormalization', ['x'], { axes: [2, 3] })], inputs: { x } },
  ...[1, 2].map(
    (p): Case => ({
      note: `p ${p}, axis 1`,
      nodes: [node('LpNormalization', ['x'], { p, axis: 1 })],
      inputs: { x: distinct([2, 4, 3]) },
    }),
  ),
];
