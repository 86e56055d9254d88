import type { Tensor } from '../tensor.ts';

/**
 * Euclidean distance of every pixel's centre to the nearest pixel's centre of a mask, by `spacing` (exact; lower
 * envelope of parabolas, Felzenszwalb & Huttenlocher 2012). Infinity everywhere where the mask is empty.
 * @param mask [h, w]; pixels ≥ 0.5 are inside.
 * @param spacing [rows, columns], in the unit that the distances come in; [1, 1] gives pixels.
 */
export function distanceTo(mask: Tensor, spacing: readonly [number, number] = [1, 1]): Float64Array {
  const [h, w] = mask.shape as [number, number];
  const squared = new Float64Array(h * w);
  for (let x = 0; x < w; x++) alongColumn(mask.data, squared, x, h, w, spacing[0]);
  const line = new Float64Array(w);
  for (let y = 0; y < h; y++) {
    alongRow(squared.subarray(y * w, (y + 1) * w), line, spacing[1]);
    for (let x = 0; x < w; x++) squared[y * w + x] = Math.sqrt(line[x]!);
  }
  return squared;
}

/** Squared distance to the nearest inside pixel of the same column: two sweeps. */
function alongColumn(mask: Float32Array, out: Float64Array, x: number, h: number, w: number, step: number): void {
  let d = Number.POSITIVE_INFINITY;
  for (let y = 0; y < h; y++) {
    d = mask[y * w + x]! >= 0.5 ? 0 : d + step;
    out[y * w + x] = d;
  }
  d = Number.POSITIVE_INFINITY;
  for (let y = h - 1; y >= 0; y--) {
    d = mask[y * w + x]! >= 0.5 ? 0 : d + step;
    out[y * w + x] = Math.min(out[y * w + x]!, d) ** 2;
  }
}

/** out[q] = min over p of (step·(q − p))² + f[p]. */
function alongRow(f: Float64Array, out: Float64Array, step: number): void {
  const n = f.length;
  const sites: number[] = [];
  const from: number[] = [];
  const s2 = step * step;
  for (let q = 0; q < n; q++) {
    if (f[q] === Number.POSITIVE_INFINITY) continue;
    let start = Number.NEGATIVE_INFINITY;
    while (sites.length > 0) {
      const p = sites[sites.length - 1]!;
      start = (f[q]! + s2 * q * q - (f[p]! + s2 * p * p)) / (2 * s2 * (q - p));
      if (start > from[from.length - 1]!) break;
      sites.pop();
      from.pop();
      start = Number.NEGATIVE_INFINITY;
    }
    sites.push(q);
    from.push(start);
  }
  let k = 0;
  for (let q = 0; q < n; q++) {
    if (sites.length === 0) {
      out[q] = Number.POSITIVE_INFINITY;
      continue;
    }
    while (k + 1 < sites.length && from[k + 1]! < q) k++;
    const p = sites[k]!;
    out[q] = s2 * (q - p) ** 2 + f[p]!;
  }
}
