import { read } from '../../graph/graph.ts';
import { complement, positive } from '../pointwise.ts';
import { defineRule } from '../rule.ts';

/** y = σ(x): g·y(1 − y). */
export const sigmoid = defineRule('Sigmoid', site => {
  const { e, g } = site;
  return [() => e.mul(g, e.mul(site.y(), complement(e, site.y())))];
});

/** y = clip(αx + β, 0, 1): g·α strictly between, else 0. */
export const hardSigmoid = defineRule('HardSigmoid', site => {
  const { e } = site;
  const alpha = read.float(site.node, 'alpha', 0.2);
  const inside = () => e.mul(positive(e, site.y()), positive(e, site.y(), -1, 1));
  return [() => e.mul(site.masked(inside()), alpha)];
});

/** y = x·clip(x/6 + 1/2, 0, 1): g·(0 up to −3, 1 from 3 on, x/3 + 1/2 between). */
export const hardSwish = defineRule('HardSwish', site => {
  const { e, g } = site;
  return [
    () => {
      const slope = e.add(e.mul(site.x(), 1 / 3), 0.5);
      const low = e.greater(site.x(), -3);
      const high = e.less(site.x(), 3);
      return e.mul(g, e.where(high, e.where(low, slope, 0), 1));
    },
  ];
});
