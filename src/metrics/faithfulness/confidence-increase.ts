import { undefinedBecause } from '../../core/contracts/index.ts';
import { fadedMetric } from './shared/faded.ts';

/** A probability above this is 1 but for rounding in 32 bits. */
const FULL = 1 - 1e-6;

/**
 * 1 where the probability rises when the image shows through the map only, else 0 (Chattopadhay et al. 2018, section
 * 4.1); over images, the share of them. Details: `image` p, `faded` pₐ.
 */
export const confidenceIncrease = fadedMetric({
  name: 'confidence-increase',
  title: 'Increase in confidence',
  summary: 'Whether the probability rises where the image is seen through the map only. Misleading; not ranked.',
  cite: 'Chattopadhay et al., Grad-CAM++, WACV 2018, arXiv:1710.11063',
  better: 'higher',
  undefinedToo: ', nearly 1',
  score: scores =>
    scores.image > FULL
      ? undefinedBecause('the probability of the class explained has no room to grow')
      : { value: scores.faded > scores.image ? 1 : 0, details: { ...scores } },
});
