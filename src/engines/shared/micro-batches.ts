import { inOrder, throwIfAborted } from './in-order.ts';

/** Some consecutive images of a batch. */
export interface MicroBatch {
  readonly first: number;
  readonly count: number;
}

/**
 * Sends `count` images micro-batch by micro-batch, with at most `underWay` of them under way, and hands the results
 * over in ascending order.
 */
export async function inMicroBatches<T>(
  count: number,
  { microBatch, underWay, signal }: { microBatch: number; underWay: number; signal: AbortSignal | undefined },
  start: (images: MicroBatch) => Promise<T>,
  consume: (images: MicroBatch, result: T) => void,
): Promise<void> {
  throwIfAborted(signal);
  const at = (i: number): MicroBatch => {
    const first = i * microBatch;
    return { first, count: Math.min(microBatch, count - first) };
  };
  await inOrder(
    Math.ceil(count / microBatch),
    underWay,
    async i => start(at(i)),
    (i, result) => consume(at(i), result),
    signal,
  );
}

/** The j-th of `count` equal parts. */
export function part(data: Float32Array, j: number, count: number): Float32Array {
  const size = data.length / count;
  return data.subarray(j * size, (j + 1) * size);
}
