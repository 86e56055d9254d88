import type { Batch, ImageContext } from '../../core/contracts/index.ts';
import { maskedBatch } from '../../core/image/masked-batch.ts';
import type { Segmentation, SegmentPixels } from '../../core/image/segmentation.ts';
import { type Tensor, tensor } from '../../core/tensor.ts';

/**
 * Copies of the image with segments switched off: they show the baseline, or what a filler makes of their surroundings.
 * @param design Row-major [copies, segments]; 0 is off.
 */
export function switchedBatch(
  { image, baseline, fill }: Pick<ImageContext, 'image' | 'baseline' | 'fill'>,
  segments: SegmentPixels,
  design: ArrayLike<number>,
): Batch {
  const count = segments.start.length - 1;
  if (!fill) return maskedBatch({ image, fill: baseline, segments, design });
  return {
    count: design.length / count,
    write(i, out) {
      const removed = new Uint8Array(segments.pixels.length);
      for (let s = 0; s < count; s++) {
        if (design[i * count + s] !== 0) continue;
        for (let at = segments.start[s]!; at < segments.start[s + 1]!; at++) removed[segments.pixels[at]!] = 1;
      }
      out.set(removed.includes(1) ? fill(removed).data : image.data);
    },
  };
}

/** One value per segment, on each of its pixels. */
export function segmentMap({ labels, shape }: Segmentation, values: ArrayLike<number>): Tensor {
  return tensor(
    shape,
    Float32Array.from(labels, s => values[s]!),
  );
}
