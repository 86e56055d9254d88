import { expect, it } from 'vitest';
import { ordinalAlpha } from '../../../src/core/statistics/krippendorff.ts';

const byItem = (readers: readonly (readonly (number | null)[])[]) =>
  readers[0]!.map((_, i) => readers.flatMap(ratings => ratings[i] ?? []));

it('Krippendorff’s α for ordinal ratings is that of the Python package krippendorff 0.9.0', () => {
  // Krippendorff's own example of four readers with gaps.
  const four = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, null, null, null],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, null, 3],
    [null, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, null],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, null],
  ];
  expect(ordinalAlpha(byItem(four))).toBeCloseTo(0.8153875037548814, 12);
  const two = [
    [1, 2, 3, 4, 5, 5, 1, 3],
    [2, 2, 4, 4, 4, 5, 1, 2],
  ];
  expect(ordinalAlpha(byItem(two))).toBeCloseTo(0.8775921658986175, 12);
});

it('is 1 where all agree, and nothing where it cannot be known', () => {
  expect(
    ordinalAlpha([
      [1, 1],
      [3, 3],
      [5, 5, 5],
    ]),
  ).toBe(1);
  expect(
    ordinalAlpha([
      [2, 2],
      [2, 2],
    ]),
  ).toBeUndefined();
  expect(ordinalAlpha([[1], [2], [1, 2]])).toBeUndefined();
});
