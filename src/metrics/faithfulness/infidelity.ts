import { isUndefined, undefinedBecause } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { correlate, flatness, patchesOf, removedSums } from '../shared/patches.ts';
import { type SetsOfSize, setsOfSizes, sizesCost, sizesOptions } from './shared/subsets.ts';

/**
 * The share of the score's changes that the map does not explain, 1 − max(0, ρ)²: ρ is the correlation, over the random
 * sets of patches of all sizes, of u, the map's sum over the set, with v, the fall of the score when it is removed, each
 * less its mean at that size. It is the least squared error that any positive scale of the map leaves (Yeh et al. 2019,
 * section 3, with the optimal scale; the mean at each size is free, or an even map would explain that larger sets matter
 * more). 0 for a right map, 1 for one that knows nothing, also for an inverted one, which a free scale would call right.
 *
 * Details: `raw`, the mean of (u − v)² as Yeh has it, in squared units of the score; `correlation` ρ; `unweighted` as
 * for `faithfulness-correlation`, with which and with `sensitivity-n` the sets are shared.
 */
export const infidelity = defineMetric({
  name: 'infidelity',
  title: 'Infidelity',
  summary: 'Share of the score’s changes under removal of patches that the map, in its best scale, does not explain.',
  cite: 'Yeh et al., On the (in)fidelity and sensitivity of explanations, NeurIPS 2019, arXiv:1901.09392',
  category: 'faithfulness',
  better: 'lower',
  range: [0, 1],
  chance: 1,
  kinds: ['additive', 'regional'],
  undefinedWhen: 'removing patches changes the score by nothing, or the map gives all sets the same, at every size',
  criticism:
    'Its raw form is in squared units of the score, so that explainers on other scales do not compare; with a scale of ' +
    'either sign, as in Captum, an inverted map is right. Quantus lets patches accumulate and repeats one run ten times.',
  criticismSource: 'by algebra; the code of Captum 0.9.0 and Quantus 0.6.0',
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
    const usable = sizes.filter(({ drops, score }) => !flatness(drops, score));
    if (usable.length === 0)
      return undefinedBecause('removing patches changes the score by nothing, or always the same');
    const pairs = usable.map(sets => ({ u: removedSums(sets.design, patches.sums), v: sets.drops }));
    const correlation = correlate(
      pairs.flatMap(p => centred(p.u)),
      pairs.flatMap(p => centred(p.v)),
    );
    if (correlation === null) return undefinedBecause('the map gives all sets of one size the same');
    return {
      value: 1 - Math.max(0, correlation) ** 2,
      details: { raw: rawInfidelity(sizes, patches.sums), correlation, unweighted: patches.unweighted },
    };
  },
});

function centred(values: readonly number[]): number[] {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return values.map(v => v - mean);
}

function rawInfidelity(sizes: readonly SetsOfSize[], sums: Float64Array): number {
  const squares = sizes.flatMap(({ design, drops }) => removedSums(design, sums).map((u, i) => (u - drops[i]!) ** 2));
  return squares.reduce((a, b) => a + b, 0) / squares.length;
}
