import type { Tensor } from '../tensor.ts';

/**
 * What can be reached from an image's border through open pixels, by 4-neighbours.
 * @param image [h, w]
 * @returns one byte per pixel: 1 where it can be reached
 */
export function reachedFromBorder(image: Tensor, isOpen: (value: number) => boolean): Uint8Array {
  const [h, w] = image.shape as [number, number];
  const reached = new Uint8Array(h * w);
  const stack: number[] = [];
  const reach = (i: number): void => {
    if (reached[i] === 0 && isOpen(image.data[i]!)) {
      reached[i] = 1;
      stack.push(i);
    }
  };
  for (let x = 0; x < w; x++) {
    reach(x);
    reach((h - 1) * w + x);
  }
  for (let y = 0; y < h; y++) {
    reach(y * w);
    reach(y * w + w - 1);
  }
  for (let i = stack.pop(); i !== undefined; i = stack.pop()) {
    const x = i % w;
    if (x > 0) reach(i - 1);
    if (x < w - 1) reach(i + 1);
    if (i >= w) reach(i - w);
    if (i < (h - 1) * w) reach(i + w);
  }
  return reached;
}
