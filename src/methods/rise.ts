import { z } from 'zod';
import { type Batch, undefinedBecause } from '../core/contracts/index.ts';
import { defineExplainer } from '../core/define.ts';
import { type SmoothMasks, smoothMasks } from '../core/perturbation/smooth-masks.ts';
import { planar, type Tensor, tensor } from '../core/tensor.ts';
import { scoreOption } from './shared/options.ts';
import { errorOfHalves, portionOf, sampleUntil, samplingPrecision } from './shared/sampling.ts';

const options = z.strictObject({
  samples: z.int().min(3).max(1_000_000).default(1000).describe('masks, at most'),
  precision: samplingPrecision,
  cells: z.int().min(1).max(256).default(8).describe('cells of a mask along each side, before it is enlarged'),
  keep: z.number().gt(0).lt(1).default(0.5).describe('probability that a cell shows the image'),
  design: z
    .enum(['orthogonal', 'independent'])
    .default('orthogonal')
    .describe('cells drawn by orthogonal designs, if keep is 0.5; or each for itself, as in the paper'),
  estimator: z
    .enum(['covariance', 'mean', 'normalised'])
    .default('covariance')
    .describe('Cov(f, M) / Var(M), Σ f M / (N keep) as in the paper, or Σ f M / Σ M as in Xplique'),
  score: scoreOption('margin'),
});

/**
 * RISE: the image is shown through random smooth masks M, the baseline where they are 0; a pixel's value is the slope of
 * the score f in M at the pixel, Cov(f, M) / Var(M). The mean of f M over N · keep (Petsiuk et al. 2018, equation 6)
 * carries the mean score everywhere, so that all maps look alike to metrics of mass; it is the preset `paper`.
 *
 * With a `precision` it stops at the first look at which the maps of the even and of the odd masks agree well enough, or
 * at which the pixels are in nearly the order of half as many masks.
 * By default the cells of different masks are not independent: 1,000 masks of orthogonal designs are about as precise as 2,000
 * independent ones, which the presets take.
 *
 * Standard errors are those of the slope, √((Var f / Var M − slope²) / (N − 2)), or those of the mean or of the ratio of
 * means that the estimator is; of orthogonal designs they are scaled to what the maps of the even and of the odd masks, which are
 * independent of each other, differ by. Undefined where the score never changes.
 */
export const rise = defineExplainer({
  name: 'rise',
  title: 'RISE',
  summary: 'How much the score rises where random smooth masks show a pixel.',
  advice: 'For any classifier, where a thousand passes are affordable; it reports how uncertain the map is.',
  cite: 'Petsiuk et al. 2018, arXiv:1806.07421',
  kind: 'regional',
  // Its masks are smooth.
  ties: 'none',
  draws: true,
  baseline: 'air',
  options,
  presets: {
    paper: {
      options: { samples: 8000, cells: 7, design: 'independent', estimator: 'mean', score: 'probability' },
      baseline: 'zero-input',
    },
    xplique: {
      options: { samples: 4000, cells: 7, design: 'independent', estimator: 'normalised', score: 'logit' },
      baseline: 'zero-input',
    },
    dianna: {
      options: { samples: 1000, design: 'independent', estimator: 'mean', score: 'probability' },
      baseline: 'zero-input',
    },
  },
  checks: { options: { samples: 60 } },
  cost: ({ samples, precision }) => ({ forward: samples, backward: 0, ...(precision !== 'exact' && { atMost: true }) }),
  spend: (passes, o) =>
    passes < 3 ? undefined : { ...o, samples: Math.min(1_000_000, Math.floor(passes)), precision: 'exact' },

  async explain({ model, image, baseline, target, options: o, rng, signal }) {
    const [height, width] = planar(model.input.spatial);
    const { cells, keep, samples: count } = o;
    const orthogonal = o.design === 'orthogonal' && keep === 0.5;
    const masks = smoothMasks({ height, width, cells, keep, count, orthogonal }, rng);
    /** From the even (0) or the odd (1) masks. */
    const half = (known: Float32Array, first: 0 | 1) =>
      estimate(masks, known, [height, width], o, { first, step: 2 }).map.data;
    const batch = shownThrough(masks, image, baseline);
    const { scores, ...reached } = await sampleUntil(
      { most: o.samples, precision: o.precision },
      (from, to) => model.score(portionOf(batch, from, to), { class: target.class, score: o.score }, { signal }),
      {
        error: known => errorOfHalves(half(known, 0), half(known, 1)),
        values: known => estimate(masks, known, [height, width], o).map.data,
      },
    );
    if (scores.every(v => v === scores[0])) return undefinedBecause('the score is the same through all masks');
    const { map, standardErrors, diagnostics } = estimate(masks, scores, [height, width], o);
    if (orthogonal) scaleTo(standardErrors.data, half(scores, 0), half(scores, 1));
    return { map, standardErrors, diagnostics: { ...diagnostics, ...reached } };
  },
});

