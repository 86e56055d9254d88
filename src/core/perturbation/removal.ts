import type { Batch, ImageContext } from '../contracts/index.ts';
import { fingerprint } from '../fingerprint.ts';
import { maskedBatch } from '../image/masked-batch.ts';
import type { SegmentPixels } from '../image/segmentation.ts';
import { sizeOf } from '../tensor.ts';
import { pathBatch } from './path.ts';

/** An image, and what stands where its pixels are removed: those of the baseline, or what the filler makes of the rest. */
export type Removal = Pick<ImageContext, 'image' | 'baseline' | 'fill'>;

/**
 * Copies of an image with elements removed: element e of copy i is there where `design[i, e]` is not 0.
 * @param design row-major, [copies, elements]
 */
export function removalBatch(removal: Removal, elements: SegmentPixels, design: ArrayLike<number>): Batch {
  const { image, baseline, fill } = removal;
  if (!fill) return maskedBatch({ image, fill: baseline, segments: elements, design });
  const count = elements.start.length - 1;
  return {
    count: design.length / count,
    write(i, out) {
      const removed = new Uint8Array(elements.pixels.length);
      for (let e = 0; e < count; e++) {
        if (design[i * count + e] !== 0) continue;
        for (let j = elements.start[e]!; j < elements.start[e + 1]!; j++) removed[elements.pixels[j]!] = 1;
      }
      out.set(removed.includes(1) ? fill(removed).data : image.data);
    },
  };
}

/**
 * Images on the way from the image to nothing (`removed`), or from nothing to the image (`kept`): image `i` lacks, or
 * has only, the first `counts[i]` of `pixels`.
 * @param counts ascending
 */
export function removalPath(
  removal: Removal,
  state: 'removed' | 'kept',
  pixels: Uint32Array,
  counts: readonly number[],
): Batch {
  const { image, baseline, fill } = removal;
  if (!fill) {
    const [from, to] = state === 'removed' ? [image, baseline] : [baseline, image];
    return pathBatch(from, to, pixels, counts);
  }
  return {
    count: counts.length,
    write(i, out) {
      const removed = new Uint8Array(sizeOf(image.shape.slice(0, -1))).fill(state === 'removed' ? 0 : 1);
      for (let j = 0; j < counts[i]!; j++) removed[pixels[j]!] = state === 'removed' ? 1 : 0;
      out.set(fill(removed).data);
    },
  };
}

const fillers = new WeakMap<NonNullable<Removal['fill']>, string>();

/** Names what stands where pixels are removed, for keys of shared work: fillers are told by what they make of a stripe. */
export function removalKey({ image, baseline, fill }: Removal): string {
  if (!fill) return fingerprint(baseline);
  const known = fillers.get(fill);
  if (known !== undefined) return known;
  const stripes = Uint8Array.from({ length: sizeOf(image.shape.slice(0, -1)) }, (_, i) => ((i >> 2) % 2 === 0 ? 1 : 0));
  const key = `filler ${fingerprint(baseline)} ${fingerprint(fill(stripes))}`;
  fillers.set(fill, key);
  return key;
}
