import type { Rng } from '../../core/rng.ts';
import { butterflies, fftPlan } from './fft.ts';
import type { BodyFrame } from './frame.ts';
import type { Scene } from './slice.ts';

/**
 * CT noise: a Gaussian field whose power spectrum rises like a ramp, peaks at `peak` cycles/mm and rolls off as the
 * reconstruction kernel does (S ∝ f · exp(−(f/peak)²/2), whose maximum is at `peak`). SD 1 before it is averaged over
 * pixels, so less on a coarse grid.
 */
export function ctNoise(rng: Rng, frame: BodyFrame, peak: number): Float32Array {
  const { size, spacing } = frame;
  const n = 2 ** Math.ceil(Math.log2(size));
  const re = new Float32Array(n * n);
  const im = new Float32Array(n * n);
  // Amplitudes of the non-negative frequencies; the others mirror them.
  const half = n / 2 + 1;
  const frequency = Float64Array.from({ length: half }, (_, k) => (k / (n * spacing)) ** 2);
  const rate = 1 / (2 * peak * peak);
  // The variance of the whole plane, ∫ S 2πf df, is 1.
  const density = 1 / (2 * Math.PI * peak ** 3 * Math.sqrt(Math.PI / 2) * (n * spacing) ** 2);
  const averaged = Float64Array.from({ length: half }, (_, k) =>
    k === 0 ? 1 : Math.sin((Math.PI * k) / n) / ((Math.PI * k) / n),
  );
  const amplitude = new Float64Array(half * half);
  for (let i = 0; i < half; i++) {
    for (let j = 0; j <= i; j++) {
      const f2 = frequency[i]! + frequency[j]!;
      const power = density * Math.sqrt(f2) * Math.exp(-f2 * rate);
      amplitude[i * half + j] = amplitude[j * half + i] = Math.sqrt(power) * averaged[i]! * averaged[j]!;
    }
  }
  // White noise is white in both domains, so it is drawn in the frequency domain; the real part of what it
  // transforms to is the field.
  for (let i = 0; i < n; i++) {
    const row = Math.min(i, n - i) * half;
    for (let j = 0; j < n; j++) {
      const gain = amplitude[row + Math.min(j, n - j)]!;
      re[i * n + j] = gain * rng.normal();
      im[i * n + j] = gain * rng.normal();
    }
  }
  inverseFft2(re, im, n);
  const out = new Float32Array(size * size);
  for (let i = 0; i < size; i++) out.set(re.subarray(i * n, i * n + size), i * size);
  return out;
}

/** The noise that belongs to tissue, HU: half of soft tissue's in air and lung, where fewer photons are lost. */
export function noiseIn({ frame, peak, noiseSD }: Scene, clean: Float64Array, rng: Rng): Float64Array {
  const noise = ctNoise(rng, frame, peak);
  return clean.map((v, p) => noiseSD * (0.5 + 0.5 * Math.min(1, Math.max(0, (v + 1000) / 1000))) * noise[p]!);
}

/** In-place two-dimensional inverse FFT of an n × n field, n a power of two (radix 2; unscaled). */
export function inverseFft2(re: Float32Array, im: Float32Array, n: number): void {
  const { stages, reversed } = fftPlan(n);
  const a = new Float64Array(n);
  const b = new Float64Array(n);
  // Rows twice, transposed in between: columns would be read against the cache.
  for (let pass = 0; pass < 2; pass++) {
    for (let start = 0; start < n * n; start += n) {
      for (let k = 0; k < n; k++) {
        const from = start + reversed[k]!;
        a[k] = re[from]!;
        b[k] = im[from]!;
      }
      butterflies(a, b, stages);
      re.set(a, start);
      im.set(b, start);
    }
    transpose(re, n);
    transpose(im, n);
  }
}

function transpose(field: Float32Array, n: number): void {
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) {
      const held = field[i * n + j]!;
      field[i * n + j] = field[j * n + i]!;
      field[j * n + i] = held;
    }
  }
}
