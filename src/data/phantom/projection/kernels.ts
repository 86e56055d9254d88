import type { Kernel } from '../scan-options.ts';
import { SCAN } from './geometry.ts';

/** Values of a transformed view: twice its bins at least, so that its ends do not meet. */
export const LENGTH = 2048;

const NYQUIST = 0.5 / SCAN.bin;
/** Cycles per mm at which the soft kernel's Hann window ends. */
const SOFT_END = 0.62;

/** What a kernel does to the ramp at a frequency (cycles/mm). */
export function kernelWindow(kernel: Kernel, f: number): number {
  if (kernel === 'soft') return f < SOFT_END ? 0.5 + 0.5 * Math.cos((Math.PI * f) / SOFT_END) : 0;
  // Raises edges before it falls, as kernels for lung and bone do.
  const t = f / NYQUIST;
  return t < 1 ? (1 + 3 * t * t) * Math.sqrt(Math.cos((Math.PI / 2) * t)) : 0;
}

/** cycles/mm of value k of a transform. */
export const frequencyOf = (k: number): number => Math.min(k, LENGTH - k) / (LENGTH * SCAN.bin);

/** Transform of the band-limited ramp (Ramachandran & Lakshminarayanan 1971) times bin width: about |f|, right at 0. */
export function ramp(): Float64Array {
  const out = new Float64Array(LENGTH);
  for (let k = 0; k <= LENGTH / 2; k++) {
    let sum = 1 / 4;
    for (let n = 1; n < LENGTH / 2; n += 2) sum -= (2 / (Math.PI * n) ** 2) * Math.cos((2 * Math.PI * k * n) / LENGTH);
    out[k] = sum / SCAN.bin;
    if (k > 0) out[LENGTH - k] = out[k]!;
  }
  return out;
}

/** What the mean over a square pixel does to a frequency of the view at an angle (the slice theorem). */
export function pixelMean(pixel: number, angle: number, f: number): number {
  return sinc(f * pixel * Math.cos(angle)) * sinc(f * pixel * Math.sin(angle));
}

const sinc = (t: number): number => (Math.abs(t) < 1e-9 ? 1 : Math.sin(Math.PI * t) / (Math.PI * t));
