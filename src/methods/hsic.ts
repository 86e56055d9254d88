import { z } from 'zod';
import { undefinedBecause } from '../core/contracts/index.ts';
import { defineExplainer } from '../core/define.ts';
import { segmentPixels } from '../core/image/segmentation.ts';
import { SOBOL_DIMENSIONS, sobolSequence } from '../core/sampling/sobol-sequence.ts';
import { quantile } from '../core/statistics/quantile.ts';
import { coarseGrid } from './shared/coarse-grid.ts';
import { scoreOption } from './shared/options.ts';
import { portionOf, relativeError, sampleUntil, samplingPrecision } from './shared/sampling.ts';
import { segmentMap, switchedBatch } from './shared/switched.ts';

/**
 * HSIC: how far the score depends on whether a cell of a grid is shown, as the Hilbert–Schmidt independence criterion
 * tr(K H L H) / n² (Novello et al. 2022, section 3). K is the cell's kernel ½ − Δ², L a Gaussian of the score, its width
 * the median of |f_i − f_j|. (Xplique takes the median of the scores themselves, so that its map changes with the
 * logits' offset.) Which cells are shown are the halves of Sobol's sequence, shifted at random.
 *
 * Standard errors are those of independent points, to first order: 2 s / √n, s the standard deviation over the points of
 * the mean of the doubly centred K · L with all others. Sobol's points make them too large rather than too small. With a
 * `precision` it stops at the first look at which they are small enough, or at which the cells are in nearly the order of
 * half as many points. Undefined where the score never changes.
 */
export const hsic = defineExplainer({
  name: 'hsic',
  title: 'HSIC',
  summary: 'How far the score depends on whether each cell of a grid is shown, of whatever form.',
  advice: 'For any classifier, to see which cells the score depends on at all; it does not say in which direction.',
  cite: 'Novello et al. 2022, arXiv:2206.06219',
  kind: 'regional',
  draws: true,
  baseline: 'air',
  stream: 'sobol',
  options: z.strictObject({
    samples: z.int().min(4).max(10_000).default(500).describe('perturbed images, at most'),
    precision: samplingPrecision,
    cells: z.int().min(2).max(11).default(8).describe('cells along each side of a square image'),
    score: scoreOption('margin'),
  }),
  presets: { xplique: { options: { score: 'logit' }, baseline: 'zero-input' } },
  checks: { options: { samples: 50, cells: 4 } },
  cost: ({ samples, precision }) => ({ forward: samples, backward: 0, ...(precision !== 'exact' && { atMost: true }) }),
  spend: (passes, o) =>
    passes < 4 ? undefined : { ...o, samples: Math.min(10_000, Math.floor(passes)), precision: 'exact' },

  async explain(context) {
    const { model, target, options: o, rng, signal } = context;
    const grid = coarseGrid(model.input.spatial, o.cells, SOBOL_DIMENSIONS);
    const points = sobolSequence(o.samples, grid.count, rng);
    const design = Uint8Array.from(points, v => (v < 0.5 ? 0 : 1));
    const batch = switchedBatch(context, segmentPixels(grid), design);
    const { scores, ...reached } = await sampleUntil(
      { most: o.samples, precision: o.precision },
      (from, to) => model.score(portionOf(batch, from, to), { class: target.class, score: o.score }, { signal }),
      {
        error: known => {
          const found = binaryHsic(design, grid.count, known);
          return found && relativeError(found.standardErrors, found.values);
        },
        values: known => binaryHsic(design, grid.count, known)?.values,
      },
    );
    const dependence = binaryHsic(design, grid.count, scores);
    if (!dependence) return undefinedBecause('the score is the same whatever is shown');
    return {
      map: segmentMap(grid, dependence.values),
      standardErrors: segmentMap(grid, dependence.standardErrors),
      regions: grid.labels,
      diagnostics: { cells: grid.count, samples: scores.length, ...reached },
    };
  },
});

/** HSIC of each column of a design of 0 and 1 with the scores, with standard errors. */
export interface BinaryHsic {
  readonly values: Float64Array;
  readonly standardErrors: Float64Array;
}

/** HSIC of the columns with the scores of the design's first rows; undefined where all scores are the same. */
export function binaryHsic(design: Uint8Array, columns: number, scores: ArrayLike<number>): BinaryHsic | undefined {
  const n = scores.length;
  const distances: number[] = [];
  for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) distances.push(Math.abs(scores[i]! - scores[j]!));
  const apart = distances.filter(d => d > 0);
  if (apart.length === 0) return undefined;
  // Where most scores are equal, the median of the distances between those that are not.
  const width = quantile(distances, 0.5) || quantile(apart, 0.5);
  const kernel = (i: number, j: number) => Math.exp(-((scores[i]! - scores[j]!) ** 2) / (2 * width ** 2));
  // ½ − Δ² is ½ s sᵀ with s = ±1, and H centres it: tr(K H L H) = ½ uᵀ (H L H) u with u = s − mean s.
  const centred = Array.from({ length: columns }, (_, c) => {
    const sign = Float64Array.from({ length: n }, (_, i) => 2 * design[i * columns + c]! - 1);
    const mean = sign.reduce((a, b) => a + b / n, 0);
    return sign.map(s => s - mean);
  });
  const l = new Float64Array(n * n);
  const rowMean = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      l[i * n + j] = j < i ? l[j * n + i]! : kernel(i, j);
      rowMean[i]! += l[i * n + j]! / n;
    }
  }
  const [values, standardErrors] = [new Float64Array(columns), new Float64Array(columns)];
  for (const [c, u] of centred.entries()) {
    const level = u.reduce((sum, v, j) => sum + v * rowMean[j]!, 0);
    let [sum, squares] = [0, 0];
    for (let i = 0; i < n; i++) {
      // Row i of H L H times u; u sums to 0.
      let product = -level;
      for (let j = 0; j < n; j++) product += l[i * n + j]! * u[j]!;
      const own = (u[i]! * product) / (2 * n);
      sum += own;
      squares += own * own;
    }
    values[c] = Math.max(0, sum / n);
    standardErrors[c] = 2 * Math.sqrt(Math.max(0, squares / n - (sum / n) ** 2) / n);
  }
  return { values, standardErrors };
}
