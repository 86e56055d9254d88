import { read } from '../../graph/graph.ts';
import { defineRule } from '../rule.ts';
import type { Site } from '../site.ts';

/** y = erf(x): g·(2/√π)·e^(−x²). */
export const erf = defineRule('Erf', ({ e, g, x }) => [
  () => e.mul(g, e.mul(e.exp(e.neg(e.square(x()))), 2 / Math.sqrt(Math.PI))),
]);

/** y = x·Φ(x): g·(Φ(x) + x·φ(x)), Φ and φ the standard normal's distribution and density. */
function exact(site: Site): string {
  const { e, g } = site;
  const x = site.x();
  const phi = e.mul(e.exp(e.mul(e.square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
  const cdf = e.mul(e.add(e.op('Erf', [e.mul(x, Math.SQRT1_2)]), 1), 0.5);
  return e.mul(g, e.add(cdf, e.mul(x, phi)));
}

/** y = x(1 + t)/2, t = tanh(√(2/π)(x + 0.044715x³)): g·((1 + t)/2 + x(1 − t²)u'/2), u the tanh's argument. */
function throughTanh(site: Site): string {
  const { e, g } = site;
  const x = site.x();
  const square = e.square(x);
  const k = Math.sqrt(2 / Math.PI);
  const t = e.op('Tanh', [e.mul(x, e.add(k, e.mul(square, k * 0.044715)))]);
  const slope = e.add(k, e.mul(square, 3 * k * 0.044715));
  const tail = e.mul(e.mul(x, e.sub(1, e.square(t))), slope);
  return e.mul(g, e.mul(e.add(e.add(1, t), tail), 0.5));
}

export const gelu = defineRule('Gelu', site => [
  () => (read.string(site.node, 'approximate', 'none') === 'tanh' ? throughTanh(site) : exact(site)),
]);
