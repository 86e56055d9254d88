import type { Baseline } from '../../core/contracts/index.ts';
import { convolveSeparable, foldedGaussianKernel } from '../../core/image/blur.ts';

/**
 * RISE's insertion start (Petsiuk, Das & Saenko 2018, its published evaluation): the input correlated with an 11-tap
 * kernel of nominal σ 5, folded at its edges, and zeros around the image, in input space.
 */
export const riseBlur: Baseline = {
  name: 'rise-blur',
  title: 'RISE’s blur',
  summary: '11 × 11 kernel of nominal σ 5 pixels with zero padding, in input space, as in RISE’s insertion game.',
  space: 'input',
  family: 'smooth',
  make(image) {
    const kernel = foldedGaussianKernel(11, 5);
    return convolveSeparable(image, kernel, kernel, 'zero');
  },
};
