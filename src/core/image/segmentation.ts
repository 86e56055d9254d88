import type { Tensor } from '../tensor.ts';
import { planes } from './planes.ts';

/** A partition of an image's pixels. */
export interface Segmentation {
  /** [height, width] */
  readonly shape: readonly [number, number];
  /** Per pixel, row by row: 0 … count − 1, every number in use. */
  readonly labels: Int32Array;
  readonly count: number;
}

/** The pixels of every segment: those of segment s are `pixels[start[s]]` … `pixels[start[s + 1] − 1]`, ascending. */
export interface SegmentPixels {
  readonly start: Int32Array;
  readonly pixels: Int32Array;
}

/** Rectangles of nearly equal size and nearly square: about `segments` of them, never more than there are pixels. */
export function gridSegments(image: Tensor, segments: number): Segmentation {
  const { height, width } = planes(image);
  const rows = clamp(Math.round(Math.sqrt((segments * height) / width)), height);
  const columns = clamp(Math.round(segments / rows), width);
  const labels = new Int32Array(height * width);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      labels[y * width + x] = Math.floor((y * rows) / height) * columns + Math.floor((x * columns) / width);
    }
  }
  return { shape: [height, width], labels, count: rows * columns };
}

/** Numbers segments 0, 1, … in the order in which a row-by-row walk meets them. */
export function relabelled(labels: Int32Array, shape: readonly [number, number]): Segmentation {
  const names = new Map<number, number>();
  const out = labels.map(label => {
    const known = names.get(label);
    if (known !== undefined) return known;
    names.set(label, names.size);
    return names.size - 1;
  });
  return { shape, labels: out, count: names.size };
}

/** Groups pixels by segment, in one pass. */
export function segmentPixels({ labels, count }: Segmentation): SegmentPixels {
  const start = new Int32Array(count + 1);
  for (const label of labels) start[label + 1]!++;
  for (let s = 0; s < count; s++) start[s + 1]! += start[s]!;
  const next = start.slice(0, count);
  const pixels = new Int32Array(labels.length);
  for (let p = 0; p < labels.length; p++) pixels[next[labels[p]!]!++] = p;
  return { start, pixels };
}

const clamp = (n: number, max: number): number => Math.min(max, Math.max(1, n));
