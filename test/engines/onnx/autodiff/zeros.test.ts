import { describe, expect, it } from 'vitest';
import { constant } from '../../../../src/engines/onnx/graph/graph.ts';
import { type Case, fixed, float, gradientOf, node } from './harness.ts';

/** Gradients at points where a derivative is infinite or not defined: what PyTorch gives there, and never NaN. */
const CASES: readonly [string, Omit<Case, 'note'>, readonly number[], readonly number[]][] = [
  [
    'the root of a ReLU',
    { nodes: [node('Relu', ['a'], {}, ['r']), node('Sqrt', ['r'])], inputs: { a: fixed([1, 4], [-1, 0, 4, 0.25]) } },
    [1, 1, 1, 1],
    [0, 0, 0.25, 1],
  ],
  [
    'a power below 1 of a ReLU',
    {
      nodes: [node('Relu', ['a'], {}, ['r']), node('Pow', ['r', 'p'])],
      inputs: { a: fixed([1, 3], [-1, 0, 16]) },
      constants: { p: constant.scalar(0.25) },
    },
    [1, 1, 1],
    [0, 0, 0.25 / 8],
  ],
  [
    'a power with an exponent for each element',
    {
      nodes: [node('Relu', ['a'], {}, ['r']), node('Pow', ['r', 'p'])],
      inputs: { a: fixed([1, 4], [-1, 0, 4, 0]) },
      constants: { p: constant.float([4], [0.5, 0.5, 0.5, 2]) },
    },
    [1, 1, 1, 1],
    [0, 0, 0.25, 0],
  ],
  [
    'the standard deviation of equal values',
    {
      nodes: [
        node('ReduceMean', ['a', 'axes'], { keepdims: 1 }, ['m']),
        node('Sub', ['a', 'm'], {}, ['d']),
        node('Mul', ['d', 'd'], {}, ['s']),
        node('ReduceMean', ['s', 'axes'], { keepdims: 1 }, ['v']),
        node('Sqrt', ['v']),
      ],
      inputs: { a: fixed([2, 2], [3, 3, 1, 3]) },
      constants: { axes: constant.ints([1]) },
    },
    [1, 1],
    [0, 0, -0.5, 0.5],
  ],
  [
    'the norm of a vector of zeros',
    { nodes: [node('LpNormalization', ['a'], { axis: 1 })], inputs: { a: fixed([2, 2], [0, 0, 3, 4]) } },
    [1, 1, 1, 0],
    [0, 0, 16 / 125, -12 / 125],
  ],
  [
    'a logarithm behind a lower bound',
    {
      nodes: [node('Clip', ['a', 'low'], {}, ['c']), node('Log', ['c'])],
      inputs: { a: fixed([1, 2], [-1, 0.5]) },
      constants: { low: constant.scalar(1e-6) },
    },
    [1, 1],
    [0, 2],
  ],
  [
    'an arc sine behind a hard sigmoid at its end',
    {
      nodes: [node('HardSigmoid', ['a'], { alpha: float(0.5), beta: float(0.5) }, ['h']), node('Asin', ['h'])],
      inputs: { a: fixed([1, 2], [3, 0]) },
    },
    [1, 1],
    [0, 0.5 / Math.sqrt(0.75)],
  ],
  [
    'the arc cosine of a maximum',
    {
      nodes: [node('Max', ['a', 'b'], {}, ['m']), node('Acos', ['m'])],
      inputs: { a: fixed([1, 2], [0.5, 0]) },
      constants: { b: constant.float([1, 2], [1, -1]) },
    },
    [1, 1],
    [0, -1],
  ],
];

describe('gradients where a derivative is infinite', () => {
  it.each(CASES)('%s', async (note, c, seed, want) => {
    const of = c.nodes.at(-1)!.outputs[0]!;
    const got = await gradientOf({ note, ...c }, { wrt: 'a', of }, seed);
    for (const [i, v] of got.entries()) expect(v).toBeCloseTo(want[i]!, 5);
  });
});
