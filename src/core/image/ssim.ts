import type { Tensor } from '../tensor.ts';

const K1 = 0.01;
const K2 = 0.03;

/**
 * Mean structural similarity of two maps with values in 0 … 1, over all windows that lie inside them (Wang et al. 2004,
 * equation 13), as scikit-image computes it by default: a uniform window of `side` × `side` pixels, K₁ = 0.01,
 * K₂ = 0.03, sample covariances, data range 1.
 * @param a [h, w]
 * @param b [h, w]
 * @returns −1 … 1; null where the maps are smaller than 3 × 3. Smaller maps than the window get a smaller odd one.
 */
export function ssim(a: Tensor, b: Tensor, side = 7): number | null {
  const [h, w] = a.shape as [number, number];
  const smallest = Math.min(h, w);
  const n = Math.min(side, smallest % 2 === 1 ? smallest : smallest - 1);
  if (n < 3) return null;
  const sums = [
    boxSums(h, w, n, i => a.data[i]!),
    boxSums(h, w, n, i => b.data[i]!),
    boxSums(h, w, n, i => a.data[i]! ** 2),
    boxSums(h, w, n, i => b.data[i]! ** 2),
    boxSums(h, w, n, i => a.data[i]! * b.data[i]!),
  ];
  const count = n * n;
  const unbiased = count / (count - 1);
  const [c1, c2] = [K1 ** 2, K2 ** 2];
  let total = 0;
  for (let i = 0; i < sums[0]!.length; i++) {
    const [ma, mb, maa, mbb, mab] = sums.map(s => s[i]! / count) as [number, number, number, number, number];
    const va = unbiased * Math.max(0, maa - ma * ma);
    const vb = unbiased * Math.max(0, mbb - mb * mb);
    const vab = unbiased * (mab - ma * mb);
    total += ((2 * ma * mb + c1) * (2 * vab + c2)) / ((ma * ma + mb * mb + c1) * (va + vb + c2));
  }
  return Math.max(-1, Math.min(1, total / sums[0]!.length));
}

/** Sums over every n × n window, row by row, from an integral image. */
function boxSums(h: number, w: number, n: number, value: (i: number) => number): Float64Array {
  const integral = new Float64Array((h + 1) * (w + 1));
  for (let y = 0; y < h; y++) {
    let row = 0;
    for (let x = 0; x < w; x++) {
      row += value(y * w + x);
      integral[(y + 1) * (w + 1) + x + 1] = integral[y * (w + 1) + x + 1]! + row;
    }
  }
  const [rows, columns] = [h - n + 1, w - n + 1];
  const out = new Float64Array(rows * columns);
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const at = (dy: number, dx: number) => integral[(y + dy) * (w + 1) + x + dx]!;
      out[y * columns + x] = at(n, n) - at(0, n) - at(n, 0) + at(0, 0);
    }
  }
  return out;
}
