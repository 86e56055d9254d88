import type { Site } from './site.ts';
import type { Window } from './window.ts';

/**
 * The weight gradient of an ungrouped two-dimensional convolution, for training:
 * gw[o, i, k] = Σ_{n, p} g[n, o, p] · x[n, i, p·s + k·d − pad]. The shifted images stand under each other, so that it
 * is one matrix product per image (im2col).
 */
export function convWeightGradient(site: Site, window: Window, group: number): string {
  const { e } = site;
  const { kernel, strides, dilations, begins, output } = window;
  if (group !== 1 || kernel.length !== 2) site.fail('weights of grouped or not two-dimensional convolutions');
  const [out, inner] = site.sizes(site.x(1));
  const [kh, kw] = kernel as [number, number];
  const pixels = output[0]! * output[1]!;
  const reach = (a: number) => strides[a]! * (output[a]! - 1) + 1;
  // What the windows touch, no more and no less: padding beyond it is cropped.
  const ends = [0, 1].map(a => reach(a) + dilations[a]! * (kernel[a]! - 1) - begins[a]! - window.input[a]!);
  const padded = e.pad(site.x(), [0, 0, ...begins], [0, 0, ...ends]);
  const taps = Array.from({ length: kh * kw }, (_, t) => [Math.floor(t / kw), t % kw] as const);
  const shifted = taps.map(([r, c]) => {
    if (kh * kw === 1 && strides.every(s => s === 1)) return padded;
    const starts = [r * dilations[0]!, c * dilations[1]!];
    return e.slice(padded, [2, 3], starts, [starts[0]! + reach(0), starts[1]! + reach(1)], [...strides]);
  });
  const columns = shifted.length === 1 ? shifted[0]! : e.concat(shifted, 1);
  const x = e.reshape(columns, [null, taps.length * inner!, pixels]);
  const g = e.reshape(site.g, [null, out!, pixels]);
  const perImage = e.matmul(g, e.transpose(x, [0, 2, 1]));
  const summed = e.reshape(e.sum(perImage, [0], false), [out!, taps.length, inner!]);
  return e.reshape(e.transpose(summed, [0, 2, 1]), [out!, inner!, kh, kw]);
}
