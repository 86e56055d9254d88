import sharp from 'sharp';
import type { Tensor } from '../../core/tensor.ts';
import { SIGNED } from '../gallery/colour-maps.ts';

/** For the target and against it: the ends of the signed colour map. */
export const POSITIVE = [...SIGNED.slice(-3)];
export const NEGATIVE = [...SIGNED.slice(0, 3)];
/** Opacity at the end of the scale. */
export const OPAQUE = 0.85;

const LEVELS = 32;
const BINS = 4096;

/**
 * The value at which a map's colours end, both ways: the 99th percentile of |a|, so that a few pixels don't leave the
 * rest dark; the largest |a| where that percentile is 0. 0 for a map that is 0 or has no finite value.
 */
export function scaleEnd({ data }: Tensor): number {
  const counts = new Uint32Array(BINS);
  let [count, most] = [0, 0];
  for (const value of data) if (Number.isFinite(value)) most = Math.max(most, Math.abs(value));
  const binOf = (size: number) => Math.min(BINS - 1, Math.floor((size / most) * BINS));
  for (const value of data) {
    if (!Number.isFinite(value)) continue;
    count++;
    counts[binOf(Math.abs(value))]!++;
  }
  if (!(most > 0)) return 0;
  // Only the bin that the percentile lies in is sorted: sorting all of a large map takes long.
  let place = Math.floor(0.99 * (count - 1));
  let bin = 0;
  while (place >= counts[bin]!) place -= counts[bin++]!;
  const within = data.map(Math.abs).filter(size => Number.isFinite(size) && binOf(size) === bin);
  return within.sort()[place]! || most;
}

/** RGBA of a map: colour by sign, opacity by |a| / end in 32 levels. Pixels that are not finite are clear. */
export function overlayPixels(map: Tensor, end: number): Uint8Array {
  const out = new Uint8Array(map.data.length * 4);
  map.data.forEach((value, i) => {
    const level = Math.round(LEVELS * Math.min(1, Math.abs(value) / end));
    if (!(level > 0)) return;
    out.set(value > 0 ? POSITIVE : NEGATIVE, i * 4);
    out[i * 4 + 3] = Math.round((255 * OPAQUE * level) / LEVELS);
  });
  return out;
}

/** PNG of a view [h, w] in 0…1, grey; at most `most` pixels a side. */
export function viewPng(view: Tensor, most: number): Promise<Uint8Array> {
  const grey = Uint8Array.from(view.data, v => Math.round(255 * Math.max(0, Math.min(1, v || 0))));
  return png(grey, view, 1, most);
}

/** PNG with transparency of a map's overlay; at most `most` pixels a side. */
export function overlayPng(map: Tensor, end: number, most: number): Promise<Uint8Array> {
  return png(overlayPixels(map, end), map, 4, most);
}

function png(pixels: Uint8Array, { shape }: Tensor, channels: 1 | 4, most: number): Promise<Uint8Array> {
  const [height, width] = [shape[0] ?? 1, shape[1] ?? 1];
  const image = sharp(pixels, { raw: { width, height, channels } });
  if (Math.max(height, width) > most) image.resize({ width: most, height: most, fit: 'inside' });
  if (channels === 1) image.toColourspace('b-w');
  return image.png({ compressionLevel: 9, ...(channels === 4 ? { palette: true, dither: 0 } : {}) }).toBuffer();
}
