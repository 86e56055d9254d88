import { z } from 'zod';
import { undefinedBecause } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { histogramEntropy } from './shared/entropy.ts';
import { meanOf, randomisedMaps, randomisedVariants, seedsOption } from './shared/variants.ts';

/**
 * Efficient parameter randomisation (Hedström et al. 2024, equation 7): (H′ − H) / H, how much the entropy of the map's
 * histogram (100 bins) rises when all weights of the model are redrawn; mean over seeds. It compares no two maps, so that
 * their smoothness does not matter. Details: `entropy` H, `randomised`, the mean of H′, and `seeds` that gave a map.
 */
export const efficientMprt = defineMetric({
  name: 'efficient-mprt',
  title: 'Efficient parameter randomisation',
  summary: 'How much the entropy of the map rises when all weights of the model are redrawn.',
  cite: 'Hedström et al., Sanity checks revisited, 2024, arXiv:2401.06465',
  category: 'randomisation',
  better: 'higher',
  range: [-1, Number.POSITIVE_INFINITY],
  chance: 0,
  undefinedWhen: 'the map’s histogram has no entropy, or there is no map under redrawn weights',
  criticism:
    'A map that is noise to begin with has no room to rise, and one that is spoiled by one outlier has. An explainer that ' +
    'ignores the model has 0, as a good one may.',
  criticismSource: 'by algebra; Hedström et al. 2024, arXiv:2401.06465',
  needs: ['weights'],
  options: z.strictObject({ seeds: seedsOption }),
  checks: { options: { seeds: 2 } },
  variants: ({ seeds }) => randomisedVariants(1, seeds),
  async evaluate({ attribution, variantMaps }) {
    const { maps, reason } = randomisedMaps(variantMaps);
    if (maps.length === 0) return undefinedBecause(`there is no map under weights that are all redrawn: ${reason}`);
    const entropy = histogramEntropy(attribution.data);
    if (entropy === 0) return undefinedBecause('the histogram of the map has no entropy');
    const randomised = meanOf(maps.map(m => histogramEntropy(m.map.data)));
    return { value: (randomised - entropy) / entropy, details: { entropy, randomised, seeds: maps.length } };
  },
});
