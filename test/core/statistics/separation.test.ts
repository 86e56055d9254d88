import { describe, expect, it } from 'vitest';
import { createRng } from '../../../src/core/rng.ts';
import { differencesOf } from '../../../src/core/statistics/differences.ts';
import { separate } from '../../../src/core/statistics/separation.ts';

const column = (values: readonly (number | null)[], rest: readonly (number | null)[]) =>
  values.map((v, i): (number | null)[] => [v, rest[i] ?? 0]);

describe('comparisons that are tested together', () => {
  const rng = createRng('separation');
  const noise = (n: number) => Array.from({ length: n }, () => rng.normal());

  it('are separated only if signs and bootstrap say so', () => {
    const { comparisons } = separate(differencesOf(column(noise(20), noise(20)), [[0, 1]]));
    const { p, pSigns, pBootstrap, pSkew, separated } = comparisons[0]!;
    expect(p).toBe(Math.max(pSigns, pBootstrap, pSkew));
    expect(separated).toBe(p <= 0.05);
    // One outlier among sixteen: sign flips are sure, resamples without it are not.
    const skewed = Array.from({ length: 16 }, (_, i) => (i === 0 ? 4 : 0.1 + 0.01 * i));
    const found = separate(differencesOf(column(skewed, []), [[0, 1]])).comparisons[0]!;
    expect(found.pSigns).toBeLessThan(0.001);
    expect(found.pBootstrap).toBeGreaterThan(0.05);
    expect(found.separated).toBe(false);
  });

  it('that differ in one patient alone do not hide the others', () => {
    const table = noise(24).map((v, i) => [v, v + 3 + 0.5 * rng.normal(), v + (i === 0 ? 1 : 0)]);
    const pairs: [number, number][] = [
      [0, 1],
      [0, 2],
    ];
    const [clear, sparse] = separate(differencesOf(table, pairs)).comparisons;
    expect(clear!.separated).toBe(true);
    expect(sparse!.pBootstrap).toBeGreaterThan(0.3);
    expect(sparse!.separated).toBe(false);
    // Its mean is out of sight of too many resamples for an interval.
    expect(sparse!.low).toBeNull();
    expect(clear!.high).toBeLessThan(-2);
  });

  it('without spread are as separated as can be, unless the mean is 0', () => {
    const same = new Array<number>(10).fill(0.1);
    const [apart, equal] = separate(
      differencesOf(
        same.map(v => [v, 0, v]),
        [
          [0, 1],
          [0, 2],
        ],
      ),
    ).comparisons;
    expect(apart).toMatchObject({ t: null, pSigns: 2 ** -9, pBootstrap: 1e-4, separated: true });
    expect(equal).toMatchObject({ mean: 0, t: null, p: 1, separated: false });
  });

  it('use of each comparison the patients that have both sides', () => {
    const [a, b] = [noise(30), noise(30)];
    const table = a.map((v, i) => [i < 20 ? v : null, b[i]!, v - 5]);
    const [half, all] = separate(
      differencesOf(table, [
        [0, 1],
        [1, 2],
      ]),
    ).comparisons;
    expect(half!.patients).toBe(20);
    expect(half!.mean).toBeCloseTo(a.slice(0, 20).reduce((sum, v, i) => sum + v - b[i]!, 0) / 20, 12);
    expect(all).toMatchObject({ patients: 30, separated: true });
    const none = separate(differencesOf([[null, 1]], [[0, 1]])).comparisons[0]!;
    expect(none).toMatchObject({ patients: 0, mean: 0, t: null, separated: false });
  });

  it('have intervals that hold together: the larger the family, the wider', () => {
    const table = Array.from({ length: 40 }, () => noise(5));
    const width = (pairs: [number, number][]) => {
      const { low, high } = separate(differencesOf(table, pairs)).comparisons[0]!;
      return high! - low!;
    };
    const family = [1, 2, 3, 4].map((b): [number, number] => [0, b]);
    expect(width(family)).toBeGreaterThan(1.1 * width([[0, 1]]));
  });
});
