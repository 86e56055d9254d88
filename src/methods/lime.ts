import { z } from 'zod';
import { undefinedBecause } from '../core/contracts/index.ts';
import { defineExplainer } from '../core/define.ts';
import { maskedBatch, segmentMeans } from '../core/image/masked-batch.ts';
import { segmentPixels } from '../core/image/segmentation.ts';
import { weightedLasso } from '../core/linear/lasso.ts';
import { weightedRidge } from '../core/linear/ridge.ts';
import type { Rng } from '../core/rng.ts';
import { pixelDistances, segmentDistances } from './shared/distances.ts';
import { scoreOption } from './shared/options.ts';
import { segmentOptions, sharedSegments } from './shared/segments.ts';
import { segmentMap, switchedBatch } from './shared/switched.ts';

const options = z.strictObject({
  samples: z.int().min(2).max(1_000_000).default(1000).describe('perturbed images'),
  ...segmentOptions,
  fill: z.enum(['baseline', 'segment-mean']).default('baseline').describe('what stands where a segment is off'),
  kernelWidth: z.number().positive().default(0.25).describe('width w of the weights √exp(−d²/w²)'),
  distance: z
    .enum(['segments', 'pixels'])
    .default('segments')
    .describe('cosine distance d of the on/off vector from all ones, or of the pixels from the image'),
  regression: z.enum(['ridge', 'lasso']).default('ridge').describe('penalty of the surrogate'),
  alpha: z.number().min(0).default(1).describe('strength of the penalty; the intercept is free'),
  includeOriginal: z.boolean().default(true).describe('the first sample has every segment on'),
  score: scoreOption('probability'),
});

type Options = z.output<typeof options>;

/**
 * LIME for images: segments are switched off at random (each with probability ½), and a weighted linear model of the
 * score in the on/off vectors is fitted; a pixel's value is its segment's coefficient (Ribeiro et al. 2016,
 * section 3.4; weights and ridge as in the authors' `lime` package).
 *
 * Diagnostics: weighted `r2` (left out where the score never changed), `segments`, `samples`, `intercept`.
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
  baseline: 'air',
  options,
  presets: {
    lime: { options: { segmentation: 'quickshift', fill: 'segment-mean' } },
    // Captum leaves the segments to its user; without them every pixel would be one.
    captum: {
      options: {
        samples: 25,
        kernelWidth: 1,
        distance: 'pixels',
        regression: 'lasso',
        alpha: 0.01,
        includeOriginal: false,
        score: 'logit',
      },
      baseline: 'zero-input',
    },
  },
  // Quickshift needs a narrow kernel on images as small as those of the checks.
  checks: { options: { samples: 100, kernelSize: 1 } },
  cost: ({ samples }) => ({ forward: samples, backward: 0 }),
  spend: (passes, o) => (passes < 2 ? undefined : { ...o, samples: Math.min(1_000_000, Math.floor(passes)) }),

  async explain(context) {
    const { model, image, baseline, target, options: o, rng, signal } = context;
    const segmentation = await sharedSegments(context, o);
    const { labels, count: columns } = segmentation;
    if (columns < 2) return undefinedBecause(`the image has one segment only (${o.segmentation})`);
    const segments = segmentPixels(segmentation);
    const fill = o.fill === 'baseline' ? baseline : segmentMeans(image, segments);
    const design = drawDesign(rng, columns, o);
    const batch =
      o.fill === 'baseline' ? switchedBatch(context, segments, design) : maskedBatch({ image, fill, segments, design });
    const targets = await model.score(batch, { class: target.class, score: o.score }, { signal });
    const distances =
      o.distance === 'segments'
        ? segmentDistances(design, columns)
        : pixelDistances({ image, fill, segments, design, columns });
    const weights = distances.map(d => Math.exp(-(d * d) / (2 * o.kernelWidth ** 2)));
    const fit = (o.regression === 'ridge' ? weightedRidge : weightedLasso)(
      { design, columns, targets, weights },
      o.alpha,
    );
    if (!fit) return undefinedBecause('the linear model has no unique solution; raise alpha or samples');
    if (!Number.isFinite(fit.intercept)) return undefinedBecause('the model gave scores that are not finite');

    const { intercept, r2 } = fit;
    return {
      map: segmentMap(segmentation, fit.coefficients),
      regions: labels,
      diagnostics: { segments: columns, samples: o.samples, intercept, ...(r2 === undefined ? {} : { r2 }) },
    };
  },
});

/** [samples, segments] of fair coin flips; row 0 all ones if the original is included. */
function drawDesign(rng: Rng, columns: number, { samples, includeOriginal }: Options): Uint8Array {
  const design = Uint8Array.from({ length: samples * columns }, () => (rng.next() < 0.5 ? 0 : 1));
  if (includeOriginal) design.fill(1, 0, columns);
  return design;
}
