import { fadedMetric, saturated } from './shared/faded.ts';

/**
 * How much of what is missing to a probability of 1 is gained where the image shows through the map only,
 * max(0, pₐ − p) / (1 − p) (Zhang et al. 2024, equation 9). Details: `image` p, `faded` pₐ.
 */
export const averageGain = fadedMetric({
  name: 'average-gain',
  title: 'Average gain',
  summary:
    'Share of the missing probability that is gained where the image is seen through the map. Misleading; not ranked.',
  cite: 'Zhang et al., Opti-CAM, CVIU 2024, arXiv:2301.07002',
  better: 'higher',
  undefinedToo: ', or above 0.99',
  score: scores =>
    saturated(scores) ?? {
      value: Math.max(0, scores.faded - scores.image) / (1 - scores.image),
      details: { ...scores },
    },
});
