import { attr, type Constant, DType } from '../graph/graph.ts';
import type { Emitter } from './emit.ts';
import { type FloatConstant, flipped } from './flipped.ts';
import type { Window } from './window.ts';

/**
 * The input gradient of a convolution: gx[i] = Σ_{o,k: o·s + k·d − p = i} g[o]·w[k], per pair of channels.
 * `weights` is [out, in/group, …kernel]. With stride 1 it is a convolution with the kernels flipped and their channel
 * axes swapped, which is far faster than ConvTranspose; otherwise ConvTranspose.
 */
export function convInputGradient(
  e: Emitter,
  g: string,
  weights: { readonly name: string; readonly value: Constant | undefined },
  window: Window,
  group: number,
): string {
  const { value } = weights;
  if (window.strides.every(s => s === 1)) {
    if (value?.dtype === DType.float) {
      return flippedConv(
        e,
        g,
        e.builder.constant(flipped(weights.name, value as FloatConstant, group), 'flipped'),
        window,
        group,
      );
    }
    // Weights that are an input, as in training: flipped when the graph runs.
    if (!value && group === 1) {
      const swapped = e.transpose(weights.name, [1, 0, ...window.kernel.map((_, i) => i + 2)]);
      const flipped = window.kernel.reduce((w, k, i) => (k === 1 ? w : e.flip(w, i + 2)), swapped);
      return flippedConv(e, g, flipped, window, group);
    }
  }
  return transposedConv(e, g, weights.name, window, group);
}

/** Attributes of Conv and ConvTranspose. */
function convAttrs(window: { kernel: readonly number[]; dilations: readonly number[] }, group: number) {
  return {
    kernel_shape: attr.ints(window.kernel),
    dilations: attr.ints(window.dilations),
    group: attr.int(group),
  };
}

function flippedConv(e: Emitter, g: string, flipped: string, window: Window, group: number): string {
  const { kernel, dilations, begins, input, output } = window;
  const reach = kernel.map((k, i) => dilations[i]! * (k - 1));
  const before = kernel.map((_, i) => reach[i]! - begins[i]!);
  const after = kernel.map((_, i) => input[i]! - output[i]! - before[i]! + reach[i]!);
  // Padding beyond the kernel's reach: those outputs saw zeros only, so their gradient is cropped.
  const crop = (w: number) => Math.min(0, w);
  const cropped = e.pad(g, [0, 0, ...before.map(crop)], [0, 0, ...after.map(crop)]);
  return e.op('Conv', [cropped, flipped], {
    ...convAttrs(window, group),
    strides: attr.ints(kernel.map(() => 1)),
    pads: attr.ints([...before, ...after].map(w => Math.max(0, w))),
  });
}

/** ConvTranspose with the forward weights, padded or cropped to the input's sizes. */
function transposedConv(e: Emitter, g: string, weights: string, window: Window, group: number): string {
  const { kernel, strides, dilations, begins, input, output } = window;
  const after = kernel.map(
    (k, i) => strides[i]! * (output[i]! - 1) + dilations[i]! * (k - 1) + 1 - begins[i]! - input[i]!,
  );
  return e.op('ConvTranspose', [g, weights], {
    ...convAttrs(window, group),
    strides: attr.ints(strides),
    pads: attr.ints([...begins, ...after.map(w => Math.max(0, w))]),
    output_padding: attr.ints(after.map(w => Math.max(0, -w))),
  });
}
