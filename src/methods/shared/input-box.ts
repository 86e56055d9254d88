import { type ImageContext, type Undefined, undefinedBecause } from '../../core/contracts/index.ts';

/**
 * The lowest and the highest value that an input can have, where all channels have the same: as given, else the ends of
 * the card's window in input space, to a thousandth of the window.
 */
export function inputBox(
  { image, view, windowRange }: Pick<ImageContext, 'image' | 'view' | 'windowRange'>,
  given: { readonly low?: number | undefined; readonly high?: number | undefined },
): { readonly low: number; readonly high: number } | Undefined {
  if (given.low !== undefined && given.high !== undefined) return { low: given.low, high: given.high };
  const [range, ...others] = windowRange ?? [];
  const channels = image.shape.at(-1)!;
  if (range === undefined || !(range > 0) || others.some(r => r !== range)) {
    return undefinedBecause(
      'the range of input values is not known, or not the same in all channels; give low and high',
    );
  }
  const low = image.data[0]! - view.data[0]! * range;
  for (let k = 1; k < channels; k++) {
    if (Math.abs(image.data[k]! - image.data[0]!) > 1e-3 * range) {
      return undefinedBecause('the range of input values is not the same in all channels; give low and high');
    }
  }
  // The same number for every image of a model, whatever rounding does.
  const step = range / 1000;
  const lowest = Math.round(low / step) * step;
  return { low: given.low ?? lowest, high: given.high ?? lowest + range };
}
