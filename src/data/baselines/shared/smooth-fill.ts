import { imputeLinearly } from '../../../core/image/linear-imputation.ts';
import { type Tensor, tensor } from '../../../core/tensor.ts';

/** Removed pixels of [h, w] or [h, w, c] as means of their neighbours; the image's mean where all are removed. */
export function fillSmoothly(image: Tensor, removed: Uint8Array): Tensor {
  const [h, w, channels = 1] = image.shape as [number, number, number?];
  const filled = imputeLinearly({ shape: [h, w, channels], data: image.data }, removed);
  return filled ? tensor(image.shape, filled.data) : meanImage(image);
}

/** The image's mean everywhere, channel by channel. */
export function meanImage({ shape, data }: Tensor): Tensor {
  const channels = shape[2] ?? 1;
  const sums = new Float64Array(channels);
  data.forEach((v, i) => {
    sums[i % channels]! += v;
  });
  const pixels = data.length / channels;
  return tensor(
    shape,
    Float32Array.from(data, (_, i) => sums[i % channels]! / pixels),
  );
}
