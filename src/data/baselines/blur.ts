import type { Baseline } from '../../core/contracts/index.ts';
import { gaussianBlur } from '../../core/image/blur.ts';
import { planar } from '../../core/tensor.ts';

const SIGMA_MM = 10;
/** The field of view taken for granted where the spacing is unknown: a chest fills it. */
const FIELD_MM = 350;

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
    const mm = FIELD_MM / Math.max(image.shape[0]!, image.shape[1]!);
    const [rows, columns] = planar(spacing ?? [mm, mm]);
    return gaussianBlur(image, [SIGMA_MM / rows, SIGMA_MM / columns], { border: 'nearest' });
  },
};
