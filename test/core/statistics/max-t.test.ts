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
  it('floors: no ranking below these numbers of patients', () => {
    const pairs = (methods: number) => (methods * (methods - 1)) / 2;
    expect([4, 6, 8, 9, 10].map(k => leastPatients(pairs(k)))).toEqual([8, 10, 11, 11, 11]);
    const clear = study(createRng(1), 7, [0, 10, 20, 30]);
    expect(maxT(clear)).toMatchObject({ floor: 8, canRank: false });
    expect(rankSets(maxT(clear), 'higher')).toEqual([1, 2, 3, 4].map(() => [1, 4]));
    expect(maxT(study(createRng(1), 8, [0, 10, 20, 30])).canRank).toBe(true);
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
    expect(test.pairs).toEqual([{ a: 0, b: 1, difference: 0, t: null, p: 1, significant: false }]);
  });

  it('a difference that is the same for all patients has no t but the smallest p', () => {
    const test = maxT(study(createRng(6), 10, [0]).map(([v]) => [v!, v! + 1]));
    expect(test.pairs[0]).toMatchObject({ t: null, p: 2 / 2 ** 10, significant: true });
  });

  it('does not see offsets of patients, scale, or the order of patients', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 2, max: 9 }), fc.integer({ min: 2, max: 5 }), (seed, n, k) => {
        const rng = createRng(seed);
        const table = study(rng, n, new Array<number>(k).fill(0));
        const moved = rng.shuffle(table.map(row => row.map(v => 3 * v + 100 * row[0]!)));
        const p = maxT(table).pairs.map(pair => pair.p);
        maxT(moved).pairs.forEach((pair, i) => {
          expect(pair.p).toBeCloseTo(p[i]!, 9);
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
      const test = maxT(study(rng, 20, [0, 0, 0, 0, 0, 0]), { permutations: 499, rng: rng.fork(s) });
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
      const sets = rankSets(maxT(study(rng, 20, means), { permutations: 499, rng: rng.fork(s) }), 'higher');
      if (sets.every(([low, high], m) => ranks[m]!.every(r => low <= r && r <= high))) held++;
    }
    expect(held / 300).toBeGreaterThanOrEqual(0.925);
  });
});
