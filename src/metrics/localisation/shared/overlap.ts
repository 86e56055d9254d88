import { countWhere, inside, type Located } from './ground-truth.ts';

/** How a region of the body overlaps with the mask. */
export interface Overlap {
  /** Pixels of both over pixels of either, 0 … 1. */
  readonly iou: number;
  /** What a random region of the same size would have on average, about. */
  readonly chance: number;
  /** Pixels of the region. */
  readonly pixels: number;
}

export function overlapOf({ mask, body, share }: Located, selected: (i: number) => boolean): Overlap {
  const size = mask.data.length;
  const inBody = countWhere(size, i => inside(body.data[i]!));
  const inMask = share * inBody;
  const pixels = countWhere(size, i => inside(body.data[i]!) && selected(i));
  const both = countWhere(size, i => inside(mask.data[i]!) && selected(i));
  const expected = pixels * share;
  return { iou: both / (pixels + inMask - both), chance: expected / (pixels + inMask - expected), pixels };
}
