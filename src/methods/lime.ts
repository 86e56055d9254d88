import { z } from 'zod';
import { undefinedBecause } from '../core/contracts/index.ts';
import { defineExplainer } from '../core/define.ts';
import { maskedBatch, segmentMeans } from '../core/image/masked-batch.ts';
import { segmentPixels } from '../core/image/segmentation.ts';
import { weightedLasso } from '../core/linear/lasso.ts';
import { type Observations, ridgeErrors, weightedRidge } from '../core/linear/ridge.ts';
import { type Coins, orthogonalCoins } from '../core/perturbation/orthogonal-coins.ts';
import type { Rng } from '../core/rng.ts';
import { pixelDistances, segmentDistances } from './shared/distances.ts';
import { scoreOption } from './shared/options.ts';
import { errorOfHalves, portionOf, sampleUntil, samplingPrecision } from './shared/sampling.ts';
import { segmentOptions, sharedSegments } from './shared/segments.ts';
import { segmentMap, switchedBatch } from './shared/switched.ts';

const options = z.strictObject({
  samples: z.int().min(2).max(1_000_000).default(500).describe('perturbed images, at most'),
  precision: samplingPrecision,
  ...segmentOptions,
  fill: z.enum(['baseline', 'segment-mean']).default('baseline').describe('what stands where a segment is off'),
  kernelWidth: z.number().positive().default(0.25).describe('width w of the weights √exp(−d²/w²)'),
  distance: z
    .enum(['segments', 'pixels'])
    .default('segments')
    .describe('cosine distance d of the on/off vector from all ones, or of the pixels from the image'),
  regression: z
    .enum(['ridge', 'lasso'])
    .default('ridge')
    .describe('penalty of the surrogate; the lasso gives no standard errors'),
  alpha: z.number().min(0).default(1).describe('strength of the penalty; the intercept is free'),
  design: z
    .enum(['orthogonal', 'independent'])
    .default('orthogonal')
    .describe('coins in pairs of orthogonal designs, or each for itself as in the authors’ package'),
  includeOriginal: z.boolean().default(true).describe('the first sample has every segment on'),
  score: scoreOption('probability'),
});

type Options = z.output<typeof options>;

/**
 * LIME for images: segments are switched off at random (each with probability ½), and a weighted linear model of the
 * score in the on/off vectors is fitted; a pixel's value is its segment's coefficient (Ribeiro et al. 2016,
 * section 3.4; weights and ridge as in the authors' `lime` package). By default the coins of different samples are not independent:
 * 500 samples of orthogonal designs in pairs are about as precise as 1,000 independent ones, which the presets take.
 *
 * With a `precision` it stops at the first look at which the coefficients of the even and of the odd draws agree well
 * enough: half the root mean square of their difference over the standard deviation of their mean. With `{ rank }` it is
 * their rank correlation with the coefficients of half as many samples.
 *
 * Standard errors are a sandwich estimate over the draws, which are samples or pairs of them; the lasso has none.
 *
 * Diagnostics: weighted `r2` (left out where the score never changed), `segments`, `samples`, `intercept`, `relativeError` or
 * `rankCorrelation`.
 * Undefined with fewer than two segments, and where the fit has no unique solution (ridge with α = 0).
 */
