import { z } from 'zod';
import { isUndefined, undefinedBecause } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { pearson, spearman } from '../../core/statistics/correlation.ts';
import { patchOptions } from '../shared/patch-options.ts';
import { correlate, flatness, patchesOf, removedSums } from '../shared/patches.ts';
import { setsOfSizes, sizesCost } from './shared/subsets.ts';

/**
 * Over random sets of patches of one size: the correlation of the map's sum over the set with the fall of the score when
 * it is removed (Bhatt et al. 2020, section 3.2). Regional maps are weighed by their regions. Details: `patches`, `size`
 * of a set, and `unweighted`, 1 where a regional map came without its regions.
 */
export const faithfulnessCorrelation = defineMetric({
  name: 'faithfulness-correlation',
  title: 'Faithfulness correlation',
  summary: 'Correlation of what the map gives to random sets of patches with what removing them takes from the score.',
  cite: 'Bhatt, Weller & Moura, Evaluating and aggregating feature-based model explanations, IJCAI 2020, arXiv:2005.00631',
  category: 'faithfulness',
  better: 'higher',
  range: [-1, 1],
  chance: 0,
  kinds: ['additive', 'regional'],
  undefinedWhen: 'removing sets changes the score by nothing or always by the same, or the map gives all sets the same',
  criticism:
    'Sets of one size see one scale; sets far from the training distribution see the model where it was not trained. ' +
    'Quantus removes single pixels, whose sums hardly vary on an image of fifty thousand.',
  criticismSource:
    'Tomsett et al. 2020, arXiv:1912.01451; Hase et al. 2021, arXiv:2106.00786; the code of Quantus 0.6.0',
  needs: ['model'],
  baseline: 'air',
  options: z.strictObject({
    subsets: z.int().min(3).max(100_000).default(100).describe('random sets'),
    share: z.number().positive().max(0.99).default(0.1).describe('share of the patches in a set'),
    correlation: z.enum(['pearson', 'spearman']).default('pearson').describe('of values, or of ranks'),
    ...patchOptions,
  }),
  presets: {
    mufidelity: {
      options: { correlation: 'spearman', share: 0.2, subsets: 200, score: 'logit' },
      baseline: 'zero-input',
    },
  },
  checks: { options: { subsets: 20, patchPixels: 4 } },
  cost: ({ share, ...rest }, input) => sizesCost({ ...rest, shares: [share] }, input),
  async evaluate(context) {
    const { share, subsets, correlation } = context.options;
    const patches = patchesOf(context);
    const sizes = await setsOfSizes(context, patches, [share], subsets);
    if (isUndefined(sizes)) return sizes;
    const found = sizes[0]!;
    const flat = flatness(found.drops, found.score);
    if (flat) return flat;
    const value = correlate(
      removedSums(found.design, patches.sums),
      found.drops,
      correlation === 'pearson' ? pearson : spearman,
    );
    if (value === null) return undefinedBecause('the map gives all sets of patches the same');
    return { value, details: { patches: patches.count, size: found.size, unweighted: patches.unweighted } };
  },
});
