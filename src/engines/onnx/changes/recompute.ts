import type { Batch } from '../../../core/contracts/index.ts';
import { inMicroBatches, part } from '../../shared/micro-batches.ts';
import { IN_FLIGHT } from '../../shared/worker-pool.ts';
import type { ChangedScores } from './kept-network.ts';

/** How the images of a batch differ. */
export interface Change {
  /** Most of them do so in squares of that side, pixels. */
  readonly side: number;
  /** From what they are compared with, or each from the one before. */
  readonly from: 'base' | 'before';
}

/** Few, so that workers end at about the same time. */
const TOGETHER = 4;
/** More where the first one is computed as a whole. */
const OF_A_PATH = 32;

/** Images that one worker takes together. */
export function takenTogether({ from }: Change, count: number, workers: number): number {
  if (from === 'base') return TOGETHER;
  const pieces = workers * Math.ceil(count / (workers * OF_A_PATH));
  return Math.max(TOGETHER, Math.ceil(count / pieces));
}

/** Where changed images are computed. */
export interface Recomputing {
  /** Values of an image. */
  readonly size: number;
  readonly workers: number;
  /** @param images one after the other */
  run(asked: { readonly base: Float32Array; readonly images: Float32Array }): Promise<ChangedScores>;
}

/**
 * Raw scores of images that differ little from the base, or each from the one before: of the first part of the network
 * only what changed is computed.
 */
export async function recompute(
  { size, workers, run }: Recomputing,
  base: Float32Array,
  batch: Batch,
  change: Change,
  consume: (i: number, raw: Float32Array) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  await inMicroBatches(
    batch.count,
    { microBatch: takenTogether(change, batch.count, workers), underWay: workers * IN_FLIGHT, signal },
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
