import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRng } from '../../../src/core/rng.ts';
import { mannKendall, type Repeat, stability, UNSTABLE } from '../../../src/core/statistics/stability.ts';

const repeats = fc.array(fc.record({ group: fc.nat(2), value: fc.double({ min: 0.1, max: 100, noNaN: true }) }), {
  minLength: 1,
  maxLength: 30,
});

/** n repeats over three images that cost 1, 5 and 20. */
function series(n: number, factor: (i: number) => number): Repeat[] {
  return Array.from({ length: n }, (_, i) => ({ group: i % 3, value: [1, 5, 20][i % 3]! * factor(i) }));
}

describe('stability', () => {
  test('does not depend on the unit of time, nor on what groups cost', () => {
    fc.assert(
      fc.property(
        repeats,
        fc.array(fc.double({ min: 0.01, max: 100, noNaN: true }), { minLength: 3, maxLength: 3 }),
        (all, scale) => {
          const [a, b] = [stability(all), stability(all.map(r => ({ ...r, value: r.value * scale[r.group]! })))];
          if (a.dispersion === null) expect(b.dispersion).toBeNull();
          else expect(b.dispersion).toBeCloseTo(a.dispersion, 8);
        },
      ),
    );
  });

  test('finds no fault with equal repeats, however different the groups', () => {
    fc.assert(
      fc.property(fc.integer({ min: 7, max: 40 }), n => {
        expect(stability(series(n, () => 1))).toEqual({ dispersion: 0, trend: { change: 0, p: 1 }, reasons: [] });
      }),
    );
  });

  test('says nothing of the spread of too few repeats', () => {
    expect(stability(series(6, i => 1 + i))).toEqual({ dispersion: null, trend: null, reasons: [] });
    expect(stability([])).toMatchObject({ dispersion: null });
  });

  test('finds drift, by as much as there is', () => {
    const found = stability(series(30, i => Math.exp((0.3 * i) / 29)));
    expect(found.trend!.p).toBeLessThan(1e-3);
    expect(found.trend!.change).toBeGreaterThan(0.25);
    expect(found.trend!.change).toBeLessThan(0.45);
    expect(found.reasons.join()).toMatch(/drifts: \d+ % slower/);
    expect(stability(series(30, i => Math.exp((-0.3 * i) / 29))).reasons.join()).toMatch(/faster/);
    // Certain, but too small to matter.
    expect(stability(series(30, i => 1 + 0.001 * i)).reasons).toEqual([]);
  });

  test('finds scatter, not a single slow repeat', () => {
    const rng = createRng('scatter');
    expect(stability(series(21, () => 1 + rng.next())).reasons.join()).toMatch(/scatters/);
    expect(stability(series(21, i => (i === 11 ? 9 : 1 + 0.01 * rng.next()))).reasons).toEqual([]);
  });

  test('seldom accuses steady repeats: 3 % normal noise, nine repeats of three images', () => {
    const rng = createRng('steady');
    let accused = 0;
    for (let k = 0; k < 1000; k++)
      accused += Math.sign(stability(series(9, () => Math.exp(0.03 * rng.normal()))).reasons.length);
    expect(accused).toBeLessThan(20);
  });

  test('refuses what has no logarithm', () => {
    expect(() => stability([{ group: 0, value: 0 }])).toThrow(RangeError);
    expect(UNSTABLE.dispersion).toBeGreaterThan(0);
  });
});

describe("Mann and Kendall's test", () => {
  test('holds its level on series without a trend', () => {
    const rng = createRng('level');
    let rejected = 0;
    for (let k = 0; k < 2000; k++) {
      if (mannKendall(Array.from({ length: 12 }, () => rng.next())) < 0.01) rejected++;
    }
    expect(rejected).toBeLessThan(40);
  });

  test('is two-sided, and 1 for ties alone', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 20 }), values => {
        const p = mannKendall(values);
        expect(p).toBeGreaterThanOrEqual(0);
        expect(p).toBeLessThanOrEqual(1);
        expect(mannKendall(values.map(v => -v))).toBeCloseTo(p, 12);
        expect(mannKendall([...values].reverse())).toBeCloseTo(p, 12);
      }),
    );
    expect(mannKendall([3, 3, 3, 3])).toBe(1);
    // All 21 pairs ascend: S = 21, variance 44⅓, z = 20 / 6.658.
    expect(mannKendall([1, 2, 3, 4, 5, 6, 7])).toBeCloseTo(0.002667, 5);
  });
});
