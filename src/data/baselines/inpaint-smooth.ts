import type { Baseline } from '../../core/contracts/index.ts';
import { fillSmoothly, meanImage } from './shared/smooth-fill.ts';

/**
 * The membrane that the kept pixels span: each removed pixel is the weighted mean of its neighbours, without noise.
 * Where everything is removed: the image's mean. Raw space.
 */
export const inpaintSmooth: Baseline = {
  name: 'inpaint-smooth',
  title: 'Smooth fill',
  summary: 'A filler: removed pixels are the weighted means of their neighbours, without noise.',
  cite: 'Rong et al. 2022, arXiv:2202.00449, equation of section 4.2 without its noise',
  space: 'raw',
  family: 'smooth',
  make: image => meanImage(image),
  fill: (image, removed) => fillSmoothly(image, removed),
};
