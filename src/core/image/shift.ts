import { type Tensor, tensor } from '../tensor.ts';

/**
 * An image [h, w, …] moved down by `rows` and right by `columns` (up and left where negative); what comes in takes the
 * value of the nearest edge.
 */
export function shifted(image: Tensor, rows: number, columns: number): Tensor {
  const [height, width] = image.shape as [number, number];
  const channels = image.data.length / (height * width);
  const out = tensor(image.shape);
  const within = (i: number, size: number) => Math.min(size - 1, Math.max(0, i));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = (within(y - rows, height) * width + within(x - columns, width)) * channels;
      out.data.set(image.data.subarray(from, from + channels), (y * width + x) * channels);
    }
  }
  return out;
}
