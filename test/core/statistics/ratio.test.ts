import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRng } from '../../../src/core/rng.ts';
import { ratioOf } from '../../../src/core/statistics/ratio.ts';
import type { Repeat } from '../../../src/core/statistics/stability.ts';

const noisy = (label: string, n: number, factor = 1, noise = 0.03): Repeat[] => {
  const rng = createRng(label);
  return Array.from({ length: n }, (_, i) => ({
    group: i % 3,
    value: factor * [1, 7, 30][i % 3]! * Math.exp(noise * rng.normal()),
  }));
};

describe('the ratio of two measurements', () => {
  test('is the factor between them, whatever groups cost', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.1, max: 10, noNaN: true }), factor => {
        const before = noisy('same', 9);
        const after = before.map(r => ({ ...r, value: r.value * factor }));
        const found = ratioOf(before, after, { rng: createRng(1), resamples: 99 })!;
        expect(found.ratio).toBeCloseTo(factor, 6);
        expect(found.low!).toBeLessThanOrEqual(factor * (1 + 1e-9));
        expect(found.high!).toBeGreaterThanOrEqual(factor * (1 - 1e-9));
        expect(found.n).toEqual([9, 9]);
      }),
    );
  });

  test('covers it about as often as it says, with nine repeats of three images', () => {
    let covered = 0;
    const studies = 300;
    for (let k = 0; k < studies; k++) {
      const found = ratioOf(noisy(`a${k}`, 9), noisy(`b${k}`, 9, 1.2), { rng: createRng(k), resamples: 299 })!;
      if (found.low! <= 1.2 && found.high! >= 1.2) covered++;
    }
    expect(covered / studies).toBeGreaterThan(0.9);
  });

  test('has no interval from few repeats, and is none without common groups', () => {
    expect(ratioOf(noisy('a', 5), noisy('b', 5), { rng: createRng(1) })).toMatchObject({ low: null, high: null });
    const other = noisy('b', 9).map(r => ({ ...r, group: `other ${r.group}` }));
    expect(ratioOf(noisy('a', 9), other, { rng: createRng(1) })).toBeUndefined();
    expect(() => ratioOf([{ group: 0, value: -1 }], noisy('a', 9), { rng: createRng(1) })).toThrow(RangeError);
  });
});
