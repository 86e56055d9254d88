import { solveCholesky } from '../../src/core/linear/ridge.ts';

/** The 3 × 3 places around a pixel but the pixel itself, and what they weigh in it. */
const NEIGHBOURS = [-1, 0, 1]
  .flatMap(dy => [-1, 0, 1].map(dx => ({ dy, dx, weight: dy === 0 || dx === 0 ? 1 / 6 : 1 / 12 })))
  .filter(({ dy, dx }) => dy !== 0 || dx !== 0);

/** Pixels of [h, w] that are removed, each as the weighted mean of its neighbours: the equations solved by elimination. */
export function exactFill(
  plane: ArrayLike<number>,
  removed: Uint8Array,
  [height, width]: readonly [number, number],
): Float64Array {
  const pixels = [...removed.keys()].filter(i => removed[i] === 1);
  const unknown = new Map(pixels.map((pixel, u) => [pixel, u]));
  const n = pixels.length;
  const [matrix, side] = [new Float64Array(n * n), new Float64Array(n)];
  for (const [u, pixel] of pixels.entries()) {
    for (const { dy, dx, weight } of NEIGHBOURS) {
      const [y, x] = [Math.floor(pixel / width) + dy, (pixel % width) + dx];
      if (y < 0 || y >= height || x < 0 || x >= width) continue;
      matrix[u * n + u]! += weight;
      const other = unknown.get(y * width + x);
      if (other === undefined) side[u]! += weight * plane[y * width + x]!;
      else matrix[u * n + other]! -= weight;
    }
  }
  const solved = solveCholesky(matrix, side)!;
  return Float64Array.from(plane, (v, i) => (removed[i] === 1 ? solved[unknown.get(i)!]! : v));
}
