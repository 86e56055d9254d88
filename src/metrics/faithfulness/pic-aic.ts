import { undefinedBecause } from '../../core/contracts/index.ts';
import { revealMetric } from './shared/revealed.ts';

/**
 * Accuracy information curve (Kapishnikov et al. 2019, section 4.1): as `pic-sic`, of which it shares the run, with
 * whether the class explained comes first in place of its probability. Over images, the share of them that do.
 */
export const picAic = revealMetric({
  name: 'pic-aic',
  title: 'Accuracy information curve',
  summary: 'Over how much of the information shown the class is right, most relevant pixels sharp, the rest blurred.',
  cite: 'Kapishnikov et al., XRAI: better attributions through regions, ICCV 2019, arXiv:1906.02825',
  undefinedWhen: 'the class explained is not the one predicted, or is predicted for the blurred image already',
  criticism:
    'Rewards maps whose pixels cost little information: smooth regions. On two classes the blurred image often has the ' +
    'class already, and half of the images then have no value.',
  criticismSource: 'the code of PAIR saliency 0.2.1; this project',
  performance(blurred, image) {
    if (!image.first) return undefinedBecause('the class explained is not the one predicted');
    if (blurred.first) return undefinedBecause('the class explained is predicted for the blurred image already');
    return { raw: ({ lead }) => lead, follow: lead => (lead >= 0 ? 1 : 0) };
  },
});
