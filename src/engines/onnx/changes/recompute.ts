import type { Batch } from '../../../core/contracts/index.ts';
import { inMicroBatches, part } from '../../shared/micro-batches.ts';
import type { ChangedScores } from './kept-network.ts';

/**
 * Images that one worker takes together. The first of them may be computed as a whole; how many these are depends on the
 * batch alone, and so do the scores.
 */
const TOGETHER = 32;

/** Where changed images are computed. */
export interface Recomputing {
  /** Values of an image. */
  readonly size: number;
  /** Workers' shares under way at once. */
  readonly underWay: number;
  /** @param images one after the other */
  run(asked: { readonly base: Float32Array; readonly images: Float32Array }): Promise<ChangedScores>;
}

/**
 * Raw scores of images that differ little from the base, or each from the one before: of the first part of the network
 * only what changed is computed.
 */
export async function recompute(
  { size, underWay, run }: Recomputing,
  base: Float32Array,
  batch: Batch,
  consume: (i: number, raw: Float32Array) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  await inMicroBatches(
    batch.count,
    { microBatch: TOGETHER, underWay, signal },
    ({ first, count }) => {
      const images = new Float32Array(count * size);
      for (let j = 0; j < count; j++) batch.write(first + j, part(images, j, count));
      return run({ base: base.slice(), images });
    },
    ({ first, count }, { raw }) => {
      for (let j = 0; j < count; j++) consume(first + j, part(raw, j, count));
    },
  );
}

/** What two of three images show, value by value: the image of which each shows another part changed. */
export function commonImage(a: Float32Array, b: Float32Array, c: Float32Array): Float32Array {
  return a.map((v, i) => (b[i] === c[i] ? b[i]! : v));
}
