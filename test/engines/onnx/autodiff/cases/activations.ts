import { constant } from '../../../../../src/engines/onnx/graph/graph.ts';
import { type Case, distinct, float, node, spread, type Values, weights } from '../harness.ts';

const kinked = distinct([2, 3, 4]);
const smooth = spread([2, 3, 4], -2.5, 2.5);

function unary(op: string, note: string, x: Values, attrs = {}, more: Partial<Case> = {}): Case {
  return { note, nodes: [node(op, ['x'], attrs)], inputs: { x }, ...more };
}

const scalar = constant.scalar;

export const activations: readonly Case[] = [
  unary('Relu', 'away from 0', kinked),
  unary('Relu', 'dynamic batch', kinked, {}, { dynamic: true }),
  unary('LeakyRelu', 'default', kinked),
  unary('LeakyRelu', 'alpha 0.3', kinked, { alpha: float(0.3) }),
  { note: 'slope per channel', nodes: [node('PRelu', ['x', 's'])], inputs: { x: kinked, s: spread([3, 1]) } },
  { note: 'one slope', nodes: [node('PRelu', ['x', 's'])], inputs: { x: kinked }, constants: { s: weights([1]) } },
  unary('ThresholdedRelu', 'alpha 0.6', kinked, { alpha: float(0.6) }, { tolerance: 2e-2 }),
  unary('Shrink', 'lambda 0.6, bias 0.3', kinked, { lambd: float(0.6), bias: float(0.3) }),
  unary('Elu', 'default', kinked),
  unary('Elu', 'alpha 0.5', kinked, { alpha: float(0.5) }),
  unary('Selu', 'default', kinked),
  unary('Selu', 'alpha 2, gamma 0.7', kinked, { alpha: float(2), gamma: float(0.7) }),
  unary('Celu', 'default', kinked),
  unary('Celu', 'alpha 0.4', kinked, { alpha: float(0.4) }),
  unary('Sigmoid', '', smooth),
  unary('HardSigmoid', 'default', spread([3, 7], -2.2, 2.2)),
  unary('HardSigmoid', 'alpha 1/6, beta 0.5, past both kinks', distinct([2, 3, 9]), { alpha: float(1 / 6) }),
  unary('HardSwish', 'past both kinks', distinct([2, 3, 9])),
  {
    note: 'SiLU',
    nodes: [node('Sigmoid', ['x'], {}, ['s']), node('Mul', ['x', 's'])],
    inputs: { x: smooth },
  },
  {
    note: 'SiLU the other way round, its sigmoid read elsewhere too',
    nodes: [node('Sigmoid', ['x'], {}, ['s']), node('Mul', ['s', 'x'], {}, ['p']), node('Add', ['p', 's'])],
    inputs: { x: smooth },
  },
  unary('Tanh', '', smooth),
  unary('Softplus', '', smooth),
  unary('Softsign', '', kinked),
  unary('Gelu', 'exact', smooth),
  unary('Gelu', 'through tanh', smooth, { approximate: 'tanh' }),
  unary('Mish', '', smooth),
  unary('Erf', '', smooth),
  {
    note: 'both bounds (ReLU6)',
    nodes: [node('Clip', ['x', 'low', 'high'])],
    inputs: { x: distinct([2, 5, 10]) },
    constants: { low: scalar(0), high: scalar(6) },
  },
  { note: 'low only', nodes: [node('Clip', ['x', 'low'])], inputs: { x: kinked }, constants: { low: scalar(-0.3) } },
  {
    note: 'high only',
    nodes: [node('Clip', ['x', '', 'high'])],
    inputs: { x: kinked },
    constants: { high: scalar(0.6) },
  },
  { note: 'no bounds', nodes: [node('Clip', ['x'])], inputs: { x: kinked } },
  {
    note: 'bounds that are as good as none',
    nodes: [node('Clip', ['x', 'low', 'high'])],
    inputs: { x: kinked },
    constants: { low: scalar(0.3), high: scalar(3.4e38) },
  },
  {
    note: 'a large bound',
    nodes: [node('Clip', ['x', 'low', 'high'])],
    inputs: { x: kinked },
    constants: { low: scalar(0.3), high: scalar(1e9) },
  },
  {
    note: 'bounds that are computed',
    nodes: [
      node('ReduceMean', ['x'], { keepdims: 0 }, ['m']),
      node('Greater', ['m', 'one'], {}, ['b']),
      node('Where', ['b', 'one', 'low'], {}, ['l']),
      node('Clip', ['x', 'l']),
    ],
    inputs: { x: kinked },
    constants: { one: scalar(1), low: scalar(0.3) },
  },
  unary('Softmax', 'last axis', smooth),
  unary('Softmax', 'axis 1', smooth, { axis: 1 }),
  unary('LogSoftmax', 'last axis', smooth),
  unary('LogSoftmax', 'axis 0', smooth, { axis: 0 }),
];
