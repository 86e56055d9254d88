import { backend_util, type KernelConfig, type Tensor4D, tensor4d } from '@tensorflow/tfjs-core';

interface Attributes {
  readonly filterSize: [number, number];
  readonly strides: [number, number];
  readonly pad: Parameters<typeof backend_util.computePool2DInfo>[4];
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

/**
 * d / d input of max pooling: each dy goes to the first of the largest pixels that its window met. The one that comes
 * with wasm (4.22) gives wrong numbers.
 */
export const maxPoolGradient: KernelConfig['kernelFunc'] = ({ inputs, attrs }) => {
  const { dy, input } = inputs as { dy: Tensor4D; input: Tensor4D };
  const { filterSize, strides, pad, dimRoundingMode } = attrs as unknown as Attributes;
  const window = backend_util.computePool2DInfo(input.shape, filterSize, strides, 1, pad, dimRoundingMode);
  const [x, slope] = [floatsOf(input), floatsOf(dy)];
  const out = new Float32Array(x.length);
  const { batchSize, inHeight, inWidth, outHeight, outWidth, inChannels, padInfo } = window;
  for (let n = 0; n < batchSize; n++) {
    for (let row = 0; row < outHeight; row++) {
      const top = row * window.strideHeight - padInfo.top;
      const rows = [Math.max(0, top), Math.min(inHeight, top + window.filterHeight)] as const;
      for (let column = 0; column < outWidth; column++) {
        const left = column * window.strideWidth - padInfo.left;
        const columns = [Math.max(0, left), Math.min(inWidth, left + window.filterWidth)] as const;
        const place = ((n * outHeight + row) * outWidth + column) * inChannels;
        for (let c = 0; c < inChannels; c++) {
          let best = -1;
          for (let i = rows[0]; i < rows[1]; i++) {
            for (let j = columns[0]; j < columns[1]; j++) {
              const at = ((n * inHeight + i) * inWidth + j) * inChannels + c;
              if (best < 0 || x[at]! > x[best]!) best = at;
            }
          }
          out[best]! += slope[place + c]!;
        }
      }
    }
  }
  return tensor4d(out, input.shape);
};

function floatsOf(t: Tensor4D): Float32Array {
  return t.dataSync() as Float32Array;
}
