import type { Tensor } from '../tensor.ts';

/**
 * The vertical line about which a mask is most nearly its own mirror image: column x is mirrored to `axis` − x, so that
 * the line lies at `axis` / 2. Looked for within an eighth of the width around the mask's centre; of equals the one
 * nearest to it. The middle of the image where the mask is empty.
 * @param mask [h, w] of 0 and 1
 */
export function mirrorAxis(mask: Tensor): number {
  const [h, w] = mask.shape as [number, number];
  let [sum, moment] = [0, 0];
  mask.data.forEach((v, i) => {
    if (v >= 0.5) {
      sum++;
      moment += i % w;
    }
  });
  if (sum === 0) return w - 1;
  const centre = Math.round((2 * moment) / sum);
  const reach = Math.ceil(w / 4);
  let [best, most] = [centre, -1];
  for (let k = 0; k <= 2 * reach; k++) {
    // From the centre outwards, so that the first of equals is the nearest.
    const axis = centre + (k % 2 === 0 ? k / 2 : -(k + 1) / 2);
    const both = overlap(mask.data, h, w, axis);
    if (both > most) [best, most] = [axis, both];
  }
  return best;
}

function overlap(mask: Float32Array, h: number, w: number, axis: number): number {
  let both = 0;
  for (let y = 0; y < h; y++) {
    for (let x = Math.max(0, axis - w + 1); x <= Math.min(w - 1, axis); x++) {
      if (mask[y * w + x]! >= 0.5 && mask[y * w + axis - x]! >= 0.5) both++;
    }
  }
  return both;
}
