import type { Rng } from '../core/rng.ts';
import { type Tensor, tensor } from '../core/tensor.ts';
import type { Augmentation } from './training-plan.ts';

/** Where values lie, and what is beyond the image. */
export interface RawSpace {
  readonly window: readonly [number, number];
  readonly air: number;
}

const around = (rng: Rng, most: number): number => (2 * rng.next() - 1) * most;

/** A changed copy of a raw image [h, w]. Always draws the same number of values for the geometry. */
export function augment(image: Tensor, a: Augmentation, { window, air }: RawSpace, rng: Rng): Tensor {
  const [h, w] = image.shape as [number, number];
  const angle = (around(rng, a.rotation) * Math.PI) / 180;
  const scale = 1 / (1 + around(rng, a.scale));
  const [dx, dy] = [around(rng, a.shift) * w, around(rng, a.shift) * h];
  const mirror = rng.next() < 0.5 && a.flip ? -1 : 1;
  const out = new Float32Array(h * w);
  const [cos, sin] = [Math.cos(angle) * scale, Math.sin(angle) * scale];
  const [cx, cy] = [(w - 1) / 2, (h - 1) / 2];
  const at = (x: number, y: number) => (x < 0 || y < 0 || x >= w || y >= h ? air : image.data[y * w + x]!);
  for (let row = 0; row < h; row++) {
    for (let column = 0; column < w; column++) {
      const [u, v] = [mirror * (column - cx) - dx, row - cy - dy];
      const x = cos * u - sin * v + cx;
      const y = sin * u + cos * v + cy;
      const [x0, y0] = [Math.floor(x), Math.floor(y)];
      const [fx, fy] = [x - x0, y - y0];
      const upper = at(x0, y0) * (1 - fx) + at(x0 + 1, y0) * fx;
      const lower = at(x0, y0 + 1) * (1 - fx) + at(x0 + 1, y0 + 1) * fx;
      out[row * w + column] = upper * (1 - fy) + lower * fy;
    }
  }
  const [low, high] = window;
  const gain = 1 + around(rng, a.intensity);
  const middle = (low + high) / 2;
  const offset = around(rng, a.intensity) * (high - low) + middle * (1 - gain);
  // Half of the images stay without noise.
  const sd = Math.max(0, around(rng, a.noise)) * (high - low);
  for (let p = 0; p < out.length; p++) out[p] = out[p]! * gain + offset + (sd > 0 ? sd * rng.normal() : 0);
  return tensor(image.shape, out);
}

/**
 * A copy of a raw image [h, w] with patches of a grid on air: a random share of it, up to `most`; the side of a patch
 * is drawn between 2 pixels and a sixteenth of the image.
 */
export function masked(image: Tensor, most: number, air: number, rng: Rng): Tensor {
  const [h, w] = image.shape as [number, number];
  const side = 2 + rng.int(Math.max(1, Math.floor(Math.min(h, w) / 16) - 1));
  const [rows, columns] = [Math.ceil(h / side), Math.ceil(w / side)];
  const patches = rng.shuffle(Array.from({ length: rows * columns }, (_, i) => i));
  const hidden = new Set(patches.slice(0, Math.round(rng.next() * most * patches.length)));
  const at = (p: number) => Math.floor(Math.floor(p / w) / side) * columns + Math.floor((p % w) / side);
  return tensor(
    image.shape,
    image.data.map((v, p) => (hidden.has(at(p)) ? air : v)),
  );
}
