import type { Emitter } from '../emit.ts';
import { defineRule } from '../rule.ts';

/** y = f(x) with the derivative written in x and y: g·f'(x). */
function pointwise(operator: string, derivative: (e: Emitter, x: string, y: string) => string) {
  return defineRule(operator, ({ e, g, x, y }) => [() => e.mul(g, derivative(e, x(), y()))]);
}

const onePlusSquare = (e: Emitter, v: string) => e.add(1, e.square(v));
const oneMinusSquare = (e: Emitter, v: string) => e.sub(1, e.square(v));

export const elementary = [
  pointwise('Exp', (_e, _x, y) => y),
  // ½/y; 0 where y = 0, as PyTorch's standard deviation.
  pointwise('Sqrt', (e, _x, y) => e.where(e.greater(y, 0), e.div(0.5, y), 0)),
  pointwise('Reciprocal', (e, _x, y) => e.neg(e.square(y))),
  pointwise('Tanh', (e, _x, y) => oneMinusSquare(e, y)),
  pointwise('Abs', (e, x) => e.sign(x)),
  pointwise('Sin', (e, x) => e.op('Cos', [x])),
  pointwise('Cos', (e, x) => e.neg(e.op('Sin', [x]))),
  pointwise('Tan', (e, _x, y) => onePlusSquare(e, y)),
  pointwise('Sinh', (e, x) => e.op('Cosh', [x])),
  pointwise('Cosh', (e, x) => e.op('Sinh', [x])),
  defineRule('Log', ({ e, g, x }) => [() => e.div(g, x())]),
  defineRule('Neg', ({ e, g }) => [() => e.neg(g)]),
  defineRule('Atan', ({ e, g, x }) => [() => e.div(g, onePlusSquare(e, x()))]),
  defineRule('Asin', ({ e, g, x }) => [() => e.div(g, e.sqrt(oneMinusSquare(e, x())))]),
  defineRule('Acos', ({ e, g, x }) => [() => e.neg(e.div(g, e.sqrt(oneMinusSquare(e, x()))))]),
  defineRule('Asinh', ({ e, g, x }) => [() => e.div(g, e.sqrt(onePlusSquare(e, x())))]),
  defineRule('Acosh', ({ e, g, x }) => [() => e.div(g, e.sqrt(e.sub(e.square(x()), 1)))]),
  defineRule('Atanh', ({ e, g, x }) => [() => e.div(g, oneMinusSquare(e, x()))]),
];

/** Passed where gradients pass straight through alone: as the identity. */
export const rounding = defineRule(['Floor', 'Ceil', 'Round'], ({ g }) => [() => g]);

/** As the identity between −1 and 1, as in binarised networks (Hubara et al. 2016, arXiv:1602.02830). */
export const sign = defineRule('Sign', site => {
  const { e, g, x } = site;
  return [() => e.where(e.and(e.greater(x(), -1), e.less(x(), 1)), g, 0)];
});
