import { backend_util, type KernelConfig, type Tensor4D, tensor4d } from '@tensorflow/tfjs-core';

export interface PoolAttributes {
  readonly filterSize: [number, number];
  readonly strides: [number, number];
  readonly pad: Parameters<typeof backend_util.computePool2DInfo>[4];
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

/** Gives one dy to the pixels that its window met: their places in an image are `at(k)`, k < count. */
type Share = (x: Float32Array, out: Float32Array, dy: number, places: Int32Array, count: number) => void;

/** d / d input of a pooling. */
const gradientOf =
  (share: Share): KernelConfig['kernelFunc'] =>
  ({ inputs, attrs }) => {
    const input = inputs.input as Tensor4D;
    const { filterSize, strides, pad, dimRoundingMode } = attrs as unknown as PoolAttributes;
    const window = backend_util.computePool2DInfo(input.shape, filterSize, strides, 1, pad, dimRoundingMode);
    const { batchSize, inHeight, inWidth, outHeight, outWidth, inChannels, padInfo } = window;
    const [x, dy] = [floatsOf(input), floatsOf(inputs.dy as Tensor4D)];
    const out = new Float32Array(x.length);
    const places = new Int32Array(window.filterHeight * window.filterWidth);
    for (let n = 0, from = 0; n < batchSize; n++) {
      for (let row = 0; row < outHeight; row++) {
        const top = row * window.strideHeight - padInfo.top;
        for (let column = 0; column < outWidth; column++) {
          const left = column * window.strideWidth - padInfo.left;
          let count = 0;
          for (let i = Math.max(0, top); i < Math.min(inHeight, top + window.filterHeight); i++) {
            for (let j = Math.max(0, left); j < Math.min(inWidth, left + window.filterWidth); j++) {
              places[count++] = ((n * inHeight + i) * inWidth + j) * inChannels;
            }
          }
          for (let c = 0; c < inChannels; c++, from++) {
            share(x, out, dy[from]!, places, count);
            for (let k = 0; k < count; k++) places[k]!++;
          }
        }
      }
    }
    return tensor4d(out, input.shape);
  };

/** To the first of the largest. What comes with wasm (4.22) gives wrong numbers. */
export const maxPoolGradient = gradientOf((x, out, dy, places, count) => {
  let best = places[0]!;
  for (let k = 1; k < count; k++) if (x[places[k]!]! > x[best]!) best = places[k]!;
  out[best]! += dy;
});

/**
 * To all alike. What comes with TF.js (4.22) divides by the window's size also at borders, where the mean that it
 * computes is over fewer pixels.
 */
export const averagePoolGradient = gradientOf((_, out, dy, places, count) => {
  for (let k = 0; k < count; k++) out[places[k]!]! += dy / count;
});

function floatsOf(t: Tensor4D): Float32Array {
  return t.dataSync() as Float32Array;
}
