import type { Rng } from '../../core/rng.ts';
import type { BodyFrame } from './frame.ts';

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

/** In-place two-dimensional inverse FFT of an n × n field, n a power of two (radix 2; unscaled). */
export function inverseFft2(re: Float32Array, im: Float32Array, n: number): void {
  const stages = twiddles(n);
  const reversed = bitReversal(n);
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

interface Stage {
  readonly cos: Float64Array;
  readonly sin: Float64Array;
}

/** Each stage's roots of unity, half as many as its butterflies are long. */
function twiddles(n: number): Stage[] {
  const stages: Stage[] = [];
  for (let half = 1; half < n; half *= 2) {
    // The angle as a multiple of the finest one: all stages have the same rounding.
    const angle = (k: number) => (2 * Math.PI * (k * (n / 2 / half))) / n;
    stages.push({
      cos: Float64Array.from({ length: half }, (_, k) => Math.cos(angle(k))),
      sin: Float64Array.from({ length: half }, (_, k) => Math.sin(angle(k))),
    });
  }
  return stages;
}

function bitReversal(n: number): Uint32Array {
  const order = new Uint32Array(n);
  for (let k = 1; k < n; k++) order[k] = (order[k >> 1]! >> 1) | (k & 1 ? n >> 1 : 0);
  return order;
}

function butterflies(re: Float64Array, im: Float64Array, stages: readonly Stage[]): void {
  const n = re.length;
  for (const { cos, sin } of stages) {
    const half = cos.length;
    for (let start = 0; start < n; start += 2 * half) {
      for (let k = 0; k < half; k++) {
        const p = start + k;
        const q = p + half;
        const r = re[q]! * cos[k]! - im[q]! * sin[k]!;
        const m = re[q]! * sin[k]! + im[q]! * cos[k]!;
        re[q] = re[p]! - r;
        im[q] = im[p]! - m;
        re[p]! += r;
        im[p]! += m;
      }
    }
  }
}
