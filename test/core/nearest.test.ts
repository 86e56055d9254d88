import { expect, it } from 'vitest';
import { distanceToNearest } from '../../src/core/statistics/nearest.ts';

it('is the distance on the sphere to the k-th nearest: the length of a point does not matter', () => {
  const bank = [
    [1, 0],
    [0, 5],
    [-3, 0],
  ];
  expect(distanceToNearest([[7, 0]], bank, 1)).toEqual([0]);
  expect(distanceToNearest([[7, 0]], bank, 2)[0]).toBeCloseTo(Math.SQRT2, 12);
  expect(distanceToNearest([[0.1, 0]], bank, 3)[0]).toBeCloseTo(2, 12);
  expect(distanceToNearest([[0, 0]], bank, 1)).toEqual([1]);
});

it('is refused with fewer images than neighbours', () => {
  expect(() => distanceToNearest([[1]], [[1], [2]], 3)).toThrow(/nearest 3 of 2 images/);
});
