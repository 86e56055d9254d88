import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRng } from '../../../src/core/rng.ts';
import { calibration } from '../../../src/core/statistics/calibration.ts';
import { type ClassifiedImage, performance } from '../../../src/core/statistics/performance.ts';
import { auc, rocOrder } from '../../../src/core/statistics/roc.ts';

const image = (label: number, p: number, patient: string): ClassifiedImage => ({
  label,
  probabilities: [1 - p, p],
  patient,
});

describe('AUC', () => {
  it('counts ties half, by hand', () => {
    // Positives .8 .5, negatives .5 .2: wins 1 + 1 + ½ + 1 of 4.
    expect(auc(rocOrder([0.8, 0.5, 0.5, 0.2], [true, true, false, false]))).toBe(0.875);
    expect(auc(rocOrder([1, 1, 1], [true, false, true]))).toBe(0.5);
    expect(auc(rocOrder([0.3, 0.4], [true, true]))).toBeNull();
  });

  it('is the share of pairs won, and its mirror when scores or labels turn round', () => {
    const pairs = fc.array(fc.tuple(fc.integer({ min: 0, max: 6 }), fc.boolean()), { minLength: 2, maxLength: 25 });
    fc.assert(
      fc.property(pairs, rows => {
        const scores = rows.map(r => r[0]);
        const positive = rows.map(r => r[1]);
        const [pos, neg] = [rows.filter(r => r[1]), rows.filter(r => !r[1])];
        fc.pre(pos.length > 0 && neg.length > 0);
        const wins = pos.flatMap(p => neg.map((n): number => (p[0] > n[0] ? 1 : p[0] === n[0] ? 0.5 : 0)));
        const expected = wins.reduce((a, b) => a + b, 0) / wins.length;
        expect(auc(rocOrder(scores, positive))).toBeCloseTo(expected, 12);
        const turned = rocOrder(
          scores.map(s => -s),
          positive,
        );
        expect(auc(turned)).toBeCloseTo(1 - expected, 12);
      }),
    );
  });

  it('weights are copies', () => {
    const weighted = auc(rocOrder([1, 2, 2, 3], [false, true, false, true]), [2, 1, 0, 3]);
    const copied = auc(rocOrder([1, 1, 2, 3, 3, 3], [false, false, true, true, true, true]));
    expect(weighted).toBe(copied);
  });
});

describe('calibration', () => {
  it('bins by hand', () => {
    const { bins, ece } = calibration([0.1, 0.2, 0.9, 1], [false, true, true, true], 2);
    expect(bins).toEqual([
      { low: 0, high: 0.5, images: 2, predicted: expect.closeTo(0.15), observed: 0.5 },
      { low: 0.5, high: 1, images: 2, predicted: 0.95, observed: 1 },
    ]);
    expect(ece).toBeCloseTo((2 * 0.35 + 2 * 0.05) / 4);
    expect(calibration([0.3], [true], 4).bins[3]).toMatchObject({ images: 0, predicted: null, observed: null });
  });
});

