import type { Baseline } from '../../core/contracts/index.ts';
import { filled } from '../../core/tensor.ts';

/** Air everywhere: −1000 HU, or the card's value for it. Raw space. */
export const air: Baseline = {
  name: 'air',
  title: 'Air',
  summary: "The card's air value everywhere (−1000 HU; for grey images the window's lower end).",
  space: 'raw',
  family: 'constant',
  make: (image, { card }) => filled(image.shape, card.intensity.air),
};
