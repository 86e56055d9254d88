import { gaussianBlur } from '../image/blur.ts';
import type { Rng } from '../rng.ts';
import { type Tensor, tensor } from '../tensor.ts';

/** Standard deviations, mm, of the two Gaussians whose difference gives noise the spectrum of a CT scanner's. */
const NARROW_MM = 0.5;
const WIDE_MM = 1;
/** Pixels: on a grid that is too coarse for it, the wider Gaussian still takes the noise's mean away. */
const LEAST_WIDE = 0.5;
/** The median of |x| for a standard normal x. */
const MEDIAN_MAGNITUDE = 0.6745;

/**
 * The standard deviation of an image's noise, robust against its edges: the median magnitude of the response to
 * Immerkær's mask (1996, equation 2), which straight edges and slopes do not excite, over the pixels of `where`.
 * @param image [h, w]
 * @param where [h, w] of 0 and 1
 * @returns 0 where no 3 × 3 neighbourhood lies in `where`, or more than half of them are smooth
 */
export function noiseLevel(image: Tensor, where: Tensor): number {
  const [h, w] = image.shape as [number, number];
  const { data } = image;
  const responses = new Float64Array(h * w);
  let found = 0;
  for (let y = 1; y + 1 < h; y++) {
    for (let x = 1; x + 1 < w; x++) {
      const i = y * w + x;
      if (where.data[i]! < 0.5) continue;
      const corners = data[i - w - 1]! + data[i - w + 1]! + data[i + w - 1]! + data[i + w + 1]!;
      const sides = data[i - w]! + data[i + w]! + data[i - 1]! + data[i + 1]!;
      responses[found++] = Math.abs(corners - 2 * sides + 4 * data[i]!);
    }
  }
  if (found === 0) return 0;
  // A typed array's own order is by number.
  const sorted = responses.subarray(0, found).sort();
  // The mask's weights have a sum of squares of 36.
  return sorted[Math.floor(found / 2)]! / MEDIAN_MAGNITUDE / 6;
}

/**
 * A field of Gaussian noise of standard deviation 1, coloured as in CT: its power peaks near 0.3 and has fallen to a
 * third of that at 0.5 cycles per mm, and there is none at 0. Where the grid is too coarse for that, what it can hold.
 * @param shape [h, w]
 * @param spacing mm per pixel of rows and columns
 */
export function ctNoise(shape: readonly number[], spacing: readonly number[], rng: Rng): Tensor {
  const white = tensor(shape);
  for (let i = 0; i < white.data.length; i++) white.data[i] = rng.normal();
  const [rows, columns] = spacing as [number, number];
  const blurred = (mm: number, least: number) =>
    gaussianBlur(white, [Math.max(mm / rows, least), Math.max(mm / columns, least)], { border: 'reflect' });
  const [narrow, wide] = [blurred(NARROW_MM, 0), blurred(WIDE_MM, LEAST_WIDE)];
  const field = narrow.data.map((v, i) => v - wide.data[i]!);
  const square = field.reduce((sum, v) => sum + v * v, 0) / field.length;
  const scale = square > 0 ? 1 / Math.sqrt(square) : 0;
  return tensor(
    shape,
    field.map(v => scale * v),
  );
}
