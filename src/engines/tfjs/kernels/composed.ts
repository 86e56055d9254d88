import {
  backend_util,
  div,
  engine,
  type KernelConfig,
  matMul,
  ones,
  reshape,
  type Tensor,
  type Tensor4D,
  tensor2d,
  tensor4d,
  tidy,
} from '@tensorflow/tfjs-core';
import type { PoolAttributes } from './pool-kernels.ts';
import { bilinear, type ResizeAttributes, type Taps } from './resizing.ts';

/** Gradients made of other kernels, for devices whose values can't be read in between. */

/** d / d input of a mean pool: each dy, over the number of pixels that were met, to all of them. */
export const composedAveragePoolGradient: KernelConfig['kernelFunc'] = ({ inputs, attrs }) =>
  tidy(() => {
    const { input, dy } = inputs as { input: Tensor4D; dy: Tensor4D };
    const { filterSize, strides, pad, dimRoundingMode } = attrs as unknown as PoolAttributes;
    const window = backend_util.computePool2DInfo(input.shape, filterSize, strides, 1, pad, dimRoundingMode);
    const { filterHeight, filterWidth, outHeight, outWidth, inChannels, padInfo } = window;
    const rows = met(outHeight, window.strideHeight, filterHeight, padInfo.top, window.inHeight);
    const columns = met(outWidth, window.strideWidth, filterWidth, padInfo.left, window.inWidth);
    const counts = tensor4d(
      rows.flatMap(r => columns.map(c => r * c)),
      [1, outHeight, outWidth, 1],
    );
    const rounding = dimRoundingMode ? { dimRoundingMode } : {};
    const settings = { strides, pad, ...rounding, dilations: [1, 1], inputShape: input.shape };
    const filter = ones([filterHeight, filterWidth, inChannels, 1]);
    return engine().runKernel(
      'DepthwiseConv2dNativeBackpropInput',
      { dy: div(dy, counts), filter },
      settings as Parameters<ReturnType<typeof engine>['runKernel']>[2],
    ) as Tensor;
  });

/** How many pixels of the image each place of a window meets, along one axis. */
function met(places: number, stride: number, size: number, before: number, pixels: number): number[] {
  return Array.from({ length: places }, (_, i) => {
    const from = i * stride - before;
    return Math.min(pixels, from + size) - Math.max(0, from);
  });
}

/** d / d images of a bilinear resizing, which is a matrix along each axis. */
export const composedBilinearGradient: KernelConfig['kernelFunc'] = ({ inputs, attrs }) =>
  tidy(() => {
    const { dy, images } = inputs as { dy: Tensor4D; images: Tensor4D };
    const [n, h, w, c] = images.shape;
    const [, rows, columns] = dy.shape;
    const along = (from: number, to: number) =>
      matrixOf(bilinear(from, to, attrs as unknown as ResizeAttributes), from);
    const tall = matMul(along(h, rows), reshape(dy, [n, rows, columns * c]), true);
    const wide = matMul(along(w, columns), reshape(tall, [n * h, columns, c]), true);
    return reshape(wide, [n, h, w, c]);
  });

/** [to, from]: what each pixel of the output takes of each of the input. */
function matrixOf({ low, high, share }: Taps, from: number): Tensor {
  const values = new Float32Array(low.length * from);
  for (let i = 0; i < low.length; i++) {
    values[i * from + low[i]!]! += 1 - share[i]!;
    values[i * from + high[i]!]! += share[i]!;
  }
  return tensor2d(values, [low.length, from]);
}
