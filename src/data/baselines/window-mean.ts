import type { Baseline } from '../../core/contracts/index.ts';
import { filled } from '../../core/tensor.ts';

/** The middle of the card's window everywhere. Raw space. */
export const windowMean: Baseline = {
  name: 'window-mean',
  title: 'Middle of the window',
  summary: "The mean of the card's window everywhere: mid-grey as shown.",
  space: 'raw',
  family: 'constant',
  make: (image, { card }) => filled(image.shape, (card.intensity.window[0] + card.intensity.window[1]) / 2),
};
