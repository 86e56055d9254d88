import { type Tensor, tensor } from '../tensor.ts';
import { planes } from './planes.ts';

const inverseGamma = (v: number): number => (v > 0.04045 ? ((v + 0.055) / 1.055) ** 2.4 : v / 12.92);
const cubeRoot = (t: number): number => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116);

/**
 * CIE L*a*b* of an sRGB image in 0…1 (white D65, IEC 61966-2-1). Grey [h, w] gives L* alone, [h, w, 1], 0…100: its a*
 * and b* are 0. RGB [h, w, 3] gives all three.
 * @throws RangeError on another number of channels.
 */
export function toLab(image: Tensor): Tensor {
  const { height, width, channels } = planes(image);
  if (channels === 1) {
    return tensor(
      [height, width, 1],
      image.data.map(v => 116 * cubeRoot(inverseGamma(v)) - 16),
    );
  }
  if (channels !== 3) throw new RangeError(`Lab needs a grey or an RGB image, not ${channels} channels`);
  const out = tensor([height, width, 3]);
  for (let i = 0; i < image.data.length; i += 3) {
    const [r, g, b] = [0, 1, 2].map(k => inverseGamma(image.data[i + k]!)) as [number, number, number];
    const x = cubeRoot((0.412453 * r + 0.35758 * g + 0.180423 * b) / 0.95047);
    const y = cubeRoot(0.212671 * r + 0.71516 * g + 0.072169 * b);
    const z = cubeRoot((0.019334 * r + 0.119193 * g + 0.950227 * b) / 1.08883);
    out.data[i] = 116 * y - 16;
    out.data[i + 1] = 500 * (x - y);
    out.data[i + 2] = 200 * (y - z);
  }
  return out;
}
