import type { Baseline } from '../../core/contracts/index.ts';
import { tensor } from '../../core/tensor.ts';

/** Uniform noise over the card's window, each pixel and channel by itself (as Samek et al. 2017 fill). Raw space. */
export const noise: Baseline = {
  name: 'noise',
  title: 'Uniform noise',
  summary: "Uniform noise over the card's window, pixel by pixel; the same for all models and explainers of an image.",
  cite: 'Samek et al. 2017, arXiv:1509.06321',
  space: 'raw',
  family: 'noise',
  make(image, { card, rng }) {
    const [low, high] = card.intensity.window;
    const draws = rng.fork('uniform');
    return tensor(
      image.shape,
      Float32Array.from(image.data, () => low + (high - low) * draws.next()),
    );
  },
};
