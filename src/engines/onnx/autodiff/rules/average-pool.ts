import { attr, read } from '../../graph/graph.ts';
import type { Emitter } from '../emit.ts';
import { coverage, matrix, transposed } from '../matrices.ts';
import { defineRule } from '../rule.ts';
import { type Window, windowOf } from '../window.ts';

/** y = mean over windows, of what lies inside the image unless padding counts: g shared out over the windows. */
export const averagePool = defineRule('AveragePool', site => {
  const { e, g, node } = site;
  const padCounts = read.int(node, 'count_include_pad', 0) !== 0;
  return [
    () => {
      const window = windowOf(site, read.ints(node, 'kernel_shape')!);
      if (isTiling(window)) return upsample(e, e.mul(g, 1 / product(window.kernel)), window.kernel);
      // Mean over a window = product over the axes of sums / counts, so its adjoint works axis by axis.
      return window.kernel.reduce(
        (acc, _, i) => e.along(acc, window.kernel.length + 2, i + 2, share(window, i, padCounts)),
        g,
      );
    },
  ];
});

/** [input, output]: what input `i` gets of output `o`, along one axis. */
function share(window: Window, i: number, padCounts: boolean) {
  const axis = axisOf(window, i);
  const covered = coverage(axis);
  const { input, output } = axis;
  return matrix(input, output, add => {
    for (let o = 0; o < output; o++) {
      let count = 0;
      for (let k = 0; k < axis.kernel; k++) {
        const at = o * axis.stride + k * axis.dilation - axis.begin;
        // With ceil_mode the last window may reach beyond the padding, which never counts.
        const counts = padCounts ? at < input + window.ends[i]! : at >= 0 && at < input;
        if (counts) count++;
      }
      for (let p = 0; p < input; p++) add(p, o, covered.data[o * input + p]! / count);
    }
  });
}

export function axisOf(window: Window, i: number) {
  return {
    kernel: window.kernel[i]!,
    stride: window.strides[i]!,
    dilation: window.dilations[i]!,
    begin: window.begins[i]!,
    input: window.input[i]!,
    output: window.output[i]!,
  };
}

/** Adjoint of the sums over windows: every input gets the sum of g over the windows that cover it. */
export function spreadOverWindows(e: Emitter, g: string, window: Window): string {
  if (isTiling(window)) return upsample(e, g, window.kernel);
  return window.kernel.reduce(
    (acc, _, i) => e.along(acc, window.kernel.length + 2, i + 2, transposed(coverage(axisOf(window, i)))),
    g,
  );
}

/** Whether the windows tile the input without gaps or overlap. */
function isTiling({ kernel, strides, dilations, begins, input, output }: Window): boolean {
  return kernel.every(
    (k, i) => strides[i] === k && begins[i] === 0 && (dilations[i] === 1 || k === 1) && output[i]! * k === input[i],
  );
}

/** Each element repeated `factors` times along the spatial axes. */
function upsample(e: Emitter, x: string, factors: readonly number[]): string {
  if (factors.every(f => f === 1)) return x;
  return e.op(
    'Resize',
    [x, '', e.builder.constant({ dtype: 1, dims: [factors.length + 2], data: Float32Array.of(1, 1, ...factors) })],
    {
      mode: attr.string('nearest'),
      coordinate_transformation_mode: attr.string('asymmetric'),
      nearest_mode: attr.string('floor'),
    },
  );
}

function product(values: readonly number[]): number {
  return values.reduce((a, b) => a * b, 1);
}
