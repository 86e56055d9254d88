import { isUndefined } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { FADED_CRITICISM, fadedScores, saturated } from './shared/faded.ts';

/**
 * How much of what is missing to a probability of 1 is gained where the image shows through the map only,
 * max(0, pₐ − p) / (1 − p) (Zhang et al. 2024, equation 9). Details: `image` p, `faded` pₐ.
 */
export const averageGain = defineMetric({
  name: 'average-gain',
  title: 'Average gain',
  summary:
    'Share of the missing probability that is gained where the image is seen through the map. Misleading; not ranked.',
  cite: 'Zhang et al., Opti-CAM, CVIU 2024, arXiv:2301.07002',
  category: 'faithfulness',
  better: 'higher',
  range: [0, 1],
  rankable: false,
  undefinedWhen: 'the probability of the class explained is under 0.01, or above 0.99',
  criticism: FADED_CRITICISM,
  criticismSource: 'Poppi et al. 2021, arXiv:2104.10252; the code of torch-cam 0.5.0 and pytorch-grad-cam 1.5.7',
  needs: ['model'],
  baseline: 'air',
  checks: {
    skip: { 'prefers a right map to random ones': 'a random map shows half of every pixel, and may do as well' },
  },
  cost: () => ({ forward: 2, backward: 0 }),
  async evaluate(context) {
    const scores = await fadedScores(context);
    if (isUndefined(scores)) return scores;
    const { image, faded } = scores;
    return saturated(scores) ?? { value: Math.max(0, faded - image) / (1 - image), details: { image, faded } };
  },
});
