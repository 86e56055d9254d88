import { attr, DType } from '../graph/graph.ts';
import type { Emitter } from './emit.ts';

/** Along one axis of an image: a pixel that a place reads, with which weight, and d weight / d place. */
export interface Tap {
  /** The pixel, a whole number; it may lie outside. */
  readonly at: string;
  readonly weight: string;
  /** Undefined where the weight doesn't change with the place. */
  readonly slope: string | undefined;
}

/** What stands outside of the image. */
export type Padding =
  | { readonly mode: 'zeros' | 'border' }
  /** `corners`: mirrored at the outermost pixels' centres, not at their edges. */
  | { readonly mode: 'reflection'; readonly corners: boolean };

/** One of the pixels that a place reads. Its tensors broadcast with [.., points]. */
export interface Corner {
  /** The pixel, counted through the image: int64. */
  readonly index: string;
  /** Its weight; 0 outside of an image that is padded with zeros. */
  readonly weight: string;
  /** d weight / d place along each axis; undefined where it is 0. */
  readonly slopes: readonly (string | undefined)[];
}

/** The nearest pixel. */
export function nearestTap(e: Emitter, place: string): Tap[] {
  return [{ at: e.op('Round', [place]), weight: e.filledLike(place, 1), slope: undefined }];
}

/** The two pixels about a place. */
export function linearTaps(e: Emitter, place: string): Tap[] {
  const low = e.op('Floor', [place]);
  const rest = e.sub(place, low);
  return [
    { at: low, weight: e.sub(1, rest), slope: e.filledLike(place, -1) },
    { at: e.add(low, 1), weight: rest, slope: e.filledLike(place, 1) },
  ];
}

/** The four pixels about a place, by cubic convolution with a = −0.75 (Keys 1981). */
export function cubicTaps(e: Emitter, place: string): Tap[] {
  const a = -0.75;
  const low = e.op('Floor', [place]);
  const rest = e.sub(place, low);
  const near = (d: string) => polynomial(e, d, [a + 2, -(a + 3), 0, 1]);
  const far = (d: string) => polynomial(e, d, [a, -5 * a, 8 * a, -4 * a]);
  const slopeNear = (d: string) => polynomial(e, d, [3 * (a + 2), -2 * (a + 3), 0]);
  const slopeFar = (d: string) => polynomial(e, d, [3 * a, -10 * a, 8 * a]);
  const [d0, d2, d3] = [e.add(rest, 1), e.sub(1, rest), e.sub(2, rest)];
  return [
    { at: e.sub(low, 1), weight: far(d0), slope: slopeFar(d0) },
    { at: low, weight: near(rest), slope: slopeNear(rest) },
    { at: e.add(low, 1), weight: near(d2), slope: e.neg(slopeNear(d2)) },
    { at: e.add(low, 2), weight: far(d3), slope: e.neg(slopeFar(d3)) },
  ];
}

/** Σ c_i d^(n−i), by Horner's rule. */
function polynomial(e: Emitter, d: string, [first, ...rest]: readonly number[]): string {
  const start = e.filledLike(d, first);
  return rest.reduce<string>((sum, c) => e.add(e.mul(sum, d), c), start);
}

/**
 * The pixels that places in an image of `sizes` read: all combinations of one tap along each axis.
 * @param taps one list for each axis, as the sizes
 */
export function cornersOf(
  e: Emitter,
  sizes: readonly number[],
  taps: readonly (readonly Tap[])[],
  padding: Padding,
): Corner[] {
  interface Part extends Tap {
    readonly inside: string | undefined;
  }
  const parts = taps.map((list, axis) =>
    list.map((tap): Part => ({ ...tap, ...padded(e, tap.at, sizes[axis]!, padding) })),
  );
  const combinations = parts.reduce<readonly (readonly Part[])[]>(
    (all, list) => all.flatMap(rest => list.map(part => [...rest, part])),
    [[]],
  );
  return combinations.map(combination => {
    const flat = combination
      .slice(1)
      .reduce((at, part, i) => e.add(e.mul(at, sizes[i + 1]!), part.at), combination[0]!.at);
    const insides = combination.flatMap(({ inside }) => inside ?? []);
    const product = (factors: readonly string[]) => [...factors, ...insides].reduce((a, b) => e.mul(a, b));
    return {
      index: e.cast(flat, DType.int64),
      weight: product(combination.map(({ weight }) => weight)),
      slopes: combination.map(({ slope }, axis) =>
        slope === undefined ? undefined : product(combination.map((part, i) => (i === axis ? slope : part.weight))),
      ),
    };
  });
}

/** A pixel inside of the image that stands for `at`, and, where zeros stand outside, 1 inside and 0 outside. */
function padded(e: Emitter, at: string, size: number, padding: Padding): { at: string; inside: string | undefined } {
  const last = size - 1;
  const clipped = (t: string) => e.op('Min', [e.op('Max', [t, 0]), last]);
  if (padding.mode === 'zeros') {
    return { at: clipped(at), inside: e.cast(e.and(e.greater(at, -0.5), e.less(at, last + 0.5))) };
  }
  if (padding.mode !== 'reflection') return { at: clipped(at), inside: undefined };
  const [low, range] = padding.corners ? [0, last] : [-0.5, size];
  if (range === 0) return { at: clipped(at), inside: undefined };
  // A triangle wave: |at − low| to and fro over the range.
  const along = e.op('Mod', [e.abs(e.sub(at, low)), 2 * range], { fmod: attr.int(1) });
  return { at: clipped(e.add(e.sub(range, e.abs(e.sub(range, along))), low)), inside: undefined };
}

/** `index`, which broadcasts with `values`, in the shape of `values`. */
function spread(e: Emitter, index: string, values: string): string {
  return e.op('Expand', [index, e.shapeOf(values)]);
}

/** The pixels of an image [.., pixels] that places read: Σ over the corners of pixel · `factor`, [.., points]. */
export function readAt(
  e: Emitter,
  pixels: string,
  corners: readonly Corner[],
  /** A tensor in the shape of the result. */
  like: string,
  rank: number,
  factor: (corner: Corner) => string | undefined,
): string | undefined {
  const terms = corners.flatMap(corner => {
    const by = factor(corner);
    if (by === undefined) return [];
    return e.mul(e.op('GatherElements', [pixels, spread(e, corner.index, like)], { axis: attr.int(rank - 1) }), by);
  });
  return terms.length === 0 ? undefined : e.total(terms);
}

/** `g`, [.., points], times the weights, added up at the pixels: `zeros` is [.., pixels]. */
export function addAt(e: Emitter, zeros: string, corners: readonly Corner[], g: string, rank: number): string {
  const indices = corners.map(({ index }) => spread(e, index, g));
  const values = corners.map(({ weight }) => e.mul(g, weight));
  const axis = rank - 1;
  return e.op('ScatterElements', [zeros, e.concat(indices, axis), e.concat(values, axis)], {
    axis: attr.int(axis),
    reduction: attr.string('add'),
  });
}