export const lime = defineExplainer({
  name: 'lime',
  title: 'LIME',
  summary: 'Coefficients of a weighted linear model of the score, fitted to segments switched off at random.',
  advice:
    'For any classifier, and for comparison with the many studies that use it; say its settings, since the map depends on them.',
  cite: 'Ribeiro et al. 2016, doi:10.1145/2939672.2939778',
  kind: 'regional',
  draws: true,
  baseline: 'air',
  options,
  presets: {
    lime: { options: { segmentation: 'quickshift', fill: 'segment-mean', samples: 1000, design: 'independent' } },
    // Captum leaves the segments to its user; without them every pixel would be one.
    captum: {
      options: {
        samples: 25,
        kernelWidth: 1,
        distance: 'pixels',
        regression: 'lasso',
        alpha: 0.01,
        design: 'independent',
        includeOriginal: false,
        score: 'logit',
      },
      baseline: 'zero-input',
    },
  },
  // Quickshift needs a narrow kernel on images as small as those of the checks.
  checks: { options: { samples: 100, kernelSize: 1 } },
  cost: ({ samples, precision }) => ({ forward: samples, backward: 0, ...(precision !== 'exact' && { atMost: true }) }),
  spend: (passes, o) =>
    passes < 2 ? undefined : { ...o, samples: Math.min(1_000_000, Math.floor(passes)), precision: 'exact' },

  async explain(context) {
    const { model, image, baseline, target, options: o, rng, signal } = context;
    const segmentation = await sharedSegments(context, o);
    const { labels, count: columns } = segmentation;
    if (columns < 2) return undefinedBecause(`the image has one segment only (${o.segmentation})`);
    const segments = segmentPixels(segmentation);
    const fill = o.fill === 'baseline' ? baseline : segmentMeans(image, segments);
    const { coins: whole, draw } = drawDesign(rng, columns, o);
    const batch =
      o.fill === 'baseline'
        ? switchedBatch(context, segments, whole)
        : maskedBatch({ image, fill, segments, design: whole });
    const distances =
      o.distance === 'segments'
        ? segmentDistances(whole, columns)
        : pixelDistances({ image, fill, segments, design: whole, columns });
    const weights = distances.map(d => Math.exp(-(d * d) / (2 * o.kernelWidth ** 2)));
    const regress = o.regression === 'ridge' ? weightedRidge : weightedLasso;
    /** The samples scored; or those of the even or the odd draws. */
    const observed = (scores: ArrayLike<number>, half?: 0 | 1): Observations => {
      const wanted = (row: number) => half === undefined || draw[row]! < 0 || draw[row]! % 2 === half;
      const rows = Array.from({ length: scores.length }, (_, row) => row).filter(wanted);
      const design = new Uint8Array(rows.length * columns);
      for (const [i, row] of rows.entries()) {
        design.set(whole.subarray(row * columns, (row + 1) * columns), i * columns);
      }
      const targets = Float32Array.from(rows, row => scores[row]!);
      return { design, columns, targets, weights: rows.map(row => weights[row]!) };
    };
    const { scores, ...reached } = await sampleUntil(
      { most: o.samples, precision: o.precision },
      (from, to) => model.score(portionOf(batch, from, to), { class: target.class, score: o.score }, { signal }),
      {
        error: known => {
          const halves = ([0, 1] as const).map(half => regress(observed(known, half), o.alpha));
          if (!halves[0] || !halves[1]) return undefined;
          return errorOfHalves(halves[0].coefficients, halves[1].coefficients);
        },
        values: known => regress(observed(known), o.alpha)?.coefficients,
      },
    );
    const all = observed(scores);
    const fit = regress(all, o.alpha);
    if (!fit) return undefinedBecause('the linear model has no unique solution; raise alpha or samples');
    if (!Number.isFinite(fit.intercept)) return undefinedBecause('the model gave scores that are not finite');

    const { intercept, r2 } = fit;
    // The lasso's coefficients have no such errors: which of them are 0 depends on the draws.
    const errors = o.regression === 'ridge' ? ridgeErrors(all, o.alpha, fit, draw) : null;
    return {
      map: segmentMap(segmentation, fit.coefficients),
      ...(errors ? { standardErrors: segmentMap(segmentation, errors) } : {}),
      regions: labels,
      diagnostics: {
        ...{ segments: columns, samples: scores.length, intercept },
        ...(r2 === undefined ? {} : { r2 }),
        ...reached,
      },
    };
  },
});

/** A row of fair coins for each sample, a column for each segment; row 0 is all ones if the original is included. */
function drawDesign(rng: Rng, columns: number, { samples, design, includeOriginal }: Options): Coins {
  const first = includeOriginal ? 1 : 0;
  const drawn =
    design === 'orthogonal'
      ? orthogonalCoins(samples - first, columns, rng)
      : independentCoins(samples, columns, rng, first);
  const coins = new Uint8Array(samples * columns).fill(1, 0, first * columns);
  coins.set(drawn.coins, first * columns);
  const draw = new Int32Array(samples).fill(-1, 0, first);
  draw.set(drawn.draw, first);
  return { coins, draw };
}

/** As the authors' package draws them: the first rows are drawn too, and replaced. */
function independentCoins(rows: number, columns: number, rng: Rng, replaced: number): Coins {
  const coins = Uint8Array.from({ length: rows * columns }, () => (rng.next() < 0.5 ? 0 : 1));
  return { coins: coins.subarray(replaced * columns), draw: Int32Array.from({ length: rows - replaced }, (_, i) => i) };
}
