import { constant, DType } from '../../../../../src/engines/onnx/graph/graph.ts';
import { type Case, distinct, node, spread, type Values, weights } from '../harness.ts';

const smooth = spread([2, 3, 4]);
const positive = spread([2, 3, 4], 0.4, 2.5);
const inner = spread([2, 3, 4], -0.8, 0.8);

function unary(op: string, x: Values, more: Partial<Case> = {}): Case {
  return { note: 'elementwise', nodes: [node(op, ['x'])], inputs: { x }, ...more };
}

/** An operator whose derivative is 0, beside what it is made of: alone, no score depends on its input differentiably. */
function besideItself(op: string, x: Values): Case {
  return { note: 'times what it rounds', nodes: [node(op, ['x'], {}, ['r']), node('Mul', ['x', 'r'])], inputs: { x } };
}

function binary(op: string, note: string, a: Values, b: Values, more: Partial<Case> = {}): Case {
  return { note, nodes: [node(op, ['a', 'b'])], inputs: { a, b }, ...more };
}

/** The broadcasting that every binary operator must undo. */
function broadcasts(op: string, b: (dims: number[]) => Values): Case[] {
  return [
    binary(op, 'same shape', smooth, b([2, 3, 4])),
    binary(op, 'per channel', smooth, b([3, 1])),
    binary(op, 'scalar', smooth, b([])),
    binary(op, 'both stretched', spread([2, 1, 4]), b([3, 1])),
    binary(op, 'fewer dims on the left', spread([4]), b([2, 3, 1])),
    binary(op, 'dynamic batch', smooth, b([2, 3, 1]), { dynamic: true }),
  ];
}

const away = (dims: number[]) => spread(dims, 0.5, 2, 5);
const kinked = (seed: number) => distinct([2, 3, 4], seed);
const apart: Values = { dims: [2, 3, 4], data: kinked(2).data.map(v => v + 0.07) };

export const arithmetic: readonly Case[] = [
  unary('Exp', smooth),
  unary('Log', positive),
  unary('Sqrt', positive),
  unary('Reciprocal', positive),
  unary('Abs', distinct([2, 3, 4])),
  unary('Neg', smooth),
  unary('Sin', smooth),
  unary('Cos', smooth),
  unary('Tan', inner),
  unary('Asin', inner),
  unary('Acos', inner),
  unary('Atan', smooth),
  unary('Sinh', smooth),
  unary('Cosh', smooth),
  unary('Asinh', smooth),
  unary('Acosh', spread([2, 3, 4], 1.4, 3)),
  unary('Atanh', inner),
  besideItself('Floor', spread([6], 0.2, 0.8)),
  besideItself('Ceil', spread([6], 0.2, 0.8)),
  besideItself('Round', spread([6], 0.6, 1.4)),
  besideItself('Sign', spread([6], 0.2, 0.8)),
  besideItself('Hardmax', distinct([2, 5])),
  ...broadcasts('Add', dims => spread(dims, -1, 1, 5)),
  ...broadcasts('Sub', dims => spread(dims, -1, 1, 5)),
  ...broadcasts('Mul', dims => spread(dims, -1, 1, 5)),
  ...broadcasts('Div', away),
  { note: 'a tensor with itself', nodes: [node('Mul', ['x', 'x'])], inputs: { x: smooth } },
  binary('Pow', 'both vary', positive, spread([2, 3, 4], -1, 2, 5)),
  binary('Pow', 'broadcast', positive, spread([3, 1], -1, 2, 5)),
  ...[0, 1, 2, 3, 0.5, -1, 2.5].map(
    (p): Case => ({
      note: `constant exponent ${p}`,
      nodes: [node('Pow', ['a', 'b'])],
      inputs: { a: positive },
      constants: { b: constant.scalar(p) },
    }),
  ),
  {
    note: 'constant exponents, integers, negative base',
    nodes: [node('Pow', ['a', 'b'])],
    inputs: { a: spread([2, 4], -2, -0.5) },
    constants: { b: constant.int64([4], [0, 1, 2, 3]) },
  },
  {
    note: 'constant base',
    nodes: [node('Pow', ['a', 'b'])],
    inputs: { b: smooth },
    constants: { a: weights([4], 3, 0.5, 2) },
  },
  {
    note: 'remainder',
    nodes: [node('Mod', ['a', 'b'], { fmod: 1 })],
    inputs: { a: spread([6], 0.2, 0.8) },
    constants: { b: constant.scalar(1) },
  },
  ...['Max', 'Min'].flatMap((op): Case[] => [
    binary(op, 'two', kinked(1), apart),
    { note: 'one', nodes: [node(op, ['x'])], inputs: { x: smooth } },
    {
      note: 'with a constant',
      nodes: [node(op, ['x', 'c'])],
      inputs: { x: kinked(1) },
      constants: { c: constant.scalar(0.3) },
    },
    {
      note: 'three, broadcast',
      nodes: [node(op, ['a', 'b', 'c'])],
      inputs: { a: distinct([2, 3]), b: { dims: [3], data: Float32Array.of(-0.15, 0.15, 0.3) } },
      constants: { c: constant.scalar(0) },
    },
  ]),
  ...['Sum', 'Mean'].flatMap((op): Case[] => [
    { note: 'one', nodes: [node(op, ['x'])], inputs: { x: smooth } },
    {
      note: 'three, broadcast',
      nodes: [node(op, ['a', 'b', 'c'])],
      inputs: { a: smooth, b: spread([3, 1]), c: spread([1, 4]) },
    },
  ]),
  {
    note: 'mask from the input',
    nodes: [node('Greater', ['a', 'b'], {}, ['m']), node('Where', ['m', 'a', 'b'])],
    inputs: { a: kinked(1), b: apart },
  },
  {
    note: 'constant mask, broadcast',
    nodes: [node('Where', ['m', 'a', 'b'])],
    inputs: { a: spread([2, 1, 3]), b: spread([3]) },
    constants: { m: { dtype: DType.bool, dims: [4, 1], data: Uint8Array.of(0, 1, 1, 0) } },
  },
  {
    note: 'to double and back',
    nodes: [
      node('Cast', ['x'], { to: DType.double }, ['d']),
      node('Exp', ['d'], {}, ['e']),
      node('Cast', ['e'], { to: 1 }),
    ],
    inputs: { x: smooth },
  },
  {
    note: 'like another',
    nodes: [node('CastLike', ['x', 'c'], {}, ['d']), node('Exp', ['d'], {}, ['e']), node('Cast', ['e'], { to: 1 })],
    inputs: { x: smooth },
    constants: { c: { dtype: DType.double, dims: [], data: Float64Array.of(1) } },
  },
  unary('Identity', smooth),
  unary('Dropout', smooth),
  {
    note: 'with ratio and mode',
    nodes: [node('Dropout', ['x', 'r', 't'])],
    inputs: { x: smooth },
    constants: { r: constant.scalar(0.5), t: { dtype: DType.bool, dims: [], data: Uint8Array.of(0) } },
  },
  {
    note: 'one tensor read many times',
    nodes: [
      node('Exp', ['x'], {}, ['e']),
      node('Add', ['x', 'e'], {}, ['s']),
      node('Mul', ['s', 'e'], {}, ['p']),
      node('Add', ['p', 's']),
    ],
    inputs: { x: smooth },
  },
];
