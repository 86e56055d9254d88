import { type Tensor, tensor } from '../tensor.ts';
import { resizeBilinear } from './resize.ts';

/** Which quarter of a grid of [h, w] a pixel lies in: 0 and 1 above, 2 and 3 below. */
export function quarterOf(i: number, [h, w]: readonly [number, number]): number {
  return (Math.floor(i / w) < Math.floor(h / 2) ? 0 : 2) + (i % w < Math.floor(w / 2) ? 0 : 1);
}

/** Four images [h, w, c], each reduced to a quarter of one of the same size: above left and right, below left and right. */
export function mosaicOf(images: readonly Tensor[]): Tensor {
  const [h, w, c] = images[0]!.shape as [number, number, number];
  const out = tensor([h, w, c]);
  const [top, left] = [Math.floor(h / 2), Math.floor(w / 2)];
  images.slice(0, 4).forEach((image, q) => {
    const [y0, x0] = [q < 2 ? 0 : top, q % 2 === 0 ? 0 : left];
    const [rows, columns] = [q < 2 ? top : h - top, q % 2 === 0 ? left : w - left];
    const small = resizeBilinear(image, [rows, columns], { antialias: true });
    for (let y = 0; y < rows; y++) {
      out.data.set(small.data.subarray(y * columns * c, (y + 1) * columns * c), ((y0 + y) * w + x0) * c);
    }
  });
  return out;
}
