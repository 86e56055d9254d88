import { z } from 'zod';
import { undefinedBecause } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { trainedMaps, weightsOption, weightVariants } from './shared/trained.ts';
import { likeness, meanOf } from './shared/variants.ts';

/**
 * How like the map is to the map of a model of the same architecture that was trained on shuffled labels (Adebayo et al.
 * 2018, section 3.3): structural similarity of the magnitudes, each map as a share of its largest; mean over the models
 * given. Such a model has learned nothing of the classes. Details: `spearman` of the signed maps, `models` compared.
 */
export const labelRandomisation = defineMetric({
  name: 'label-randomisation',
  title: 'Label randomisation',
  summary: 'How like the map is to that of a model trained on shuffled labels.',
  cite: 'Adebayo et al., Sanity checks for saliency maps, NeurIPS 2018, arXiv:1810.03292',
  category: 'randomisation',
  better: 'lower',
  range: [-1, 1],
  undefinedWhen: 'there are no weights trained on shuffled labels, or the explainer has no map under them',
  criticism:
    'A model that has learned shuffled labels by heart looks at patients, not at noise, so that maps of structure may ' +
    'stay rightly. Structural similarity depends on smoothness (Hedström et al. 2024).',
  criticismSource:
    'Zhang et al. 2017, arXiv:1611.03530, on labels learned by heart; Hedström et al. 2024, arXiv:2401.06465',
  needs: ['weights'],
  options: z.strictObject({ weights: weightsOption }),
  variants: ({ weights }) => weightVariants(weights, ['shuffled-labels']),
  async evaluate({ attribution, variantMaps }) {
    const { maps, reason } = trainedMaps(variantMaps);
    const likenesses = maps.map(({ map }) => likeness(attribution, map));
    const similar = likenesses.filter(l => l.ssim !== null).map(l => l.ssim!);
    if (similar.length === 0) {
      return undefinedBecause(
        `there is no map under weights trained on shuffled labels: ${reason || 'maps are too small'}`,
      );
    }
    const ranks = likenesses.filter(l => l.spearman !== null).map(l => l.spearman!);
    return {
      value: meanOf(similar),
      details: { ...(ranks.length > 0 ? { spearman: meanOf(ranks) } : {}), models: similar.length },
    };
  },
});
