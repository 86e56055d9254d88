import {
  add,
  depthwiseConv2d,
  type KernelConfig,
  pad,
  reshape,
  reverse,
  slice,
  type Tensor4D,
  tidy,
} from '@tensorflow/tfjs-core';
import { windowOf } from './kernel-window.ts';
import { spread } from './spread.ts';

/**
 * d / d input of a depthwise convolution: dy with zeros between its values, convolved with the kernel turned by 180°;
 * summed over the outputs of each channel.
 */
export const depthwiseInputGradient: KernelConfig['kernelFunc'] = ({ inputs, attrs }) =>
  tidy(() => {
    const { dy, filter } = inputs as { dy: Tensor4D; filter: Tensor4D };
    const inputShape = attrs!.inputShape as [number, number, number, number];
    const window = windowOf(inputShape, filter.shape, attrs!, true);
    const { batchSize: n, outHeight, outWidth, strideHeight, strideWidth, padInfo } = window;
    const [, , channels, multiplier] = filter.shape;
    const turned = reverse(filter, [0, 1]);
    const [rows, columns] = [(outHeight - 1) * strideHeight + 1, (outWidth - 1) * strideWidth + 1];
    const before = [window.effectiveFilterHeight - 1 - padInfo.top, window.effectiveFilterWidth - 1 - padInfo.left];
    const after = [
      window.inHeight + window.effectiveFilterHeight - 1 - before[0]! - rows,
      window.inWidth + window.effectiveFilterWidth - 1 - before[1]! - columns,
    ];
    const apart = reshape(dy, [n * outHeight * outWidth, channels, multiplier]);
    let total: Tensor4D | undefined;
    for (let m = 0; m < multiplier; m++) {
      const own = slice(apart, [0, 0, m], [-1, -1, 1]);
      const tall = spread(own, n, outHeight, outWidth * channels, strideHeight);
      const wide = spread(tall, n * rows, outWidth, channels, strideWidth);
      const image = pad(reshape(wide, [n, rows, columns, channels]), [
        [0, 0],
        [before[0]!, after[0]!],
        [before[1]!, after[1]!],
        [0, 0],
      ]) as Tensor4D;
      const kernel = slice(turned, [0, 0, 0, m], [-1, -1, -1, 1]) as Tensor4D;
      const part = depthwiseConv2d(image, kernel, 1, 'valid', 'NHWC', [window.dilationHeight, window.dilationWidth]);
      total = total ? add(total, part) : part;
    }
    return total!;
  });
