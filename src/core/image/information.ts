import { planar, type Tensor } from '../tensor.ts';

const LEVELS = 256;

/**
 * How much an image holds, in bits per pixel: the entropy of what is left of its 256 grey levels when each pixel is
 * predicted from those to its left and above by the median edge detector of JPEG-LS (Weinberger et al. 2000, equation
 * 1). 0 for an even image; smooth images have little, noise has most.
 * @param view [h, w] in 0 … 1
 */
export function informationOf(view: Tensor): number {
  const [height, width] = planar(view.shape);
  const grey = Uint8Array.from(view.data, v => Math.round(Math.min(1, Math.max(0, v)) * (LEVELS - 1)));
  const counts = new Float64Array(2 * LEVELS);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      const above = y > 0 ? grey[i - width]! : x > 0 ? grey[i - 1]! : 0;
      const left = x > 0 ? grey[i - 1]! : above;
      const corner = y > 0 && x > 0 ? grey[i - width - 1]! : Math.min(left, above);
      const [low, high] = [Math.min(left, above), Math.max(left, above)];
      const predicted = corner >= high ? low : corner <= low ? high : left + above - corner;
      if (i > 0) counts[grey[i]! - predicted + LEVELS]!++;
    }
  }
  const total = height * width - 1;
  let bits = 0;
  for (const n of counts) if (n > 0) bits -= (n / total) * Math.log2(n / total);
  return Math.max(0, bits);
}
