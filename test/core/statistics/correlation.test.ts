import fc from 'fast-check';
import { expect, it } from 'vitest';
import { kendall } from '../../../src/core/statistics/correlation.ts';

it('Kendall’s τ-b counts pairs, ties on either side for neither', () => {
  expect(kendall([1, 2, 3], [1, 3, 2])).toBeCloseTo(1 / 3, 12);
  expect(kendall([1, 1, 2], [1, 2, 3])).toBeCloseTo(2 / Math.sqrt(6), 12);
  // scipy.stats.kendalltau([12, 2, 1, 12, 2], [1, 4, 7, 1, 0]) of its documentation.
  expect(kendall([12, 2, 1, 12, 2], [1, 4, 7, 1, 0])).toBeCloseTo(-0.47140452079103173, 12);
  expect(kendall([1, 1], [1, 2])).toBeNull();
  expect(kendall([], [])).toBeNull();
  expect(() => kendall([1], [])).toThrow(RangeError);
});

it('is the same for any rising change of either side, and turns with its order', () => {
  const pairs = fc.array(fc.tuple(fc.integer({ min: -9, max: 9 }), fc.integer({ min: -9, max: 9 })), { maxLength: 12 });
  fc.assert(
    fc.property(pairs, list => {
      const [x, y] = [list.map(p => p[0]), list.map(p => p[1])];
      const tau = kendall(x, y);
      expect(kendall(x.map(Math.atan), y)).toEqual(tau);
      const turned = kendall(
        x.map(v => -v),
        y,
      );
      if (tau === null) expect(turned).toBeNull();
      else expect(turned).toBeCloseTo(-tau, 12);
    }),
  );
});
