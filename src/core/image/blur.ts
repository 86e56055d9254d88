import { type Tensor, tensor } from '../tensor.ts';
import { planes } from './planes.ts';

/** What lies beyond the edge: the edge pixel, the image mirrored with its edge pixel repeated, or zeros. */
export type Border = 'nearest' | 'reflect' | 'zero';

/** A Gaussian of standard deviation `sigma` pixels, of odd length, summing to 1, cut at `truncate`·sigma. */
export function gaussianKernel(sigma: number, truncate = 4): Float64Array {
  const radius = Math.floor(truncate * sigma + 0.5);
  const kernel = Float64Array.from({ length: 2 * radius + 1 }, (_, i) => Math.exp(-0.5 * ((i - radius) / sigma) ** 2));
  const sum = kernel.reduce((a, b) => a + b, 0);
  return kernel.map(v => v / sum);
}

/**
 * The kernel of RISE's insertion game: an impulse in `taps` pixels, blurred inside them with mirrored edges, so that
 * the Gaussian's tails fold back (11 taps of σ 5 come out nearly flat, with an SD of 3.13 pixels).
 */
export function foldedGaussianKernel(taps: number, sigma: number): Float64Array {
  const impulse = tensor([1, taps]);
  impulse.data[(taps - 1) / 2] = 1;
  const folded = Float64Array.from(convolveSeparable(impulse, null, gaussianKernel(sigma), 'reflect').data);
  const sum = folded.reduce((a, b) => a + b, 0);
  return folded.map(v => v / sum);
}

/** Gaussian blur of [h, w] or [h, w, c]; sigma in pixels, or [rows, columns]. Sigma 0 leaves that axis alone. */
export function gaussianBlur(
  image: Tensor,
  sigma: number | readonly [number, number],
  options: { readonly border?: Border; readonly truncate?: number } = {},
): Tensor {
  const [sy, sx] = typeof sigma === 'number' ? [sigma, sigma] : sigma;
  const kernel = (s: number) => (s > 0 ? gaussianKernel(s, options.truncate) : null);
  return convolveSeparable(image, kernel(sy), kernel(sx), options.border ?? 'nearest');
}

/** Correlation with `rows` along the rows' axis and `columns` along the columns'; odd lengths; null: not that axis. */
export function convolveSeparable(
  image: Tensor,
  rows: Float64Array | null,
  columns: Float64Array | null,
  border: Border,
): Tensor {
  const { height, width, channels } = planes(image);
  let data = Float64Array.from(image.data);
  if (rows) data = alongAxis(data, rows, { outer: 1, length: height, inner: width * channels, border });
  if (columns) data = alongAxis(data, columns, { outer: height, length: width, inner: channels, border });
  return tensor(image.shape, Float32Array.from(data));
}

interface Axis {
  /** data is [outer, length, inner]. */
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
  readonly border: Border;
}

function alongAxis(data: Float64Array, kernel: Float64Array, { outer, length, inner, border }: Axis) {
  const radius = (kernel.length - 1) / 2;
  const out = new Float64Array(data.length);
  // Where each tap reads, for every position: −1 is beyond the edge, and zero.
  const source = Int32Array.from({ length: length + 2 * radius }, (_, i) => beyond(i - radius, length, border));
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < length; i++) {
      const target = (o * length + i) * inner;
      for (let k = 0; k < kernel.length; k++) {
        const from = source[i + k]!;
        if (from < 0) continue;
        const w = kernel[k]!;
        const start = (o * length + from) * inner;
        for (let j = 0; j < inner; j++) out[target + j]! += w * data[start + j]!;
      }
    }
  }
  return out;
}

function beyond(i: number, length: number, border: Border): number {
  if (i >= 0 && i < length) return i;
  if (border === 'zero') return -1;
  if (border === 'nearest') return i < 0 ? 0 : length - 1;
  const folded = ((i % (2 * length)) + 2 * length) % (2 * length);
  return folded < length ? folded : 2 * length - 1 - folded;
}
