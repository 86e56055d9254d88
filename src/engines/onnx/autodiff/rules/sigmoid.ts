import { attr, read } from '../../graph.ts';
import type { Emitter } from '../emit.ts';
import { complement, positive } from '../pointwise.ts';
import { defineRule } from '../rule.ts';

/** y = σ(x): g·y(1 − y). */
export const sigmoid = defineRule('Sigmoid', site => {
  const { e, g } = site;
  return [() => e.mul(g, e.mul(site.y(), complement(e, site.y())))];
});

/** 1 where 0 < y < 1, else 0. */
function inside(e: Emitter, y: string): string {
  return e.mul(positive(e, y), positive(e, y, -1, 1));
}

/** y = clip(αx + β, 0, 1): g·α strictly between, else 0. */
export const hardSigmoid = defineRule('HardSigmoid', site => {
  const { e, g } = site;
  const alpha = read.float(site.node, 'alpha', 0.2);
  return [() => e.mul(e.mul(g, inside(e, site.y())), alpha)];
});

/** y = x·r with r = clip(x/6 + 1/2, 0, 1): g·(r + x/6 strictly between, else r); 0 at −3 and 1 at 3, as PyTorch. */
export const hardSwish = defineRule('HardSwish', site => {
  const { e, g } = site;
  return [
    () => {
      const r = e.op('HardSigmoid', [site.x()], { alpha: attr.float(1 / 6), beta: attr.float(0.5) });
      return e.mul(g, e.add(r, e.mul(e.mul(site.x(), inside(e, r)), 1 / 6)));
    },
  ];
});
