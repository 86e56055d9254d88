import { butterflies, fftPlan } from '../fft.ts';
import type { BodyFrame } from '../frame.ts';
import type { Kernel } from '../scan-options.ts';
import { AXIS_BIN, angleOf, SCAN, type Sinogram } from './geometry.ts';
import { frequencyOf, kernelWindow, LENGTH, pixelMean, ramp } from './kernels.ts';

/** Filtered back-projection of views onto the pixels of a frame, each the mean over its area. Linear in the views. */
export interface Reconstruction {
  /**
   * @param within 1 where the image is wanted; default: everywhere
   * @returns attenuation relative to water; 0 beyond the measured field and where it is not wanted
   */
  image(views: Sinogram, within?: Uint8Array): Float64Array;
}

/** Rows that are summed up while they are in the cache. */
const BLOCK = 16;

export function reconstruction(kernel: Kernel, frame: BodyFrame): Reconstruction {
  const { stages, reversed } = fftPlan(LENGTH);
  const { views, bins } = SCAN;
  const half = LENGTH / 2;
  const base = ramp().map((r, k) => (r * kernelWindow(kernel, frequencyOf(k))) / LENGTH);
  // Beyond the kernel's end there is nothing.
  let end = half;
  while (base[end] === 0) end--;
  const gains = new Map<number, Float64Array>();
  /** What a view's frequencies are multiplied with. */
  const gainOf = (view: number): Float64Array => {
    const known = gains.get(view);
    if (known) return known;
    const angle = angleOf(view);
    const gain = Float64Array.from(
      { length: end + 1 },
      (_, k) => base[k]! * pixelMean(frame.spacing, angle, frequencyOf(k)),
    );
    gains.set(view, gain);
    return gain;
  };
  const [re, im] = [new Float64Array(LENGTH), new Float64Array(LENGTH)];
  const [fre, fim] = [new Float64Array(LENGTH), new Float64Array(LENGTH)];

  /** Two real views in one complex transform: those whose pixels look alike to them. */
  const filterPair = (from: Sinogram, into: Float32Array, one: number, other: number): void => {
    re.fill(0);
    im.fill(0);
    for (let k = 0; k < bins; k++) {
      re[reversed[k]!] = from[one * bins + k]!;
      im[reversed[k]!] = from[other * bins + k]!;
    }
    butterflies(re, im, stages);
    fre.fill(0);
    fim.fill(0);
    const gain = gainOf(one);
    for (let k = 0; k <= end; k++) {
      const g = gain[k]!;
      // The filter is real and even. A second transform of the same direction runs backwards: value −k.
      const [there, back] = [reversed[k]!, reversed[(LENGTH - k) % LENGTH]!];
      const mirror = (LENGTH - k) % LENGTH;
      fre[back] = g * re[k]!;
      fim[back] = g * im[k]!;
      fre[there] = g * re[mirror]!;
      fim[there] = g * im[mirror]!;
    }
    butterflies(fre, fim, stages);
    for (let k = 0; k < bins; k++) {
      into[one * bins + k] = fre[k]!;
      into[other * bins + k] = fim[k]!;
    }
  };

  return {
    image(sinogram, within) {
      const filtered = new Float32Array(views * bins);
      // Views at 0° and 90°, then at angles that mirror each other.
      filterPair(sinogram, filtered, 0, views / 2);
      for (let m = 1; m < views / 2; m++) filterPair(sinogram, filtered, m, views - m);
      return backProject(filtered, frame, within);
    },
  };
}

function backProject(filtered: Float32Array, frame: BodyFrame, within?: Uint8Array): Float64Array {
  const { size, spacing, x0, y0 } = frame;
  const { views, bins, bin } = SCAN;
  const out = new Float64Array(size * size);
  const spans = Array.from({ length: size }, (_, i) => {
    const [from, to] = measured(frame, y0 + i * spacing);
    if (!within) return [from, to] as const;
    const row = within.subarray(i * size, (i + 1) * size);
    return row.includes(1) ? ([Math.max(from, row.indexOf(1)), Math.min(to, row.lastIndexOf(1) + 1)] as const) : [0, 0];
  });
  const trig = Array.from({ length: views }, (_, view) => [Math.cos(angleOf(view)), Math.sin(angleOf(view))] as const);
  for (let top = 0; top < size; top += BLOCK) {
    const bottom = Math.min(size, top + BLOCK);
    // Four views at once: every pixel is read and written a quarter as often.
    for (let view = 0; view < views; view += 4) {
      const [[c0, s0], [c1, s1], [c2, s2], [c3, s3]] = [trig[view]!, trig[view + 1]!, trig[view + 2]!, trig[view + 3]!];
      const step = spacing / bin;
      for (let i = top; i < bottom; i++) {
        const [from, to] = spans[i]! as readonly [number, number];
        const [x, y] = [(x0 + from * spacing) / bin, (y0 + i * spacing) / bin];
        let t0 = view * bins + AXIS_BIN + x * c0 + y * s0;
        let t1 = (view + 1) * bins + AXIS_BIN + x * c1 + y * s1;
        let t2 = (view + 2) * bins + AXIS_BIN + x * c2 + y * s2;
        let t3 = (view + 3) * bins + AXIS_BIN + x * c3 + y * s3;
        for (let p = i * size + from; p < i * size + to; p++) {
          const k0 = t0 | 0;
          const k1 = t1 | 0;
          const k2 = t2 | 0;
          const k3 = t3 | 0;
          const v0 = filtered[k0]!;
          const v1 = filtered[k1]!;
          const v2 = filtered[k2]!;
          const v3 = filtered[k3]!;
          out[p]! +=
            v0 +
            (t0 - k0) * (filtered[k0 + 1]! - v0) +
            v1 +
            (t1 - k1) * (filtered[k1 + 1]! - v1) +
            v2 +
            (t2 - k2) * (filtered[k2 + 1]! - v2) +
            v3 +
            (t3 - k3) * (filtered[k3 + 1]! - v3);
          t0 += step * c0;
          t1 += step * c1;
          t2 += step * c2;
          t3 += step * c3;
        }
      }
    }
  }
  const scale = Math.PI / views;
  for (let p = 0; p < out.length; p++) out[p] = within?.[p] === 0 ? 0 : out[p]! * scale;
  return out;
}

/** Columns of a row that are within the measured field, from the first to before the last. */
export function measured({ size, spacing, x0 }: BodyFrame, y: number): readonly [number, number] {
  const half = SCAN.radius ** 2 - y * y;
  if (half <= 0) return [0, 0];
  const from = Math.max(0, Math.ceil((-Math.sqrt(half) - x0) / spacing));
  return [from, Math.max(from, Math.min(size, Math.floor((Math.sqrt(half) - x0) / spacing) + 1))];
}
