import { z } from 'zod';
import { type Batch, type ImageContext, undefinedBecause } from '../core/contracts/index.ts';
import { defineExplainer } from '../core/define.ts';
import type { Segmentation } from '../core/image/segmentation.ts';
import { SOBOL_DIMENSIONS, sobolSequence } from '../core/sampling/sobol-sequence.ts';
import { coarseGrid } from './shared/coarse-grid.ts';
import { scoreOption } from './shared/options.ts';
import { segmentMap } from './shared/switched.ts';

/**
 * Total Sobol indices: the share of the score's variance that is left when all cells of a grid but one are fixed, over
 * masks whose cells are uniform in 0 … 1 (Fel et al. 2021, equation 5), by Jansen's estimator
 * Σ (f(A) − f(A_B⁽ⁱ⁾))² / (2 N Var f). A cell's mask blends image and baseline; interactions count for each cell in them.
 *
 * Standard errors are those of independent designs, to first order: s / √N, s the standard deviation over the designs of
 * (their squared difference / 2 − index × their share of the variance) / Var f. Sobol's points make them rather too
 * large. Undefined where the score never changes.
 */
export const sobol = defineExplainer({
  name: 'sobol',
  title: 'Sobol indices',
  summary: "Each grid cell's share of the score's variance when cells fade in and out, interactions included.",
  advice:
    'For any classifier, to see how much each cell matters together with others; it does not say in which direction.',
  cite: 'Fel et al. 2021, arXiv:2111.04138',
  kind: 'regional',
  draws: true,
  baseline: 'air',
  options: z.strictObject({
    designs: z
      .int()
      .min(2)
      .max(100_000)
      .default(32)
      .describe('pairs of random masks; each costs a pass for every cell'),
    cells: z.int().min(2).max(8).default(8).describe('cells along each side of a square image'),
    score: scoreOption('margin'),
  }),
  presets: { xplique: { options: { score: 'logit' }, baseline: 'zero-input' } },
  checks: { options: { designs: 16, cells: 3 } },
  cost: ({ designs, cells }, { spatial }) => ({ forward: designs * (cellsOf(cells, spatial).count + 2), backward: 0 }),
  /** Coarser grids where there are few passes, so that there are four designs or more. */
  spend(passes, o, { spatial }) {
    for (let cells = o.cells; ; cells--) {
      const designs = Math.min(100_000, Math.floor(passes / (cellsOf(cells, spatial).count + 2)));
      if (designs >= 4 || cells === 2) return designs < 2 ? undefined : { ...o, cells, designs };
    }
  },

  async explain(context) {
    const { model, target, options: o, rng, signal } = context;
    const grid = cellsOf(o.cells, model.input.spatial);
    const d = grid.count;
    const points = sobolSequence(o.designs, 2 * d, rng);
    // Rows A, then B, then A with column i from B, for each i.
    const masks = new Float32Array(o.designs * (d + 2) * d);
    for (let block = 0; block < d + 2; block++) {
      for (let r = 0; r < o.designs; r++) {
        for (let c = 0; c < d; c++) {
          const fromB = block === 1 || block - 2 === c;
          masks[(block * o.designs + r) * d + c] = points[r * 2 * d + (fromB ? d + c : c)]!;
        }
      }
    }
    const batch = blended(context, grid, masks);
    const scores = await model.score(batch, { class: target.class, score: o.score }, { signal });
    const first = scores.subarray(0, 2 * o.designs);
    const mean = first.reduce((a, b) => a + b / first.length, 0);
    const variance = first.reduce((a, f) => a + (f - mean) ** 2 / (first.length - 1), 0);
    if (!(variance > 0)) return undefinedBecause('the score is the same through all masks');
    const indices = Float64Array.from({ length: d }, (_, c) => {
      const block = scores.subarray((c + 2) * o.designs, (c + 3) * o.designs);
      return block.reduce((sum, f, r) => sum + (scores[r]! - f) ** 2, 0) / (2 * o.designs * variance);
    });
    const errors = indices.map((index, c) => {
      const block = scores.subarray((c + 2) * o.designs, (c + 3) * o.designs);
      // What the design r adds to the numerator and, with its two scores, to the variance.
      const pulls = Float64Array.from(block, (f, r) => {
        const own = ((scores[r]! - mean) ** 2 + (scores[o.designs + r]! - mean) ** 2) / 2;
        return ((scores[r]! - f) ** 2 / 2 - index * own) / variance;
      });
      const middle = pulls.reduce((a, b) => a + b / o.designs, 0);
      return Math.sqrt(pulls.reduce((a, b) => a + (b - middle) ** 2, 0) / (o.designs * (o.designs - 1)));
    });
    return {
      map: segmentMap(grid, indices),
      standardErrors: segmentMap(grid, errors),
      regions: grid.labels,
      diagnostics: { cells: d, variance },
    };
  },
});

/** A design takes two dimensions for each cell. */
const cellsOf = (cells: number, spatial: readonly number[]) => coarseGrid(spatial, cells, SOBOL_DIMENSIONS / 2);

/** Image and baseline blended cell by cell: a cell at 1 shows the image. */
function blended({ image, baseline }: ImageContext, { labels, count }: Segmentation, masks: Float32Array): Batch {
  const channels = image.shape.at(-1)!;
  return {
    count: masks.length / count,
    write(i, out) {
      for (let k = 0; k < out.length; k++) {
        const share = masks[i * count + labels[Math.floor(k / channels)]!]!;
        out[k] = baseline.data[k]! + share * (image.data[k]! - baseline.data[k]!);
      }
    },
  };
}
