import { type KernelConfig, type Tensor4D, tensor4d } from '@tensorflow/tfjs-core';

export interface ResizeAttributes {
  readonly alignCorners: boolean;
  readonly halfPixelCenters?: boolean;
}

/** For each pixel of the output along one axis: the two of the input it is made of, and the second one's share. */
export interface Taps {
  readonly low: Int32Array;
  readonly high: Int32Array;
  readonly share: Float64Array;
}

type Along = (from: number, to: number, attrs: ResizeAttributes) => Taps;

export const bilinear: Along = (from, to, { alignCorners, halfPixelCenters = false }) => {
  const [low, high, share] = [new Int32Array(to), new Int32Array(to), new Float64Array(to)];
  const scale = alignCorners && to > 1 ? (from - 1) / (to - 1) : from / to;
  for (let i = 0; i < to; i++) {
    const at = Math.max(0, halfPixelCenters ? (i + 0.5) * scale - 0.5 : i * scale);
    low[i] = Math.min(Math.floor(at), from - 1);
    high[i] = Math.min(Math.ceil(at), from - 1);
    share[i] = at - Math.floor(at);
  }
  return { low, high, share };
};

const nearest: Along = (from, to, { alignCorners, halfPixelCenters = false }) => {
  const low = new Int32Array(to);
  const scale = alignCorners && to > 1 ? (from - 1) / (to - 1) : from / to;
  for (let i = 0; i < to; i++) {
    const at = halfPixelCenters ? (i + 0.5) * scale : i * scale;
    low[i] = Math.min(from - 1, alignCorners ? Math.round(at) : Math.floor(at));
  }
  return { low, high: low, share: new Float64Array(to) };
};

/** d / d images of a resizing: each dy goes back to the pixels that it was made of, by their shares. */
const gradientOf =
  (along: Along): KernelConfig['kernelFunc'] =>
  ({ inputs, attrs }) => {
    const { dy, images } = inputs as { dy: Tensor4D; images: Tensor4D };
    const [n, h, w, c] = images.shape;
    const [, rows, columns] = dy.shape;
    const [y, x] = [
      along(h, rows, attrs as unknown as ResizeAttributes),
      along(w, columns, attrs as unknown as ResizeAttributes),
    ];
    const slope = dy.dataSync() as Float32Array;
    const out = new Float32Array(n * h * w * c);
    for (let image = 0, from = 0; image < n; image++) {
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++, from += c) {
          const [down, right] = [y.share[row]!, x.share[column]!];
          const corners = [
            [y.low[row]!, x.low[column]!, (1 - down) * (1 - right)],
            [y.low[row]!, x.high[column]!, (1 - down) * right],
            [y.high[row]!, x.low[column]!, down * (1 - right)],
            [y.high[row]!, x.high[column]!, down * right],
          ] as const;
          for (const [i, j, weight] of corners) {
            const place = ((image * h + i) * w + j) * c;
            if (weight !== 0) for (let k = 0; k < c; k++) out[place + k]! += weight * slope[from + k]!;
          }
        }
      }
    }
    return tensor4d(out, images.shape);
  };

/** What comes with the cpu back end (4.22) mixes up rows and columns of images that are not square. */
export const nearestGradient = gradientOf(nearest);

/** The same; and wasm's knows nothing of half pixels. */
export const bilinearGradient = gradientOf(bilinear);
