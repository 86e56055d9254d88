import { type Node, read } from '../graph/graph.ts';
import type { Site } from './site.ts';

/** How a convolution or pooling window moves over the spatial axes; one entry per axis. */
export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Padding before and after; `ends` may be larger than what the windows reach. */
  readonly begins: readonly number[];
  readonly ends: readonly number[];
  readonly input: readonly number[];
  readonly output: readonly number[];
}

/** The window of a Conv or pooling node, auto_pad resolved by its known sizes. */
export function windowOf(site: Site, kernel: readonly number[]): Window {
  const { node } = site;
  const input = site.sizes(site.x(), 2);
  const output = site.sizes(site.y(), 2);
  const { strides, dilations } = steps(node, kernel.length);
  const mode = read.string(node, 'auto_pad', 'NOTSET');
  const pads = mode === 'NOTSET' ? read.ints(node, 'pads') : undefined;
  const total = kernel.map((k, i) =>
    Math.max(0, (output[i]! - 1) * strides[i]! + dilations[i]! * (k - 1) + 1 - input[i]!),
  );
  const same = mode === 'SAME_UPPER' || mode === 'SAME_LOWER';
  const begins = kernel.map((_, i) => {
    if (pads) return pads[i]!;
    return same ? (mode === 'SAME_UPPER' ? Math.floor(total[i]! / 2) : Math.ceil(total[i]! / 2)) : 0;
  });
  const ends = kernel.map((_, i) => (pads ? pads[i + kernel.length]! : same ? total[i]! - begins[i]! : 0));
  return { kernel, strides, dilations, begins, ends, input, output };
}

/** Strides and dilations, 1 by default. */
export function steps(node: Node, rank: number): { strides: readonly number[]; dilations: readonly number[] } {
  const ones = new Array<number>(rank).fill(1);
  return { strides: read.ints(node, 'strides') ?? ones, dilations: read.ints(node, 'dilations') ?? ones };
}
