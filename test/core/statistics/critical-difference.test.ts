import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { criticalDifference, meanRanks, undividedSets } from '../../../src/core/statistics/critical-difference.ts';

describe('a critical-difference diagram', () => {
  it('has Nemenyi’s difference, as SciPy’s studentised range gives it', () => {
    // scipy.stats.studentized_range.ppf(0.95, k, 1e9) / sqrt(2) * sqrt(k (k + 1) / 6 / n), SciPy 1.17.1
    expect(criticalDifference(4, 20)).toBeCloseTo(1.04878, 3);
    expect(criticalDifference(10, 45)).toBeCloseTo(2.01933, 3);
    expect(criticalDifference(2, 30)).toBeCloseTo(0.35784, 3);
    expect(criticalDifference(11, 45)).toBeUndefined();
  });

  it('has mean ranks in the metric’s direction, ties shared', () => {
    const table = [
      [3, 2, 1],
      [3, 3, 1],
    ];
    expect(meanRanks(table, 'higher')).toEqual([1.25, 1.75, 3]);
    expect(meanRanks(table, 'lower')).toEqual([2.75, 2.25, 1]);
  });

  it('joins the largest sets of which no two differ: as trying all sets finds them', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 7 }), fc.integer(), (k, bits) => {
        const differ = (a: number, b: number) => {
          const [low, high] = a < b ? [a, b] : [b, a];
          return ((bits >>> ((low * 7 + high) % 31)) & 1) === 1;
        };
        const all = Array.from({ length: 2 ** k }, (_, mask) =>
          Array.from({ length: k }, (_, i) => i).filter(i => (mask >> i) & 1),
        ).filter(set => set.length > 1 && set.every(a => set.every(b => a === b || !differ(a, b))));
        const largest = all.filter(
          set => !all.some(other => other.length > set.length && set.every(i => other.includes(i))),
        );
        const sorted = (sets: number[][]) => sets.map(set => set.join()).sort();
        expect(sorted(undividedSets(k, differ))).toEqual(sorted(largest));
      }),
    );
  });
});
