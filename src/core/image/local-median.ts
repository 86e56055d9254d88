import { type Tensor, tensor } from '../tensor.ts';

/**
 * For each pixel of a mask, the median of the image over the mask's pixels in the rectangle around it; other pixels are
 * left as they are. Of an even number of values the lower of the middle two.
 * @param image [h, w]
 * @param where [h, w] of 0 and 1
 * @param radius half sides of the rectangle in pixels, [rows, columns], rounded
 */
export function localMedian(image: Tensor, where: Tensor, radius: readonly [number, number]): Tensor {
  const [h, w] = image.shape as [number, number];
  const [ry, rx] = radius.map(r => Math.round(r)) as [number, number];
  const out = tensor(image.shape, image.data.slice());
  const values = new Float32Array((2 * ry + 1) * (2 * rx + 1));
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      if (where.data[y * w + x]! < 0.5) continue;
      let n = 0;
      for (let yy = Math.max(0, y - ry); yy <= Math.min(h - 1, y + ry); yy++) {
        for (let xx = Math.max(0, x - rx); xx <= Math.min(w - 1, x + rx); xx++) {
          const i = yy * w + xx;
          if (where.data[i]! >= 0.5) values[n++] = image.data[i]!;
        }
      }
      out.data[y * w + x] = values.subarray(0, n).sort()[(n - 1) >> 1]!;
    }
  }
  return out;
}
