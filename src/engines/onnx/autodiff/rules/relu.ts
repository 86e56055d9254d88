import { read } from '../../graph/graph.ts';
import { positive } from '../pointwise.ts';
import { defineRule } from '../rule.ts';

/** y = max(x, 0): g·[y > 0]; 0 at the kink, as PyTorch. Through y, so that x need not be kept. */
export const relu = defineRule('Relu', site => [() => site.masked(positive(site.e, site.y()))]);

/** y = x for x > 0, else αx: g·(1 or α); α at the kink, as PyTorch. */
export const leakyRelu = defineRule('LeakyRelu', site => {
  const { e, g } = site;
  const alpha = read.float(site.node, 'alpha', 0.01);
  return [() => e.where(e.greater(site.x(), 0), g, e.mul(g, alpha))];
});

/** y = x for x > 0, else slope·x: g·(1 or slope), and g·min(x, 0) for the slope. */
export const pRelu = defineRule('PRelu', site => {
  const { e, g } = site;
  return [
    () => e.where(e.greater(site.x(), 0), g, e.mul(g, site.x(1))),
    () => site.reduce(e.mul(g, e.op('Min', [site.x(), 0])), 1),
  ];
});

/** y = x for x > α, else 0: g·[x > α]. */
export const thresholdedRelu = defineRule('ThresholdedRelu', site => {
  const { e, g } = site;
  const alpha = read.float(site.node, 'alpha', 1);
  return [() => e.where(e.greater(site.x(), alpha), g, 0)];
});

/** y = x + λ₀ below −λ, x − λ₀ above λ, else 0: g·[|x| > λ]. */
export const shrink = defineRule('Shrink', site => {
  const { e, g } = site;
  const lambda = read.float(site.node, 'lambd', 0.5);
  return [() => e.where(e.greater(e.abs(site.x()), lambda), g, 0)];
});
