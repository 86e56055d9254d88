import { type Tensor, tensor } from '../tensor.ts';
import { convolveSeparable } from './blur.ts';

const SMOOTH = Float64Array.of(0.25, 0.5, 0.25);
const DIFFERENCE = Float64Array.of(-0.5, 0, 0.5);

/** √(g_y² + g_x²) of an image [h, w] by Sobel's operator, edges clamped: its gradient, in values per pixel. */
export function sobelMagnitude(image: Tensor): Tensor {
  const gy = convolveSeparable(image, DIFFERENCE, SMOOTH, 'nearest').data;
  const gx = convolveSeparable(image, SMOOTH, DIFFERENCE, 'nearest').data;
  return tensor(
    image.shape,
    gy.map((v, i) => Math.hypot(v, gx[i]!)),
  );
}
