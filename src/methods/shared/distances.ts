import type { SegmentPixels } from '../../core/image/segmentation.ts';
import type { Tensor } from '../../core/tensor.ts';

/** Cosine distance of each row z of a design [rows, S] from all ones: 1 − √(Σz / S); 1 for a row of zeros. */
export function segmentDistances(design: Uint8Array, columns: number): Float64Array {
  return Float64Array.from({ length: design.length / columns }, (_, i) => {
    let on = 0;
    for (let s = 0; s < columns; s++) on += design[i * columns + s]!;
    return 1 - Math.sqrt(on / columns);
  });
}

/**
 * Cosine distance 1 − cos(x′, x) of each perturbed image x′ from the image x, from sums over segments; 1 where either
 * is zero everywhere.
 */
export function pixelDistances(parts: {
  image: Tensor;
  fill: Tensor;
  segments: SegmentPixels;
  design: Uint8Array;
  columns: number;
}): Float64Array {
  const { image, fill, segments, design, columns } = parts;
  const channels = image.data.length / segments.pixels.length;
  const [xx, xb, bb] = [new Float64Array(columns), new Float64Array(columns), new Float64Array(columns)];
  for (let s = 0; s < columns; s++) {
    for (let at = segments.start[s]!; at < segments.start[s + 1]!; at++) {
      const first = segments.pixels[at]! * channels;
      for (let k = first; k < first + channels; k++) {
        const [x, b] = [image.data[k]!, fill.data[k]!];
        xx[s]! += x * x;
        xb[s]! += x * b;
        bb[s]! += b * b;
      }
    }
  }
  const norm = Math.sqrt(xx.reduce((a, b) => a + b, 0));
  return Float64Array.from({ length: design.length / columns }, (_, i) => {
    let [inner, square] = [0, 0];
    for (let s = 0; s < columns; s++) {
      const on = design[i * columns + s] !== 0;
      inner += on ? xx[s]! : xb[s]!;
      square += on ? xx[s]! : bb[s]!;
    }
    const length = norm * Math.sqrt(square);
    return length > 0 ? 1 - inner / length : 1;
  });
}
