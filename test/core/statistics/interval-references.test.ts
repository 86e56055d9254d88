import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createRng } from '../../../src/core/rng.ts';
import { aucInterval, clusteredAuc } from '../../../src/core/statistics/auc-interval.ts';
import { bootstrapMaxT } from '../../../src/core/statistics/bootstrap-max-t.ts';
import { bootstrapT } from '../../../src/core/statistics/bootstrap-t.ts';
import { detectableDifference } from '../../../src/core/statistics/detect.ts';
import { differencesOf } from '../../../src/core/statistics/differences.ts';
import {
  betaQuantile,
  incompleteBeta,
  normalQuantile,
  normalTail,
  studentQuantile,
} from '../../../src/core/statistics/distributions.ts';
import { effectiveImages, shareInterval, shareOfImages } from '../../../src/core/statistics/proportion.ts';
import { acrossSeeds, holm } from '../../../src/core/statistics/seeds.ts';
import { skewness } from '../../../src/core/statistics/skewness.ts';

const golden = JSON.parse(readFileSync(new URL('../../golden/intervals.json', import.meta.url), 'utf8'));

/** Relative to the expected value, or absolute where that is small. */
function near(found: number, expected: number, tolerance: number, least = 1e-300): void {
  expect(Math.abs(found - expected)).toBeLessThanOrEqual(tolerance * Math.max(Math.abs(expected), least));
}

describe('intervals and tests agree with NumPy, SciPy and statsmodels', () => {
  it('distributions', () => {
    const g = golden.distributions;
    g.z.forEach((z: number, i: number) => {
      near(normalTail(z), g.tail[i], 1e-12);
    });
    g.p.forEach((p: number, i: number) => {
      near(normalQuantile(p), g.normal[i], 1e-9, 1);
      g.df.forEach((df: number, j: number) => {
        near(studentQuantile(p, df), g.student[j][i], 1e-9, 1);
      });
      g.shapes.forEach(([a, b]: [number, number], j: number) => {
        near(betaQuantile(p, a, b), g.beta[j][i], 1e-9);
      });
    });
    g.shapes.forEach(([a, b]: [number, number], j: number) => {
      g.x.forEach((x: number, i: number) => {
        near(incompleteBeta(x, a, b), g.beta_cdf[j][i], 1e-11);
      });
    });
    near(studentQuantile(0.975, Number.POSITIVE_INFINITY), 1.959963984540054, 1e-12);
  });

  it('Clopper and Pearson’s interval, degenerate counts among them', () => {
    for (const { hits, patients, ends } of golden.exact_shares) {
      const share = shareOfImages(Array.from({ length: patients }, (_, i) => ({ hits: i < hits ? 1 : 0, images: 1 })))!;
      const { low, high } = shareInterval(share);
      near(low, ends[0], 1e-9);
      near(high, ends[1], 1e-9);
    }
  });

  it('the interval of a clustered share', () => {
    for (const { hits, images, value, variance, effective, low, high } of golden.clustered_shares) {
      const share = shareOfImages(hits.map((h: number, i: number) => ({ hits: h, images: images[i] })))!;
      near(share.value, value, 1e-12);
      near(share.variance, variance, 1e-10);
      near(effectiveImages(share), effective, 1e-9);
      near(shareInterval(share).low, low, 1e-9);
      near(shareInterval(share).high, high, 1e-9);
    }
  });

  it('the area under the ROC curve, its variance and its interval', () => {
    for (const { score, positive, patient, auc, variance, low, high } of golden.aucs) {
      const found = clusteredAuc(
        score.map((s: number, i: number) => ({ score: s, positive: positive[i], patient: `p${patient[i]}` })),
      )!;
      near(found.value, auc, 1e-12);
      near(found.variance, variance, 1e-10);
      near(aucInterval(found).low, low, 1e-9);
      near(aucInterval(found).high, high, 1e-9);
    }
  });

  it('bootstrap max-T, within resampling error', () => {
    for (const { table, p, p_skew, reach } of golden.bootstrap_max_t) {
      const k = table[0].length;
      const pairs = Array.from({ length: k }, (_, a) =>
        Array.from({ length: k - a - 1 }, (_, i): [number, number] => [a, a + 1 + i]),
      ).flat();
      const resamples = 20_000;
      const found = bootstrapMaxT(differencesOf(table, pairs), resamples, createRng('reference'));
      const within = (a: number, b: number) => {
        expect(Math.abs(a - b)).toBeLessThan(4 * Math.sqrt((b * (1 - b) + 1e-4) / resamples) + 1e-4);
      };
      p.forEach((expected: number, i: number) => {
        within(found.p[i]!, expected);
        within(found.pSkew[i]!, p_skew[i]);
        near(found.reach[i]!, reach, 0.03);
      });
    }
  });

  it('the bootstrap-t interval of a mean over images, within resampling error', () => {
    const { sums, images, low, high } = golden.ratio_bootstrap_t;
    const found = bootstrapT(sums.map((sum: number, i: number) => ({ sum, weight: images[i] })))!;
    expect(Math.abs(found.low - low)).toBeLessThan(0.04 * (high - low));
    expect(Math.abs(found.high - high)).toBeLessThan(0.04 * (high - low));
  });

  it('skewness', () => {
    near(skewness(golden.skewness.values), golden.skewness.expected, 1e-12);
  });

  it('the level of trainings, and Holm’s adjustment', () => {
    for (const { values, ...expected } of golden.seeds) {
      const found = acrossSeeds(values)!;
      for (const key of ['mean', 'df', 'p', 'low', 'high'] as const) near(found[key], expected[key], 1e-8);
    }
    holm(golden.holm.p).forEach((p, i) => {
      near(p, golden.holm.expected[i], 1e-12);
    });
  });

  it('detectable differences come near to those of the non-central t', () => {
    for (const { patients, pairs, effect } of golden.detectable) {
      near(detectableDifference(1, patients, { pairs }), effect, 0.02);
    }
    // Six methods, 45 patients.
    expect(detectableDifference(1, 45, { pairs: 15 })).toBeCloseTo(0.59, 2);
  });
});
