import type { Tensor } from '../tensor.ts';

/** An image's pixels, grouped into the elements that are perturbed together: pixels, patches or segments. */
export interface Partition {
  readonly count: number;
  /** Element `e` holds `pixels[starts[e]]` up to `pixels[starts[e + 1] - 1]`; `count + 1` entries. */
  readonly starts: Uint32Array;
  /** Row-major pixel indices, ascending within an element; every pixel once. */
  readonly pixels: Uint32Array;
}

/** Every pixel by itself. */
export function pixelPartition(pixels: number): Partition {
  const indices = Uint32Array.from({ length: pixels }, (_, i) => i);
  return { count: pixels, starts: Uint32Array.from({ length: pixels + 1 }, (_, i) => i), pixels: indices };
}

/**
 * One element per label 0 … count − 1, such as superpixels.
 * @throws RangeError if a label is not in 0 … count − 1.
 */
export function labelPartition(labels: ArrayLike<number>, count: number): Partition {
  const starts = new Uint32Array(count + 1);
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!;
    if (!Number.isInteger(label) || label < 0 || label >= count) {
      throw new RangeError(`label ${label} of pixel ${i} is not in 0 … ${count - 1}`);
    }
    starts[label + 1]!++;
  }
  for (let e = 0; e < count; e++) starts[e + 1]! += starts[e]!;
  const next = starts.slice();
  const pixels = new Uint32Array(labels.length);
  for (let i = 0; i < labels.length; i++) pixels[next[labels[i]!]!++] = i;
  return { count, starts, pixels };
}

/** A grid of patches from the top left corner; those at the right and lower edge may be cut. */
export function gridPartition(size: readonly [number, number], patch: readonly [number, number]): Partition {
  const [h, w] = size;
  const across = Math.ceil(w / patch[1]);
  const labels = new Uint32Array(h * w);
  for (let i = 0; i < labels.length; i++) {
    labels[i] = Math.floor(Math.floor(i / w) / patch[0]) * across + Math.floor((i % w) / patch[1]);
  }
  return labelPartition(labels, Math.ceil(h / patch[0]) * across);
}

/** The mean of a map over each element: what removing a pixel of it is worth, however large it is. */
export function elementMeans(map: Tensor, partition: Partition): Float64Array {
  const means = new Float64Array(partition.count);
  for (let e = 0; e < partition.count; e++) {
    const [start, end] = [partition.starts[e]!, partition.starts[e + 1]!];
    let sum = 0;
    for (let j = start; j < end; j++) sum += map.data[partition.pixels[j]!]!;
    means[e] = end > start ? sum / (end - start) : 0;
  }
  return means;
}
