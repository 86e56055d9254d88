import { expandDims, type KernelConfig, mul, reshape, stack, sum, type Tensor4D, tidy } from '@tensorflow/tfjs-core';
import { seenBy } from './conv-filter.ts';
import { padded, windowOf } from './kernel-window.ts';

/** d / d filter [kh, kw, channels, multiplier] of a depthwise convolution. */
export const depthwiseFilterGradient: KernelConfig['kernelFunc'] = ({ inputs, attrs }) =>
  tidy(() => {
    const { x, dy } = inputs as { x: Tensor4D; dy: Tensor4D };
    const shape = attrs!.filterShape as [number, number, number, number];
    const window = windowOf(x.shape, shape, attrs!, true);
    const image = padded(x, window);
    const places = reshape(dy, [-1, shape[2], shape[3]]);
    const taps = [];
    for (let i = 0; i < shape[0]; i++) {
      for (let j = 0; j < shape[1]; j++) {
        const seen = reshape(seenBy(image, window, i, j), [-1, shape[2]]);
        taps.push(sum(mul(expandDims(seen, 2), places), 0));
      }
    }
    return reshape(stack(taps), shape);
  });