describe('performance', () => {
  const rows = [
    image(1, 0.9, 'a'),
    image(1, 0.6, 'a'),
    image(1, 0.3, 'b'),
    image(0, 0.2, 'c'),
    image(0, 0.7, 'd'),
    image(0, 0.1, 'e'),
    image(0, 0.1, 'f'),
  ];

  it('by hand', () => {
    const found = performance(rows, { resamples: 400 });
    expect(found).toMatchObject({
      images: 7,
      patients: 6,
      positive: 1,
      confusion: [
        [3, 1],
        [1, 2],
      ],
    });
    expect(found.accuracy.value).toBeCloseTo(5 / 7);
    expect(found.sensitivity.value).toBeCloseTo(2 / 3);
    expect(found.specificity.value).toBeCloseTo(3 / 4);
    expect(found.auc.value).toBeCloseTo(10 / 12);
    expect(found.interval).toMatch(/^95 %, patients as units: Clopper and Pearson/);
  });

  it('the other class as positive swaps sensitivity and specificity', () => {
    const found = performance(rows, { positive: 0, resamples: 50 });
    expect(found.sensitivity.value).toBeCloseTo(3 / 4);
    expect(found.specificity.value).toBeCloseTo(2 / 3);
    expect(found.auc.value).toBeCloseTo(10 / 12);
  });

  it('gives every share and area an interval, whatever the counts', () => {
    const all = (hit: boolean) =>
      performance(
        Array.from({ length: 12 }, (_, i) => image(i % 2, (i % 2 === 0) === hit ? 0.1 + i / 100 : 0.9, `p${i}`)),
      );
    const [best, worst] = [all(true), all(false)];
    // 12 of 12: .735 to 1; areas of 1 and 0 mirror each other.
    expect(best.accuracy).toEqual({ value: 1, low: expect.closeTo(0.7353515, 6), high: 1 });
    expect(best.sensitivity.low).toBeCloseTo(0.025 ** (1 / 6), 9);
    expect(best.auc).toMatchObject({ value: 1, high: 1 });
    expect(best.auc.low).toBeGreaterThan(0.55);
    expect(best.auc.low).toBeLessThan(0.75);
    expect(worst.auc).toEqual({ value: 0, low: 0, high: expect.closeTo(1 - best.auc.low!, 9) });
    for (const { accuracy, sensitivity, specificity, auc: area } of [performance(rows.slice(0, 5)), best, worst]) {
      for (const { value, low, high } of [accuracy, sensitivity, specificity, area]) {
        expect(low).toBeLessThanOrEqual(value!);
        expect(high).toBeGreaterThanOrEqual(value!);
        expect(high! - low!).toBeGreaterThan(0.1);
      }
    }
    expect(performance([image(0, 0.2, 'a'), image(0, 0.3, 'b')]).auc).toEqual({ value: null, low: null, high: null });
    expect(performance(rows.slice(0, 5)).brier).toMatchObject({ low: null, high: null });
  });

  it('intervals of means over classes hold the figure, and shrink with patients', () => {
    const rng = createRng('classes');
    const many = (patients: number) =>
      performance(
        Array.from({ length: 2 * patients }, (_, i) => {
          const z = [0, 1, 2].map(c => rng.normal() + (c === (i >> 1) % 3 ? 1 : 0));
          const sum = z.reduce((total, v) => total + Math.exp(v), 0);
          return { label: (i >> 1) % 3, probabilities: z.map(v => Math.exp(v) / sum), patient: `p${i >> 1}` };
        }),
      );
    const [few, more] = [many(15), many(150)];
    for (const key of ['sensitivity', 'specificity', 'auc', 'brier'] as const) {
      const width = ({ low, high }: { low: number | null; high: number | null }) => high! - low!;
      expect(few[key].low!, key).toBeLessThan(few[key].value!);
      expect(few[key].high!, key).toBeGreaterThan(few[key].value!);
      expect(width(more[key]), key).toBeLessThan(0.5 * width(few[key]));
    }
  });

  it('copies of a patient’s images widen the interval: they are no new patients', () => {
    const rng = createRng('clusters');
    const patients = Array.from({ length: 20 }, (_, p) => image(p % 2, 0.5 + 0.35 * rng.normal() * 0.5, `p${p}`)).map(
      row => ({ ...row, probabilities: row.probabilities.map(p => Math.min(1, Math.max(0, p))) }),
    );
    const width = (list: readonly ClassifiedImage[]): number => {
      const { low, high } = performance(list, { resamples: 500 }).auc;
      return high! - low!;
    };
    const copied = patients.flatMap(row => [row, row, row, row]);
    const falselyMany = copied.map((row, i) => ({ ...row, patient: `q${i}` }));
    expect(width(copied)).toBeCloseTo(width(patients), 1);
    expect(width(falselyMany)).toBeLessThan(0.7 * width(copied));
  });

  it('refuses what can’t be', () => {
    expect(() => performance([])).toThrow(RangeError);
    expect(() => performance([{ label: 2, probabilities: [0.5, 0.5], patient: 'a' }])).toThrow(/label 2/);
    expect(() => performance([{ label: 0, probabilities: [Number.NaN, 0.5], patient: 'a' }])).toThrow(/image 0/);
  });
});
