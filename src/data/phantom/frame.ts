import type { Rng } from '../../core/rng.ts';

/** The pixel grid in patient millimetres: x to the image's right (patient's left), y down (posterior). */
export interface BodyFrame {
  readonly size: number;
  /** mm per pixel. */
  readonly spacing: number;
  /** mm of the centre of pixel (0, 0). */
  readonly x0: number;
  readonly y0: number;
}

export const clamp01 = (v: number): number => (v < 0 ? 0 : v > 1 ? 1 : v);

/** 0 below `a`, 1 above `b`, smooth between. */
export function smoothstep(a: number, b: number, v: number): number {
  const t = clamp01((v - a) / (b - a));
  return t * t * (3 - 2 * t);
}

export const uniform = (rng: Rng, low: number, high: number): number => low + (high - low) * rng.next();

/** Gaussian, cut to [low, high]. */
export function gaussian(rng: Rng, mean: number, sd: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, mean + sd * rng.normal()));
}

export function pick<T>(rng: Rng, items: readonly T[]): T {
  return items[rng.int(items.length)]!;
}

/** The index of a weighted draw. */
export function weighted(rng: Rng, weights: readonly number[]): number {
  let u = rng.next() * weights.reduce((a, b) => a + b, 0);
  for (let i = 0; i < weights.length; i++) {
    u -= weights[i]!;
    if (u < 0) return i;
  }
  return weights.length - 1;
}

/** Calls `visit(pixel, x mm, y mm)` for the pixels within `radius` mm of a point. */
export function around(
  frame: BodyFrame,
  x: number,
  y: number,
  radius: number,
  visit: (p: number, dx: number, dy: number) => void,
): void {
  const { size, spacing, x0, y0 } = frame;
  const i0 = Math.max(0, Math.floor((y - radius - y0) / spacing));
  const i1 = Math.min(size - 1, Math.ceil((y + radius - y0) / spacing));
  const j0 = Math.max(0, Math.floor((x - radius - x0) / spacing));
  const j1 = Math.min(size - 1, Math.ceil((x + radius - x0) / spacing));
  for (let i = i0; i <= i1; i++) {
    const dy = y0 + i * spacing - y;
    for (let j = j0; j <= j1; j++) visit(i * size + j, x0 + j * spacing - x, dy);
  }
}

/** Puts what lies between two layers of a lattice, `at` layers up, into a lattice. */
function between(into: Float32Array, layer: (k: number) => Float32Array, at: number): void {
  const below = Math.floor(at);
  const mix = smoothstep(0, 1, at - below);
  const [a, b] = [layer(below), layer(below + 1)];
  for (let k = 0; k < into.length; k++) into[k] = a[k]! + mix * (b[k]! - a[k]!);
}

/**
 * A smooth random field over the frame, mean 0 and SD 1, with features of about `scale` mm (value noise).
 * @param dz mm above the slice's middle: the same field in another plane
 */
export function smoothField(rng: Rng, frame: BodyFrame, scale: number, dz = 0): Float32Array {
  const { size, spacing } = frame;
  const step = scale / spacing;
  const cells = Math.ceil(size / step) + 3;
  const layer = (from: Rng) => Float32Array.from({ length: cells * cells }, () => from.normal());
  const lattice = layer(rng);
  if (dz !== 0) between(lattice, k => (k === 0 ? lattice.slice() : layer(rng.fork('layer', scale, k))), dz / scale);
  const at = new Int32Array(size);
  const mix = new Float32Array(size);
  const [shiftX, shiftY] = [rng.next(), rng.next()];
  for (let j = 0; j < size; j++) {
    const t = j / step + shiftX;
    at[j] = Math.floor(t);
    const f = t - at[j]!;
    mix[j] = f * f * (3 - 2 * f);
  }
  const out = new Float32Array(size * size);
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < size; i++) {
    const t = i / step + shiftY;
    const row = Math.floor(t);
    const f = t - row;
    const u = f * f * (3 - 2 * f);
    const above = row * cells;
    for (let j = 0; j < size; j++) {
      const k = above + at[j]!;
      const m = mix[j]!;
      const a = lattice[k]! + m * (lattice[k + 1]! - lattice[k]!);
      const b = lattice[k + cells]! + m * (lattice[k + cells + 1]! - lattice[k + cells]!);
      const v = a + u * (b - a);
      out[i * size + j] = v;
      sum += v;
      squares += v * v;
    }
  }
  const n = out.length;
  const mean = sum / n;
  const sd = Math.sqrt(Math.max(1e-12, squares / n - mean * mean));
  for (let p = 0; p < n; p++) out[p] = (out[p]! - mean) / sd;
  return out;
}
