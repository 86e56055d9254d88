import { type Tensor, tensor } from '../tensor.ts';
import { planes } from './planes.ts';

export interface ResizeOptions {
  /**
   * `true`: a triangle as wide as the shrinking factor, as Pillow's BILINEAR. `false`: two taps whatever the factor,
   * as `torch.nn.functional.interpolate(mode='bilinear', align_corners=False)`. They agree when enlarging.
   */
  readonly antialias: boolean;
  /** Round to whole levels 0…255 after each pass, with Pillow's 22-bit weights, as it does on 8-bit images. */
  readonly uint8?: boolean;
}

/**
 * Bilinear resampling of [h, w] or [h, w, c] to `size` = [rows, columns]: half-pixel centres, edges clamped.
 * Columns first, then rows, float32 in between, like Pillow.
 * @throws RangeError on an empty image or size.
 */
export function resizeBilinear(image: Tensor, size: readonly [number, number], options: ResizeOptions): Tensor {
  const { height, width, channels, shape } = planes(image);
  const [rows, columns] = size;
  if (!(height > 0 && width > 0 && rows > 0 && columns > 0)) {
    throw new RangeError(`cannot resize ${height} × ${width} to ${rows} × ${columns}`);
  }
  let { data } = image;
  if (columns !== width) {
    const taps = tapsFor(width, columns, options);
    data = resample(data, { taps, outer: height, inner: channels, from: width, uint8: options.uint8 ?? false });
  }
  if (rows !== height) {
    const taps = tapsFor(height, rows, options);
    data = resample(data, { taps, outer: 1, inner: columns * channels, from: height, uint8: options.uint8 ?? false });
  }
  return tensor(shape(rows, columns), data === image.data ? data.slice() : data);
}

/**
 * Nearest neighbour: each output pixel takes the input pixel that its centre falls in, or its upper left corner, which
 * PyTorch's interpolate(mode='nearest') goes by, in float32.
 */
export function resizeNearest(
  image: Tensor,
  size: readonly [number, number],
  by: 'centre' | 'corner' = 'centre',
): Tensor {
  const { height, width, channels, shape } = planes(image);
  const [rows, columns] = size;
  const out = tensor(shape(rows, columns));
  const source = (at: number, from: number, to: number) => {
    const exact = by === 'centre' ? ((at + 0.5) * from) / to : Math.fround(at * Math.fround(from / to));
    return Math.min(from - 1, Math.floor(exact));
  };
  for (let y = 0; y < rows; y++) {
    const yy = source(y, height, rows);
    for (let x = 0; x < columns; x++) {
      const xx = source(x, width, columns);
      for (let k = 0; k < channels; k++) {
        out.data[(y * columns + x) * channels + k] = image.data[(yy * width + xx) * channels + k]!;
      }
    }
  }
  return out;
}

/** Per output index: the first input index and the weights from there on. */
interface Taps {
  readonly start: Int32Array;
  readonly weights: readonly Float64Array[];
}

const PILLOW_SCALE = 2 ** 22;

function tapsFor(from: number, to: number, options: ResizeOptions): Taps {
  const scale = from / to;
  const support = options.antialias ? Math.max(scale, 1) : 1;
  const start = new Int32Array(to);
  const weights: Float64Array[] = [];
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * scale;
    let first: number;
    let row: Float64Array;
    if (options.antialias) {
      first = Math.max(0, Math.trunc(centre - support + 0.5));
      const end = Math.min(from, Math.trunc(centre + support + 0.5));
      row = Float64Array.from({ length: end - first }, (_, k) =>
        Math.max(0, 1 - Math.abs(first + k + 0.5 - centre) / support),
      );
      const sum = row.reduce((a, b) => a + b, 0);
      for (let k = 0; k < row.length; k++) row[k]! /= sum;
    } else {
      const position = Math.max(0, centre - 0.5);
      first = Math.min(from - 1, Math.floor(position));
      const share = position - first;
      row = first + 1 < from ? Float64Array.of(1 - share, share) : Float64Array.of(1);
    }
    start[i] = first;
    weights.push(options.uint8 ? row.map(w => Math.floor(w * PILLOW_SCALE + 0.5)) : row);
  }
  return { start, weights };
}

interface Pass {
  readonly taps: Taps;
  /** Repetitions of the axis: data is [outer, from, inner]. */
  readonly outer: number;
  readonly inner: number;
  readonly from: number;
  readonly uint8: boolean;
}

function resample(data: Float32Array, { taps, outer, inner, from, uint8 }: Pass): Float32Array {
  const to = taps.start.length;
  const out = new Float32Array(outer * to * inner);
  const sum = new Float64Array(inner);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < to; i++) {
      const row = taps.weights[i]!;
      sum.fill(0);
      for (let k = 0; k < row.length; k++) {
        const w = row[k]!;
        const source = (o * from + taps.start[i]! + k) * inner;
        for (let j = 0; j < inner; j++) sum[j]! += w * data[source + j]!;
      }
      const target = (o * to + i) * inner;
      for (let j = 0; j < inner; j++) {
        out[target + j] = uint8
          ? Math.min(255, Math.max(0, Math.floor((sum[j]! + PILLOW_SCALE / 2) / PILLOW_SCALE)))
          : sum[j]!;
      }
    }
  }
  return out;
}
