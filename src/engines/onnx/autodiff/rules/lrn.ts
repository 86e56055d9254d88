import { read } from '../../graph/graph.ts';
import type { Emitter } from '../emit.ts';
import { defineRule } from '../rule.ts';

/**
 * y = x·s^−β with s_c = bias + α/size·Σ_{c' near c} x²: g·s^−β − 2αβ/size·x·Σ_{c' : c near c'} g·x·s^(−β−1).
 * The sums over neighbouring channels are products with a constant band matrix.
 */
export const lrn = defineRule('LRN', site => {
  const { e, g } = site;
  const x = site.x();
  const size = read.int(site.node, 'size', 1);
  const alpha = read.float(site.node, 'alpha', 1e-4);
  const beta = read.float(site.node, 'beta', 0.75);
  const bias = read.float(site.node, 'bias', 1);
  return [
    () => {
      const channels = site.size(x, 1);
      const spatial = site.rank(x) - 2;
      const s = e.add(e.mul(nearby(e, e.square(x), channels, spatial, size, false), alpha / size), bias);
      const power = e.pow(s, -beta);
      const inner = e.div(e.mul(e.mul(g, x), power), s);
      const spread = e.mul(nearby(e, inner, channels, spatial, size, true), (-2 * alpha * beta) / size);
      return e.add(e.mul(g, power), e.mul(x, spread));
    },
  ];
});

/** Sums over the window of channels around each channel (or its adjoint), as a 1×1 convolution. */
export function nearby(
  e: Emitter,
  x: string,
  channels: number,
  spatial: number,
  size: number,
  adjoint: boolean,
): string {
  const before = Math.floor((size - 1) / 2);
  const after = Math.ceil((size - 1) / 2);
  const band = new Float64Array(channels * channels);
  for (let c = 0; c < channels; c++) {
    for (let k = Math.max(0, c - before); k <= Math.min(channels - 1, c + after); k++) {
      band[adjoint ? k * channels + c : c * channels + k] = 1;
    }
  }
  return e.op('Conv', [x, e.constant([channels, channels, ...new Array<number>(spatial).fill(1)], band)]);
}
