import { z } from 'zod';
import { undefinedBecause } from '../../core/contracts/index.ts';
import { defineGroupMetric } from '../../core/define.ts';
import { pearson } from '../../core/statistics/correlation.ts';
import { planar } from '../../core/tensor.ts';
import { gridMasses } from './shared/grid.ts';
import { agreementOfPeers, predictedClass } from './shared/groups.ts';

/**
 * Sufficiency of explanations (Dasgupta et al. 2022, definition 2): of the images whose maps are near, the share that
 * the model gives the same class. Maps are near here if they correlate by at least `nearness` on a coarse grid. Peers
 * are of other patients, from the whole data set. By chance: the share of all other patients' images that have the
 * class. Details: `maps` that have a peer, and those `withoutPeers`.
 */
export const sufficiency = defineGroupMetric({
  name: 'sufficiency',
  title: 'Sufficiency',
  summary: 'Whether images whose maps look alike are predicted to be of the same class.',
  cite: 'Dasgupta, Frost & Moshkovitz, Framework for evaluating faithfulness of local explanations, ICML 2022, arXiv:2202.00734',
  category: 'robustness',
  better: 'higher',
  range: [0, 1],
  chance: 'image',
  undefinedWhen: 'there is one patient, one predicted class, or no two maps look alike',
  criticism:
    'Depends on how near is near. Lesions of both classes may look alike, so that a right map need not reach 1. Quantus ' +
    'compares images of one batch only, and counts 0 where there is none to compare with.',
  criticismSource: 'Dasgupta et al. 2022, arXiv:2202.00734; the code of Quantus 0.6.0',
  needs: ['model'],
  needsClasses: 'it compares the classes predicted',
  options: z.strictObject({
    grid: z.int().min(2).max(32).default(8).describe('cells along each side of the coarse grid'),
    nearness: z.number().min(-1).max(1).default(0.8).describe('correlation from which maps count as alike'),
  }),
  checks: { options: { nearness: 0 } },
  cost: () => ({ forward: 1, backward: 0 }),
  async collect(context) {
    const { attribution, options } = context;
    const cells = [...gridMasses(attribution.data, planar(attribution.shape), options.grid)];
    const largest = Math.max(...cells.map(Math.abs));
    if (!(largest > 0) || new Set(cells).size < 2) return undefinedBecause('the map is even on the coarse grid');
    const rounded = cells.map(v => Math.round((v / largest) * 1e4) / 1e4);
    return { cells: rounded, predicted: await predictedClass(context) };
  },
  combine: (items, { nearness }) =>
    agreementOfPeers(items, (a, b) => (pearson(a.cells, b.cells) ?? Number.NEGATIVE_INFINITY) >= nearness),
});
