import { quantise } from '../../../core/perturbation/order.ts';

/** Those of `pixels` that share the largest value among them. */
export function peaksOf(values: Float32Array, pixels: readonly number[]): number[] {
  const keys = quantise(values);
  const largest = pixels.reduce((most, i) => Math.max(most, keys[i]!), Number.NEGATIVE_INFINITY);
  return pixels.filter(i => keys[i] === largest);
}
