import { describe, expect, it } from 'vitest';
import { createRng } from '../../../src/core/rng.ts';
import { differencesOf } from '../../../src/core/statistics/differences.ts';
import { maxT } from '../../../src/core/statistics/max-t.ts';
import { acrossSeeds } from '../../../src/core/statistics/seeds.ts';
import { reversals } from '../../../src/core/statistics/strata.ts';
import { verdictsOf } from '../../../src/core/statistics/verdicts.ts';

const rng = createRng('verdicts');
/** A control at 0 and methods at these means. */
const family = (patients: number, means: readonly number[], spread = 0.1) =>
  differencesOf(
    Array.from({ length: patients }, () => [0, ...means.map(mean => mean + spread * rng.normal())]),
    means.map((_, i): [number, number] => [i + 1, 0]),
  );

describe('verdicts against controls', () => {
  it('speak in the metric’s direction', () => {
    const d = family(24, [0.3, -0.3, 0]);
    expect(verdictsOf(d, { better: 'higher' }).map(v => v.verdict)).toEqual(['better', 'worse', 'open']);
    expect(verdictsOf(d, { better: 'lower' }).map(v => v.verdict)).toEqual(['worse', 'better', 'open']);
  });

  it('ask for more than the smallest effect of interest, whichever way', () => {
    // Certain and of no interest: "beats them 0.00 (0.00 to 0.00)" is not said.
    const small = family(45, [0.004, -0.004], 0.002);
    expect(verdictsOf(small, { better: 'higher' }).map(v => v.verdict)).toEqual(['better', 'worse']);
    const judged = verdictsOf(small, { better: 'higher', smallest: 0.01 });
    expect(judged.map(v => v.verdict)).toEqual(['open', 'open']);
    // A certain effect of no interest is no evidence for one of interest.
    expect(judged.map(v => v.p)).toEqual([1, 1]);
    const none = verdictsOf(family(20, [0, 0], 0), { better: 'higher', smallest: 0.05 });
    for (const { mean, p, verdict } of none) {
      expect(mean).toBeCloseTo(0, 12);
      expect([p, verdict]).toEqual([1, 'open']);
    }
    // Interval and mean stay where they are.
    expect(judged[0]!.mean).toBeCloseTo(0.004, 2);
    expect(judged[0]!.low!).toBeLessThan(judged[0]!.mean);
    expect(judged[0]!.high!).toBeGreaterThan(judged[0]!.mean);
    expect(judged[0]!.high!).toBeLessThan(0.006);
    const large = family(45, [0.2, -0.2], 0.05);
    expect(verdictsOf(large, { better: 'higher', smallest: 0.1 }).map(v => v.verdict)).toEqual(['better', 'worse']);
    expect(() => verdictsOf(large, { better: 'higher', smallest: -1 })).toThrow(/at least 0/);
  });

  it('are adjusted: few families of twenty that are all open have one that is not', () => {
    let wrong = 0;
    for (let study = 0; study < 120; study++) {
      const d = family(24, new Array<number>(20).fill(0), 1);
      const judged = verdictsOf(d, { better: 'higher', resamples: 399, rng: rng.fork(study) });
      if (judged.some(v => v.verdict !== 'open')) wrong++;
    }
    expect(wrong / 120).toBeLessThanOrEqual(0.09);
  });
});

describe('strata', () => {
  const table = (patients: number, means: readonly number[]) =>
    Array.from({ length: patients }, () => means.map(mean => mean + 0.2 * rng.normal()));

  it('that turn a significant order round are found', () => {
    const all = maxT(table(24, [1, 0, 0.5]), { resamples: 999 });
    const turned = { name: 'missed', test: maxT(table(20, [0, 1, 0.5]), { resamples: 999 }) };
    const same = { name: 'recognised', test: maxT(table(20, [1, 0, 0.5]), { resamples: 999 }) };
    expect(reversals(all, [same], 'higher')).toEqual([]);
    expect(reversals(all, [same, turned], 'higher')).toEqual([
      { stratum: 'missed', ahead: 0, behind: 1 },
      { stratum: 'missed', ahead: 0, behind: 2 },
      { stratum: 'missed', ahead: 2, behind: 1 },
    ]);
    expect(reversals(all, [turned], 'lower')[0]).toEqual({ stratum: 'missed', ahead: 1, behind: 0 });
  });

  it('of too few patients to tell reverse nothing', () => {
    const all = maxT(table(24, [1, 0]), { resamples: 999 });
    expect(reversals(all, [{ name: 'few', test: maxT(table(5, [0, 1])) }], 'higher')).toEqual([]);
  });
});

describe('trainings of one architecture', () => {
  const study = (seeds: number, patients: number, ofSeed: number) => {
    const effects = Array.from({ length: patients }, () => rng.normal());
    return Array.from({ length: seeds }, () => {
      const own = ofSeed * rng.normal();
      return effects.map(effect => effect + own + 0.3 * rng.normal());
    });
  };

  it('that disagree widen the interval, however many patients', () => {
    const width = (values: number[][]) => {
      const { low, high } = acrossSeeds(values)!;
      return high - low;
    };
    expect(width(study(5, 200, 1))).toBeGreaterThan(3 * width(study(5, 200, 0)));
  });

  it('have the spread between them that an analysis of variance gives', () => {
    const values = [
      [0.61, 0.72, 0.55, 0.8],
      [0.4, 0.58, 0.47, 0.66],
      [0.7, 0.69, 0.52, 0.91],
    ];
    // statsmodels 0.15.0, anova_lm of v ~ C(training) + C(patient): sqrt((0.035358 - 0.003703) / 4)
    expect(acrossSeeds(values)!.between).toBeCloseTo(0.08896004096721677, 12);
  });

  it('cover the mean about as often as they say', () => {
    let covered = 0;
    for (let s = 0; s < 400; s++) {
      const { low, high } = acrossSeeds(study(5, 24, 0.5))!;
      if (low <= 0 && 0 <= high) covered++;
    }
    expect(covered / 400).toBeGreaterThanOrEqual(0.925);
  });

  it('need two, of the same patients', () => {
    expect(acrossSeeds([[1, 2, 3]])).toBeUndefined();
    expect(() => acrossSeeds([[1, 2], [1]])).toThrow(/training 1 has 1 patients/);
    expect(
      acrossSeeds([
        [2, 2],
        [2, 2],
      ]),
    ).toMatchObject({ mean: 2, low: 2, high: 2, p: 0 });
  });
});
