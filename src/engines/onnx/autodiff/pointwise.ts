import { attr } from '../graph.ts';
import type { Site } from './site.ts';

/** Steep enough for a ramp to be a step: 1 for all x ≥ 2⁻⁶⁰, about 10⁻¹⁸. A power of two leaves the digits alone. */
const STEEP = 2 ** 60;

/** scale·x + shift, for a tensor shaped as `like`. */
export function affine(site: Site, x: string, scale: number, shift: number, like = x): string {
  const { e } = site;
  if (!site.blocked(like)) return e.add(e.mul(x, scale), shift);
  const channels = site.size(like, 1);
  const fill = (value: number) => new Float32Array(channels).fill(value);
  const inputs = [x, e.constant([channels, 1, 1, 1], fill(scale))];
  if (shift !== 0) inputs.push(e.constant([channels], fill(shift)));
  return e.op('Conv', inputs, { group: attr.int(channels), kernel_shape: attr.ints([1, 1]) });
}

/** 1 where scale·x + shift > 0, else 0; `x` is a tensor of the model. */
export function positive(site: Site, x: string, scale = 1, shift = 0): string {
  const { e } = site;
  if (site.blocked(x)) return e.op('Clip', [affine(site, x, STEEP * scale, STEEP * shift), 0, 1]);
  const zero = -shift / scale;
  return e.cast(scale > 0 ? e.greater(x, zero) : e.less(x, zero));
}
