import { logOdds } from '../../core/predicts.ts';
import { noGain, revealMetric } from './shared/revealed.ts';

/**
 * Softmax information curve (Kapishnikov et al. 2019, section 4.1): the area under the probability, from 0 at the
 * blurred image's to 1 at the image's, over the information of the picture while its most relevant pixels are shown
 * sharp. Information is the entropy of what a lossless coder's predictor leaves (the authors take the size of a
 * compressed file). Details: `image` and `blurred`, their probabilities.
 */
export const picSic = revealMetric({
  name: 'pic-sic',
  title: 'Softmax information curve',
  summary: 'Area under the probability over the information shown, most relevant pixels sharp, the rest blurred.',
  cite: 'Kapishnikov et al., XRAI: better attributions through regions, ICCV 2019, arXiv:1906.02825',
  undefinedWhen:
    'the image’s probability is less than 0.1 above that of the blurred one, or it holds no more information',
  criticism:
    'Rewards maps whose pixels cost little information: smooth regions. In PAIR the curve is the largest value so far by ' +
    'default, images under a probability of 0.8 are left out, and 1 % of the pixels is shown at random.',
  criticismSource: 'the code of PAIR saliency 0.2.1',
  performance(blurred, image) {
    const [from, to] = [blurred.probability, image.probability];
    const share = (raw: number) => Math.min(1, Math.max(0, (1 / (1 + Math.exp(-raw)) - from) / (to - from)));
    return noGain(blurred, image) ?? { raw: ({ probability }) => logOdds(probability), follow: share };
  },
  details: (blurred, image) => ({ image: image.probability, blurred: blurred.probability }),
});
