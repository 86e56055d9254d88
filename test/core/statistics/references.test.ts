import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { pearson, spearman } from '../../../src/core/statistics/correlation.ts';
import { maxT } from '../../../src/core/statistics/max-t.ts';
import { performance } from '../../../src/core/statistics/performance.ts';
import { quantile } from '../../../src/core/statistics/quantile.ts';
import { averageRanks } from '../../../src/core/statistics/ranks.ts';
import { summarise } from '../../../src/core/statistics/summary.ts';

const golden = JSON.parse(readFileSync(new URL('../../golden/statistics.json', import.meta.url), 'utf8'));
const perImage = (values: readonly number[]) => values.map((value, i) => ({ patient: `p${i}`, value }));

describe('statistics agree with NumPy, SciPy and scikit-learn', () => {
  it('quantiles', () => {
    const { values, q, expected } = golden.quantile;
    q.forEach((at: number, i: number) => {
      expect(quantile(values, at)).toBeCloseTo(expected[i], 12);
    });
  });

  it('ranks and correlations', () => {
    const { x, y, ranks, pearson: r, spearman: rho } = golden.correlation;
    expect(averageRanks(x)).toEqual(ranks);
    expect(pearson(x, y)).toBeCloseTo(r, 12);
    expect(spearman(x, y)).toBeCloseTo(rho, 12);
  });

  it('max-T over all sign patterns', () => {
    for (const { table, t, p, p_first_pair_alone } of golden.max_t) {
      const test = maxT(table);
      expect(test.exact).toBe(true);
      test.pairs.forEach((pair, i) => {
        expect(pair.t).toBeCloseTo(t[i], 9);
        expect(pair.pSigns).toBeCloseTo(p[i], 12);
      });
      const alone = maxT(table.map((row: number[]) => row.slice(0, 2)));
      expect(alone.pairs[0]!.pSigns).toBeCloseTo(p_first_pair_alone, 12);
    }
  });

  it('max-T by random sign patterns comes near to all of them', () => {
    const { table, p } = golden.max_t[1];
    const test = maxT(table, { resamples: 2000 });
    expect(test.exact).toBe(false);
    test.pairs.forEach((pair, i) => {
      expect(Math.abs(pair.pSigns - p[i])).toBeLessThan(4 * Math.sqrt((p[i] * (1 - p[i]) + 1e-3) / 2000));
    });
  });

  it('bootstrap-t, within resampling error', () => {
    for (const { values, mean, low, high } of golden.bootstrap_t) {
      const found = summarise(perImage(values));
      expect(found.mean).toBeCloseTo(mean, 12);
      expect(found.method).toBe('bootstrap-t');
      const tolerance = 0.04 * (high - low);
      expect(Math.abs(found.low! - low)).toBeLessThan(tolerance);
      expect(Math.abs(found.high! - high)).toBeLessThan(tolerance);
    }
  });

  it('performance with two classes', () => {
    const { label, probability, ...expected } = golden.binary;
    const found = performance(
      label.map((l: number, i: number) => ({
        label: l,
        probabilities: [1 - probability[i], probability[i]],
        patient: `p${i}`,
      })),
      { resamples: 200 },
    );
    for (const key of ['accuracy', 'sensitivity', 'specificity', 'auc', 'brier'] as const) {
      expect(found[key].value, key).toBeCloseTo(expected[key], 12);
    }
    expect(found.calibration.ece).toBeCloseTo(expected.ece, 12);
    expect(found.confusion).toEqual(expected.confusion);
  });

  it('performance with four classes', () => {
    const { label, probabilities, ...expected } = golden.multiclass;
    const found = performance(
      label.map((l: number, i: number) => ({ label: l, probabilities: probabilities[i], patient: `p${i}` })),
      { resamples: 200 },
    );
    for (const key of ['accuracy', 'sensitivity', 'auc', 'brier'] as const) {
      expect(found[key].value, key).toBeCloseTo(expected[key], 12);
    }
    expect(found.confusion).toEqual(expected.confusion);
  });
});
