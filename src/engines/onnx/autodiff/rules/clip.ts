import { defineRule } from '../rule.ts';

/**
 * y = min(max(x, low), high): g strictly between the bounds, else 0. At a bound it is 0, as PyTorch's ReLU6 and
 * Hardtanh (its clamp passes the gradient there).
 */
export const clip = defineRule('Clip', site => {
  const { e, g } = site;
  return [
    () => {
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
