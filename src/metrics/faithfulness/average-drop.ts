import { isUndefined } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { FADED_CRITICISM, fadedScores } from './shared/faded.ts';

/**
 * The share of the probability that is lost where the image shows through the map only, max(0, p − pₐ) / p
 * (Chattopadhay et al. 2018, section 4.1). Details: `image` p, `faded` pₐ.
 */
export const averageDrop = defineMetric({
  name: 'average-drop',
  title: 'Average drop',
  summary:
    'Share of the probability that is lost where the image is seen through the map only. Misleading; not ranked.',
  cite: 'Chattopadhay et al., Grad-CAM++, WACV 2018, arXiv:1710.11063',
  category: 'faithfulness',
  better: 'lower',
  range: [0, 1],
  rankable: false,
  undefinedWhen: 'the probability of the class explained is under 0.01',
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
    return { value: Math.max(0, image - faded) / image, details: { image, faded } };
  },
});
