import { isUndefined, undefinedBecause } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { correlate, flatness, patchesOf, removedSums } from '../shared/patches.ts';
import { setsOfSizes, sizesCost, sizesOptions } from './shared/subsets.ts';

/**
 * The mean, over sizes n, of the correlation of faithfulness correlation on random sets of n patches (Ancona et al.
 * 2018, section 4). Sizes are 1 to 80 % of the patches; those at which scores or sums do not vary are left out. Details:
 * `correlation1` … `correlation80` at each per cent, and `unweighted` as for `faithfulness-correlation`, with which and
 * with `infidelity` the sets are shared.
 */
export const sensitivityN = defineMetric({
  name: 'sensitivity-n',
  title: 'Sensitivity-n',
  summary: 'Correlation of the map’s sums over random sets of patches with falls of the score, over sets of all sizes.',
  cite: 'Ancona et al., Towards better understanding of gradient-based attribution methods, ICLR 2018, arXiv:1711.06104',
  category: 'faithfulness',
  better: 'higher',
  range: [-1, 1],
  chance: 0,
  kinds: ['additive', 'regional'],
  undefinedWhen: 'removing patches changes the score by nothing, or the map gives all sets the same, at every size',
  criticism:
    'No map can be right at all sizes where patches interact, so that 1 need not be within reach (Ancona et al. 2018). ' +
    'Quantus compares the fall so far with the map of the last step alone, across images, and keeps one batch only.',
  criticismSource: 'Ancona et al. 2018, arXiv:1711.06104; the code of Quantus 0.6.0',
  needs: ['model'],
  baseline: 'air',
  options: sizesOptions,
  checks: { options: { subsets: 10, patchPixels: 4 } },
  cost: sizesCost,
  async evaluate(context) {
    const { subsets, shares } = context.options;
    const patches = patchesOf(context);
    const sizes = await setsOfSizes(context, patches, shares, subsets);
    if (isUndefined(sizes)) return sizes;
    const correlations = sizes.flatMap(({ design, drops, score, size }) => {
      const value = flatness(drops, score) ? null : correlate(removedSums(design, patches.sums), drops);
      return value === null ? [] : [[`correlation${Math.round((100 * size) / patches.count)}`, value] as const];
    });
    if (correlations.length === 0) {
      return undefinedBecause('removing patches changes the score by nothing, or the map gives all sets the same');
    }
    const value = correlations.reduce((sum, [, r]) => sum + r, 0) / correlations.length;
    return { value, details: { ...Object.fromEntries(correlations), unweighted: patches.unweighted } };
  },
});
