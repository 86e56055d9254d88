import { numbersOf } from '../../graph/graph.ts';
import { defineRule } from '../rule.ts';

/**
 * y = aᵇ: g·b·a^(b−1) for a (0 where b = 0, and where it is infinite: a = 0 with b < 1); g·y·log a for b (0 where a = 0,
 * as PyTorch for b ≥ 0).
 */
export const pow = defineRule('Pow', site => {
  const { e, g } = site;
  const a = site.x();
  const exponent = site.value(1);
  const p = exponent?.data.length === 1 ? numbersOf(exponent)[0]! : undefined;
  const b = () => (site.dtype(site.x(1)) === e.dtype ? site.x(1) : e.cast(site.x(1)));
  const forBase = () => {
    if (p === 0) return site.zeros(site.y());
    if (p === 1) return g;
    if (p === 2) return e.mul(g, e.mul(a, 2));
    if (p === 3) return e.mul(g, e.mul(e.square(a), 3));
    const unlessZero = (slope: string) => e.where(e.equal(a, 0), 0, slope);
    if (p === 0.5) return e.mul(g, unlessZero(e.div(0.5, site.y())));
    if (p !== undefined) {
      const slope = e.mul(e.pow(a, p - 1), p);
      return e.mul(g, p < 1 ? unlessZero(slope) : slope);
    }
    const slope = e.mul(b(), e.pow(a, e.sub(b(), 1)));
    const infinite = e.and(e.equal(a, 0), e.less(b(), 1));
    return e.mul(g, e.where(infinite, 0, e.where(e.equal(b(), 0), 0, slope)));
  };
  const forExponent = () => {
    const positive = e.greater(a, 0);
    const log = e.log(e.where(positive, a, 1));
    return e.mul(g, e.mul(site.y(), log));
  };
  return [() => site.reduce(forBase(), 0), () => site.reduce(forExponent(), 1)];
});
