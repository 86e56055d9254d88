import { pad, reshape, slice, type Tensor } from '@tensorflow/tfjs-core';

/** Zeros between the values along axis 1 of [a, n, b]: [a, (n − 1) · step + 1, b]. */
export function spread(x: Tensor, a: number, n: number, b: number, step: number): Tensor {
  if (step === 1) return reshape(x, [a, n, b]);
  const gaps = pad(reshape(x, [a * n, 1, b]), [
    [0, 0],
    [0, step - 1],
    [0, 0],
  ]);
  return slice(reshape(gaps, [a, n * step, b]), [0, 0, 0], [a, (n - 1) * step + 1, b]);
}
