import type { Baseline } from '../../core/contracts/index.ts';
import { gaussianBlur } from '../../core/image/blur.ts';
import { sidesOf } from '../../core/image/sides.ts';

const SIGMA_MM = 10;

/**
 * The image blurred by a Gaussian of σ = 10 mm, in raw space, edges padded with the edge pixel (0 HU would be water).
 * Where the spacing is unknown the longer side is taken for 350 mm, so that σ is 1/35 of it.
 */
export const blur: Baseline = {
  name: 'blur',
  title: 'Blurred image',
  summary: 'Gaussian blur of σ = 10 mm (1/35 of the longer side where the spacing is unknown), padded with the edge.',
  space: 'raw',
  family: 'smooth',
  make(image, { spacing }) {
    const [rows, columns] = sidesOf(image, spacing);
    return gaussianBlur(image, [SIGMA_MM / rows, SIGMA_MM / columns], { border: 'nearest' });
  },
};
