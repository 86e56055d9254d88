import { type Tensor, tensor } from '../../core/tensor.ts';
import type { Decoded } from './decode.ts';

/** More values than this are shades of grey, not names of structures. */
const MOST_LABELS = 8;

export interface ReadMask {
  /** [h, w] of 0 and 1. */
  readonly mask: Tensor;
  /** What a user should know of how the values were taken. */
  readonly note?: string;
}

/**
 * A mask from what a picture stores. Up to eight values in a file without loss: 0 is outside, all above it inside (two
 * values other than 0: the greater one is inside). More values, or a JPEG file, are shades of grey: inside from the
 * middle of the file's range on, since compression and resampling leave faint grey around each outline.
 * @throws Error if a grey mask has no value in the upper half, so that nothing tells inside from outside.
 */
export function readMask({ stored, maximum, format }: Decoded): ReadMask {
  const values = valuesOf(stored.data);
  const [low, high] = ends(values);
  /** Inside is what lies above this. */
  const above = (limit: number) => ({ mask: tensor(stored.shape, thresholded(stored.data, limit)) });
  if (values.size === 1) return above(format === 'jpeg' ? maximum / 2 : 0);
  if (values.size === 2 && format !== 'jpeg') return above(low);
  if (values.size <= MOST_LABELS && format !== 'jpeg') {
    const some = [...values].sort((a, b) => a - b);
    const outside = low === 0 ? 'all above 0 are inside' : 'all above the smallest are inside';
    return { ...above(low), note: `has the values ${some.join(', ')}: ${outside}` };
  }
  if (high <= maximum / 2) {
    throw new Error(
      `it has ${values.size} grey values from ${low} to ${high} of ${maximum}, none in the upper half, so that inside ` +
        "can't be told from outside; save it as PNG with 0 outside and 255 inside",
    );
  }
  return { ...above(maximum / 2), note: 'is grey: pixels in the upper half of its range are inside' };
}

function thresholded(data: Float32Array, limit: number): Float32Array {
  const out = new Float32Array(data.length);
  for (let i = 0; i < out.length; i++) if (data[i]! > limit) out[i] = 1;
  return out;
}

/** A picture has at most some thousand values, in long runs of equal ones. */
function valuesOf(data: Float32Array): Set<number> {
  const values = new Set<number>();
  let last = Number.NaN;
  for (let i = 0; i < data.length; i++) {
    const v = data[i]!;
    if (v === last) continue;
    values.add(v);
    last = v;
  }
  return values;
}

function ends(values: ReadonlySet<number>): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const v of values) {
    low = Math.min(low, v);
    high = Math.max(high, v);
  }
  return [low, high];
}
