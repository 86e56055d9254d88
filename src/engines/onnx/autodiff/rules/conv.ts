import { attr, read } from '../../graph/graph.ts';
import { convWeightGradient } from '../conv-weights.ts';
import { convInputGradient } from '../convolution.ts';
import type { Dims } from '../emit.ts';
import { defineRule } from '../rule.ts';
import type { Site } from '../site.ts';
import { steps, type Window, windowOf } from '../window.ts';

/** g summed over all but the channels: the bias' gradient. */
function perChannel(site: Site): string {
  const axes = site.dims(site.y()).flatMap((_, i) => (i === 1 ? [] : [i]));
  return site.e.sum(site.g, axes, false);
}

/** y = w ⋆ x + b: see convInputGradient for x, convWeightGradient for w, Σ g for b. */
export const conv = defineRule('Conv', site => {
  const group = read.int(site.node, 'group', 1);
  const window = () => windowOf(site, site.sizes(site.x(1), 2));
  return [
    () => convInputGradient(site.e, site.g, { name: site.x(1), value: site.value(1) }, window(), group),
    () => convWeightGradient(site, window(), group),
    () => perChannel(site),
  ];
});

/** y = w ⋆ᵀ x + b: the convolution of g with the same weights; Σ g for b. */
export const convTranspose = defineRule('ConvTranspose', site => {
  const { e, node } = site;
  const group = read.int(node, 'group', 1);
  return [
    () => {
      const { kernel, strides, dilations, begins, ends } = transposedWindow(site);
      // Of g, [size of y], a convolution must make the size of x: crop where that leaves a rest.
      const crop = (w: number) => Math.min(0, w);
      const g = e.pad(site.g, [0, 0, ...begins.map(crop)], [0, 0, ...ends.map(crop)]);
      return e.op('Conv', [g, site.x(1)], {
        kernel_shape: attr.ints(kernel),
        strides: attr.ints(strides),
        dilations: attr.ints(dilations),
        group: attr.int(group),
        pads: attr.ints([...begins, ...ends].map(w => Math.max(0, w))),
      });
    },
    null,
    () => perChannel(site),
  ];
});

/** The adjoint convolution's window: `begins` as the node says, `ends` such that the sizes of x come out. */
function transposedWindow(site: Site): Window {
  const { node } = site;
  const kernel = site.sizes(site.x(1), 2);
  const { strides, dilations } = steps(node, kernel.length);
  const input = site.sizes(site.y(), 2);
  const output = site.sizes(site.x(), 2);
  const mode = read.string(node, 'auto_pad', 'NOTSET');
  const shape: Dims | undefined = read.ints(node, 'output_shape');
  const extra = read.ints(node, 'output_padding') ?? kernel.map(() => 0);
  const span = kernel.map((k, i) => strides[i]! * (output[i]! - 1) + dilations[i]! * (k - 1) + 1);
  const pads = read.ints(node, 'pads') ?? [...kernel, ...kernel].map(() => 0);
  const begins = kernel.map((_, i) => {
    if (mode === 'VALID') return 0;
    if (mode === 'NOTSET' && !shape) return pads[i]!;
    const total = Math.max(0, span[i]! + extra[i]! - input[i]!);
    return mode === 'SAME_UPPER' ? Math.floor(total / 2) : Math.ceil(total / 2);
  });
  const ends = kernel.map((_, i) => span[i]! - input[i]! - begins[i]!);
  return { kernel, strides, dilations, begins, ends, input, output };
}
