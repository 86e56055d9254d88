import type { Batch } from '../contracts/index.ts';
import type { SegmentPixels } from '../image/segmentation.ts';
import type { Tensor } from '../tensor.ts';

/** Numbers of elements perturbed after 0, 1, 2 … steps, from 0 to `count`; the last step may be smaller. */
export function edgesPerStep(count: number, perStep: number): number[] {
  const edges = [];
  for (let e = 0; e < count; e += perStep) edges.push(e);
  return [...edges, count];
}

/**
 * The same for `steps` steps as equal as whole elements allow (fewer where there are fewer elements). Read from the
 * other end they are the same steps (but for the middle of an odd count), so that a path and its reverse pass through
 * the same states.
 */
export function equalEdges(count: number, steps: number): number[] {
  const parts = Math.min(steps, count);
  return Array.from({ length: parts + 1 }, (_, k) =>
    2 * k <= parts ? Math.round((k * count) / parts) : count - Math.round(((parts - k) * count) / parts),
  );
}

/** The pixels in the order in which a path changes them. */
export interface Sequence {
  readonly pixels: Uint32Array;
  /** Pixels changed when `e` elements are; one entry more than there are elements. */
  readonly ends: Uint32Array;
}

/** Pixels in the order of their elements; row by row within an element. */
export function sequenceOf(elements: SegmentPixels, order: Uint32Array): Sequence {
  const pixels = new Uint32Array(elements.pixels.length);
  const ends = new Uint32Array(order.length + 1);
  let at = 0;
  for (let r = 0; r < order.length; r++) {
    const element = order[r]!;
    for (let j = elements.start[element]!; j < elements.start[element + 1]!; j++) {
      pixels[at++] = elements.pixels[j]!;
    }
    ends[r + 1] = at;
  }
  return { pixels, ends };
}

/**
 * Images on the way from one image to another: image `i` has the first `counts[i]` of `pixels` from `to`, the rest
 * from `from`. One state is kept and moved on, so that a batch costs one copy per image.
 * @param from [h, w, c]
 * @param to [h, w, c]
 * @param counts ascending
 */
export function pathBatch(from: Tensor, to: Tensor, pixels: Uint32Array, counts: readonly number[]): Batch {
  const channels = from.shape[2]!;
  const state = from.data.slice();
  let done = 0;
  return {
    count: counts.length,
    write(i, out) {
      const count = counts[i]!;
      if (count < done) {
        state.set(from.data);
        done = 0;
      }
      for (; done < count; done++) {
        const start = pixels[done]! * channels;
        for (let c = start; c < start + channels; c++) state[c] = to.data[c]!;
      }
      out.set(state);
    },
  };
}

/** Several batches as one, so that the engine is kept busy across them. */
export function joinBatches(batches: readonly Batch[]): Batch {
  const owner: number[] = [];
  const first: number[] = [];
  let count = 0;
  batches.forEach((batch, b) => {
    first.push(count);
    for (let i = 0; i < batch.count; i++) owner.push(b);
    count += batch.count;
  });
  return {
    count,
    write(i, out) {
      const b = owner[i]!;
      batches[b]!.write(i - first[b]!, out);
    },
  };
}
