import fc from 'fast-check';
import { expect, it } from 'vitest';
import { kendallW } from '../../../src/core/statistics/concordance.ts';
import { spearman } from '../../../src/core/statistics/correlation.ts';

it('is 1 for one order, 0 for orders that cancel, and worked by hand between', () => {
  expect(
    kendallW([
      [1, 2, 3],
      [4, 5, 9],
      [0, 1, 8],
    ]),
  ).toBe(1);
  expect(
    kendallW([
      [1, 2, 3],
      [3, 2, 1],
    ]),
  ).toBe(0);
  // Rank sums 5, 6, 7 of three judges and three things: 12 · 2 / (9 · 24).
  expect(
    kendallW([
      [1, 2, 3],
      [1, 3, 2],
      [3, 1, 2],
    ]),
  ).toBeCloseTo(24 / 216, 12);
  // Ties (Siegel 1956): ranks 1.5, 1.5, 3 and 1, 2, 3. Sums 2.5, 3.5, 6; 12 · 6.5 / (4 · 24 − 2 · 6).
  expect(
    kendallW([
      [5, 5, 7],
      [1, 2, 3],
    ]),
  ).toBeCloseTo(78 / 84, 12);
  expect(
    kendallW([
      [1, 1],
      [2, 2],
    ]),
  ).toBeNull();
  expect(kendallW([[1, 2]])).toBeNull();
});

it('without ties it is a mean of Spearman’s correlations: r = (mW − 1) / (m − 1)', () => {
  const orders = fc.array(fc.shuffledSubarray([1, 2, 3, 4, 5], { minLength: 5 }), { minLength: 2, maxLength: 6 });
  fc.assert(
    fc.property(orders, judges => {
      const m = judges.length;
      const pairs = judges.flatMap((a, i) => judges.slice(i + 1).map(b => spearman(a, b)!));
      const mean = pairs.reduce((x, y) => x + y, 0) / pairs.length;
      expect(kendallW(judges)).toBeCloseTo((mean * (m - 1) + 1) / m, 10);
    }),
  );
});
