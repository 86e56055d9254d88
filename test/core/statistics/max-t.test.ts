import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRng, type Rng } from '../../../src/core/rng.ts';
import { leastPatients, maxT, rankSets } from '../../../src/core/statistics/max-t.ts';

function study(rng: Rng, patients: number, means: readonly number[]): number[][] {
  return Array.from({ length: patients }, () => {
    const effect = 2 * rng.normal();
    return means.map(mean => mean + effect + rng.normal());
  });
}

describe('max-T', () => {
  it('floors: six patients can be separated, twelve are needed for an order', () => {
    expect([0.05, 0.1, 0.01].map(leastPatients)).toEqual([6, 5, 8]);
    const clear = study(createRng(1), 6, [0, 100, 200, 300]);
    const six = maxT(clear);
    expect(six).toMatchObject({ canRank: false, exploratory: true, exact: true, patterns: 32 });
    // The two patterns of 64 in which all signs agree.
    for (const pair of six.pairs) expect(pair.pSigns).toBe(2 / 64);
    expect(maxT(clear.slice(1)).pairs.every(pair => pair.pSigns === 2 / 32 && !pair.significant)).toBe(true);
    expect(rankSets(six, 'higher')).toEqual([1, 2, 3, 4].map(() => [1, 4]));
    expect(maxT(study(createRng(1), 12, [0, 10, 20, 30]))).toMatchObject({ canRank: true, exploratory: true });
    expect(maxT(study(createRng(1), 24, [0, 10, 20, 30]))).toMatchObject({ canRank: true, exploratory: false });
  });

  it('tests all against a declared reference instead of all pairs', () => {
    const table = study(createRng(2), 24, [0, 0, 5, -5]);
    const test = maxT(table, { reference: 1, resamples: 999 });
    expect(test.pairs.map(({ a, b }) => [a, b])).toEqual([
      [1, 0],
      [1, 2],
      [1, 3],
    ]);
    expect(test.pairs.map(pair => pair.significant)).toEqual([false, true, true]);
    expect(test).toMatchObject({ reference: 1, canRank: false });
    expect(() => maxT(table, { reference: 4 })).toThrow(/reference 4/);
  });

  it('ranks clear differences, in either direction', () => {
    const test = maxT(study(createRng(3), 20, [5, 0, 5, 10]));
    expect(rankSets(test, 'higher')).toEqual([
      [2, 3],
      [4, 4],
      [2, 3],
      [1, 1],
    ]);
    expect(rankSets(test, 'lower')).toEqual([
      [2, 3],
      [1, 1],
      [2, 3],
      [4, 4],
    ]);
  });

  it('leaves patients with a missing value out, whole, and counts them', () => {
    const table: (number | null)[][] = study(createRng(4), 12, [0, 1, 2]);
    const complete = maxT(table);
    const found = maxT([...table, [1, null, 3], [null, null, null]]);
    expect(found).toMatchObject({ patients: 12, incomplete: 2 });
    expect(found.pairs).toEqual(complete.pairs);
  });

  it('methods that are the same everywhere do not differ', () => {
    const test = maxT(study(createRng(5), 12, [0]).map(([v]) => [v!, v!]));
    expect(test.pairs[0]).toMatchObject({ difference: 0, t: null, p: 1, pSigns: 1, significant: false, low: null });
  });

  it('a difference that is the same for all patients has no t but the smallest p', () => {
    const test = maxT(study(createRng(6), 10, [0]).map(([v]) => [v!, v! + 1]));
    expect(test.pairs[0]).toMatchObject({ t: null, pSigns: 2 / 2 ** 10, pBootstrap: 1e-4, significant: true });
  });

  it('does not see offsets of patients, scale, or the order of patients', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 2, max: 9 }), fc.integer({ min: 2, max: 5 }), (seed, n, k) => {
        const rng = createRng(seed);
        const table = study(rng, n, new Array<number>(k).fill(0));
        const moved = rng.shuffle(table.map(row => row.map(v => 3 * v + 100 * row[0]!)));
        const p = maxT(table, { resamples: 300 }).pairs.map(pair => pair.pSigns);
        maxT(moved, { resamples: 300 }).pairs.forEach((pair, i) => {
          expect(pair.pSigns).toBeCloseTo(p[i]!, 9);
        });
      }),
      { numRuns: 60 },
    );
  });

  it('handles nothing', () => {
    expect(maxT([])).toMatchObject({ pairs: [], patients: 0, canRank: false });
    expect(maxT([[null, 1]])).toMatchObject({ patients: 0, incomplete: 1 });
    expect(() => maxT([[1, 2], [1]])).toThrow(RangeError);
    expect(() => maxT([[1, Number.NaN]])).toThrow(RangeError);
  });

  it('family-wise error over 500 studies of six equal methods is at most .069', () => {
    const rng = createRng('family-wise error');
    let wrong = 0;
    for (let s = 0; s < 500; s++) {
      const test = maxT(study(rng, 20, [0, 0, 0, 0, 0, 0]), { resamples: 499, rng: rng.fork(s) });
      if (test.pairs.some(pair => pair.significant)) wrong++;
    }
    expect(wrong / 500).toBeLessThanOrEqual(0.069);
    expect(wrong / 500).toBeGreaterThanOrEqual(0.02);
  });

  it('rank sets hold every true rank in at least 95 % of studies, ties included', () => {
    const means = [0, 0, 0.8, 0.8, 0.8];
    const ranks = [
      [4, 5],
      [4, 5],
      [1, 2, 3],
      [1, 2, 3],
      [1, 2, 3],
    ];
    const rng = createRng('rank sets');
    let held = 0;
    for (let s = 0; s < 300; s++) {
      const sets = rankSets(maxT(study(rng, 20, means), { resamples: 499, rng: rng.fork(s) }), 'higher');
      if (sets.every(([low, high], m) => ranks[m]!.every(r => low <= r && r <= high))) held++;
    }
    expect(held / 300).toBeGreaterThanOrEqual(0.925);
  });
});
