import { type SegmentPixels, segmentPixels } from '../image/segmentation.ts';
import type { Tensor } from '../tensor.ts';

/** The elements that are perturbed together, here every pixel by itself. */
export function singlePixels(count: number): SegmentPixels {
  return {
    start: Int32Array.from({ length: count + 1 }, (_, i) => i),
    pixels: Int32Array.from({ length: count }, (_, i) => i),
  };
}

/** A grid of patches of [rows, columns] from the top left corner; those at the right and lower edge may be cut. */
export function patches(size: readonly [number, number], patch: readonly [number, number]): SegmentPixels {
  const [h, w] = size;
  const across = Math.ceil(w / patch[1]);
  const labels = new Int32Array(h * w);
  for (let i = 0; i < labels.length; i++) {
    labels[i] = Math.floor(Math.floor(i / w) / patch[0]) * across + Math.floor((i % w) / patch[1]);
  }
  return segmentPixels({ shape: size, labels, count: Math.ceil(h / patch[0]) * across });
}

/** The mean of a map over each element: what removing a pixel of it is worth, however large it is. */
export function elementMeans(map: Tensor, elements: SegmentPixels): Float64Array {
  const means = new Float64Array(elements.start.length - 1);
  for (let e = 0; e < means.length; e++) {
    const [start, end] = [elements.start[e]!, elements.start[e + 1]!];
    for (let j = start; j < end; j++) means[e]! += map.data[elements.pixels[j]!]! / (end - start);
  }
  return means;
}
