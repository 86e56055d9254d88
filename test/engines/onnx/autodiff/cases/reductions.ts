import { constant } from '../../../../../src/engines/onnx/graph/graph.ts';
import { type Case, distinct, fixed, node, spread, type Values } from '../harness.ts';

const plain = spread([2, 3, 4]);
const positive = spread([2, 3, 4], 0.4, 1.6);
const kinked = distinct([2, 3, 4]);

/** Axes given, several, negative, left out, and the switch that makes none mean none. */
function family(op: string, x: Values): Case[] {
  const one = (
    note: string,
    axes: number[] | undefined,
    attrs: Record<string, number>,
    more: Partial<Case> = {},
  ): Case => ({
    note,
    nodes: [node(op, axes ? ['x', 'axes'] : ['x'], attrs)],
    inputs: { x },
    ...(axes ? { constants: { axes: constant.ints(axes) } } : {}),
    ...more,
  });
  return [
    one('axis 1, kept', [1], {}),
    one('axes 0 and -1, dropped', [0, -1], { keepdims: 0 }),
    one('unordered axes, dropped', [2, 1], { keepdims: 0 }),
    one('all', undefined, {}),
    one('all, dropped', undefined, { keepdims: 0 }),
    one('noop_with_empty_axes', undefined, { noop_with_empty_axes: 1 }),
    one('dynamic batch kept', [1, 2], { keepdims: 0 }, { dynamic: true }),
    one('dynamic batch reduced', [0], { keepdims: 0 }, { dynamic: true }),
  ];
}

export const reductions: readonly Case[] = [
  ...family('ReduceSum', plain),
  ...family('ReduceMean', plain),
  ...family('ReduceMax', kinked).filter(c => c.note !== 'dynamic batch reduced'),
  ...family('ReduceMin', kinked).filter(c => c.note !== 'dynamic batch reduced'),
  ...family('ReduceProd', positive),
  ...family('ReduceL1', kinked),
  ...family('ReduceL2', positive),
  ...family('ReduceLogSum', positive),
  ...family('ReduceLogSumExp', plain),
  ...family('ReduceSumSquare', plain),
  {
    note: 'with zeros among the factors',
    nodes: [node('ReduceProd', ['x', 'axes'])],
    inputs: { x: fixed([3, 3], [0, 2, 3, 0, 0, 5, 1, 2, 3]) },
    constants: { axes: constant.ints([1]) },
  },
];
