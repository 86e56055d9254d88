import type { Block } from './messages.ts';

export type BlockImage = Block['images'][number];

/** Images in a block, at most: a dead worker loses no more. */
const MOST_IMAGES = 16;

/** Jobs in a block, at most, unless one image has more. */
const MOST_JOBS = 1000;

/** A worker does so many images at a time at least. */
const FEWEST_IMAGES = 2;

/**
 * How many images go into the next block: large blocks at first, so that little is spent on the queue, and two images
 * at the end, so that nobody waits long for the last worker.
 * @param left images that are not in a block yet
 * @param workers that are there; with none, some are expected
 */
export function blockSize(left: number, workers: number): number {
  const share = Math.floor(left / (4 * Math.max(workers, 2)));
  return Math.max(1, Math.min(left, MOST_IMAGES, Math.max(FEWEST_IMAGES, share)));
}

/** Gathers images to blocks of one size and weights. */
export interface Gatherer {
  /** @returns a block that is full, if any */
  add(weights: string, image: BlockImage, size: number): Block | undefined;
  rest(): Block[];
}

export function createGatherer(model: string): Gatherer {
  const open = new Map<string, BlockImage[]>();
  const blockOf = (weights: string, images: BlockImage[]): Block => {
    open.delete(weights);
    return { format: 1, model, weights, images };
  };
  return {
    add(weights, image, size) {
      const images = [...(open.get(weights) ?? []), image];
      open.set(weights, images);
      const jobs = images.reduce((n, { keys }) => n + keys.length, 0);
      return images.length >= size || jobs >= MOST_JOBS ? blockOf(weights, images) : undefined;
    },
    rest: () => [...open].map(([weights, images]) => blockOf(weights, images)),
  };
}
