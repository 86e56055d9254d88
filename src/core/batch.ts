import type { Batch } from './contracts/index.ts';
import type { Tensor } from './tensor.ts';

/** A few images [h, w, c] as a batch. */
export function imageBatch(...images: readonly Tensor[]): Batch {
  return { count: images.length, write: (i, out) => out.set(images[i]!.data) };
}
