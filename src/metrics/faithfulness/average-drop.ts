import { fadedMetric } from './shared/faded.ts';

/**
 * The share of the probability that is lost where the image shows through the map only, max(0, p − pₐ) / p
 * (Chattopadhay et al. 2018, section 4.1). Details: `image` p, `faded` pₐ.
 */
export const averageDrop = fadedMetric({
  name: 'average-drop',
  title: 'Average drop',
  summary:
    'Share of the probability that is lost where the image is seen through the map only. Misleading; not ranked.',
  cite: 'Chattopadhay et al., Grad-CAM++, WACV 2018, arXiv:1710.11063',
  better: 'lower',
  score: ({ image, faded }) => ({ value: Math.max(0, image - faded) / image, details: { image, faded } }),
});
