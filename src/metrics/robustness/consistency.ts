import { z } from 'zod';
import { undefinedBecause } from '../../core/contracts/index.ts';
import { defineGroupMetric } from '../../core/define.ts';
import { planar } from '../../core/tensor.ts';
import { gridMasses } from './shared/grid.ts';
import { agreementOfPeers, predictedClass } from './shared/groups.ts';

/**
 * Consistency of explanations (Dasgupta et al. 2022, definition 1): of the images whose maps are the same, the share
 * that the model gives the same class. Maps are the same here if their largest positive mass lies in the same `cells`
 * cells of a coarse grid. Peers are of other patients, from the whole data set. By chance: the share of all other
 * patients' images that have the class. Details: `maps` that have a peer, and those `withoutPeers`.
 */
export const consistency = defineGroupMetric({
  name: 'consistency',
  title: 'Consistency',
  summary: 'Whether images whose maps point to the same place are predicted to be of the same class.',
  cite: 'Dasgupta, Frost & Moshkovitz, Framework for evaluating faithfulness of local explanations, ICML 2022, arXiv:2202.00734',
  category: 'robustness',
  better: 'higher',
  range: [0, 1],
  chance: 'image',
  undefinedWhen:
    'maps have no positive value, or there is one patient, one predicted class, or no two maps point to the same place',
  criticism:
    'Depends on how maps are made coarse. Lesions of both classes may lie in one place, so that a right map need not ' +
    'reach 1. Quantus compares images of one batch only, so that the batch’s size is a parameter, and counts 0 where ' +
    'there is none to compare with.',
  criticismSource: 'Dasgupta et al. 2022, arXiv:2202.00734; the code of Quantus 0.6.0',
  needs: ['model'],
  needsClasses: 'it compares the classes predicted',
  options: z.strictObject({
    grid: z.int().min(2).max(64).default(4).describe('cells along each side of the coarse grid'),
    cells: z.int().min(1).max(16).default(1).describe('cells with the largest mass that must be the same'),
  }),
  checks: { options: { grid: 2 } },
  cost: () => ({ forward: 1, backward: 0 }),
  async collect(context) {
    const { attribution, options } = context;
    const masses = gridMasses(attribution.data, planar(attribution.shape), options.grid, v => Math.max(0, v));
    if (!masses.some(m => m > 0)) return undefinedBecause('the map has no positive value');
    const order = [...masses.keys()].sort((a, b) => masses[b]! - masses[a]! || a - b);
    const cells = order.slice(0, options.cells).sort((a, b) => a - b);
    return { cells: cells.join(' '), predicted: await predictedClass(context) };
  },
  combine: items => agreementOfPeers(items, (a, b) => a.cells === b.cells),
});