/** M ⊙ image + (1 − M) ⊙ baseline, for each mask. */
function shownThrough(masks: SmoothMasks, image: Tensor, baseline: Tensor): Batch {
  const channels = image.shape.at(-1)!;
  const mask = new Float32Array(image.data.length / channels);
  return {
    count: masks.count,
    write(i, out) {
      masks.render(i, mask);
      for (let k = 0; k < out.length; k++) {
        const b = baseline.data[k]!;
        out[k] = b + mask[Math.floor(k / channels)]! * (image.data[k]! - b);
      }
    },
  };
}

/** Scales standard errors so that their root mean square is that of the mean of two independent halves. */
function scaleTo(errors: Float32Array, a: Float32Array, b: Float32Array): void {
  const said = errors.reduce((sum, e) => sum + e * e, 0);
  const seen = errors.reduce((sum, _, p) => sum + ((a[p]! - b[p]!) / 2) ** 2, 0);
  if (!(said > 0)) return;
  for (let p = 0; p < errors.length; p++) errors[p]! *= Math.sqrt(seen / said);
}

/** Moments of mask and score at each pixel, over masks `first`, `first` + `step`, …, then the estimator of the options. */
function estimate(
  masks: SmoothMasks,
  scores: Float32Array,
  spatial: readonly [number, number],
  { estimator, keep }: z.output<typeof options>,
  { first, step } = { first: 0, step: 1 },
) {
  const rows = Array.from({ length: Math.ceil((scores.length - first) / step) }, (_, i) => first + i * step);
  const n = rows.length;
  const mean = rows.reduce((sum, i) => sum + scores[i]! / n, 0);
  const variance = rows.reduce((sum, i) => sum + (scores[i]! - mean) ** 2 / n, 0);
  const sums = () => new Float64Array(spatial[0] * spatial[1]);
  const [size, squares, products] = [sums(), sums(), sums()];
  // With weights M², what the errors of the other two estimators take.
  const [firstOfSquares, secondOfSquares] = [sums(), sums()];
  const mask = new Float32Array(size.length);
  for (const i of rows) {
    const above = scores[i]! - mean;
    masks.render(i, mask);
    for (let p = 0; p < mask.length; p++) {
      const m = mask[p]!;
      size[p]! += m / n;
      squares[p]! += (m * m) / n;
      products[p]! += (above * m) / n;
      if (estimator === 'covariance') continue;
      firstOfSquares[p]! += (above * m * m) / n;
      secondOfSquares[p]! += (above * m) ** 2 / n;
    }
  }
  const perPixel = (value: (p: number) => number) =>
    tensor(
      spatial,
      Float32Array.from(size, (_, p) => value(p)),
    );
  const estimates = (value: (p: number) => number, errorVariance: (p: number) => number) => ({
    map: perPixel(value),
    standardErrors: perPixel(p => Math.sqrt(Math.max(0, errorVariance(p)))),
    diagnostics: { samples: n, meanScore: mean },
  });
  if (estimator === 'mean') {
    const product = (p: number) => products[p]! + mean * size[p]!;
    return estimates(
      p => product(p) / keep,
      p => {
        const square = secondOfSquares[p]! + 2 * mean * firstOfSquares[p]! + mean ** 2 * squares[p]!;
        return (square - product(p) ** 2) / ((n - 1) * keep ** 2);
      },
    );
  }
  if (estimator === 'normalised') {
    const above = (p: number) => products[p]! / size[p]!;
    return estimates(
      p => (size[p]! > 0 ? above(p) + mean : 0),
      p => {
        if (!(size[p]! > 0)) return 0;
        // Of a ratio of means, Σ M² (f − map)² / (Σ M)².
        const square = secondOfSquares[p]! - 2 * above(p) * firstOfSquares[p]! + above(p) ** 2 * squares[p]!;
        return square / ((n - 1) * size[p]! ** 2);
      },
    );
  }
  const spread = (p: number) => squares[p]! - size[p]! ** 2;
  // A pixel that no mask hides, or none shows, has no slope.
  const slope = (p: number) => (spread(p) > 1e-12 ? products[p]! / spread(p) : 0);
  return estimates(slope, p => (spread(p) > 1e-12 ? (variance / spread(p) - slope(p) ** 2) / (n - 2) : 0));
}
