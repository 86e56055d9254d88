import { type KernelConfig, matMul, reshape, stack, stridedSlice, type Tensor4D, tidy } from '@tensorflow/tfjs-core';
import { type KernelWindow, padded, windowOf } from './kernel-window.ts';

/** The pixels of a padded image that kernel position (i, j) meets, one for each place of the window. */
export function seenBy(x: Tensor4D, window: KernelWindow, i: number, j: number): Tensor4D {
  const { batchSize, outHeight, outWidth, strideHeight, strideWidth, dilationHeight, dilationWidth, inChannels } =
    window;
  const [row, column] = [i * dilationHeight, j * dilationWidth];
  return stridedSlice(
    x,
    [0, row, column, 0],
    [batchSize, row + (outHeight - 1) * strideHeight + 1, column + (outWidth - 1) * strideWidth + 1, inChannels],
    [1, strideHeight, strideWidth, 1],
  ) as Tensor4D;
}

/** d / d filter of a convolution: for each position of the kernel, the pixels that it met times dy. */
export const convFilterGradient: KernelConfig['kernelFunc'] = ({ inputs, attrs }) =>
  tidy(() => {
    const { x, dy } = inputs as { x: Tensor4D; dy: Tensor4D };
    const shape = attrs!.filterShape as [number, number, number, number];
    const window = windowOf(x.shape, shape, attrs!, false);
    const image = padded(x, window);
    const flat = reshape(dy, [-1, window.outChannels]);
    const taps = [];
    for (let i = 0; i < shape[0]; i++) {
      for (let j = 0; j < shape[1]; j++) {
        taps.push(matMul(reshape(seenBy(image, window, i, j), [-1, window.inChannels]), flat, true));
      }
    }
    return reshape(stack(taps), shape);
  });
