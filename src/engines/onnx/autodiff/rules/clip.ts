import { numbersOf } from '../../graph.ts';
import { positive } from '../pointwise.ts';
import { defineRule } from '../rule.ts';

/**
 * y = min(max(x, low), high): g strictly between the bounds, else 0. At a bound it is 0, as PyTorch's ReLU6 and
 * Hardtanh (its clamp passes the gradient there).
 */
export const clip = defineRule('Clip', site => {
  const { e, g } = site;
  const bound = (i: number) => {
    const value = site.value(i);
    return value ? numbersOf(value)[0]! : undefined;
  };
  return [
    () => {
      const known = [1, 2].every(i => !site.has(i) || bound(i) !== undefined);
      if (known && site.blocked(site.x())) {
        // Through y, which is at a bound where x is at or beyond it.
        const masks = [
          ...(site.has(1) ? [positive(site, site.y(), 1, -bound(1)!)] : []),
          ...(site.has(2) ? [positive(site, site.y(), -1, bound(2)!)] : []),
        ];
        return masks.reduce((a, b) => e.mul(a, b), g);
      }
      const tests = [
        ...(site.has(1) ? [e.greater(site.x(), site.x(1))] : []),
        ...(site.has(2) ? [e.less(site.x(), site.x(2))] : []),
      ];
      return tests.length === 0
        ? g
        : e.where(
            tests.reduce((a, b) => e.and(a, b)),
            g,
            0,
          );
    },
  ];
});
