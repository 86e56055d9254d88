import { type Tensor, tensor } from '../tensor.ts';
import { type GridEquations, gridSolver } from './grid-equations.ts';

const DIRECT = 1 / 6;
const DIAGONAL = 1 / 12;
const WEIGHTS = [DIAGONAL, DIRECT, DIAGONAL, DIRECT, 0, DIRECT, DIAGONAL, DIRECT, DIAGONAL];
/** The largest residual, relative to the largest value. */
const TOLERANCE = 1e-7;

/**
 * Removed pixels filled so that each is the mean of its eight neighbours, direct ones weighing 1/6 and diagonal ones
 * 1/12 (Rong et al. 2022, section 4.2, without its noise); neighbours outside the image do not count. The equations are
 * solved iteratively, from a filled image pyramid.
 * @param image [h, w, c]
 * @param removed [h, w] of 0 and 1
 * @returns null where every pixel is removed: nothing is left to fill from
 */
export function imputeLinearly(image: Tensor, removed: Uint8Array): Tensor | null {
  const [height, width, channels] = image.shape as [number, number, number];
  if (!removed.includes(0)) return null;
  const out = tensor(image.shape, image.data.slice());
  if (!removed.includes(1)) return out;
  const { equations, pixels } = equationsOf(removed, height, width);
  const { unknowns, stride, size } = equations;
  const solve = gridSolver(equations);
  for (let k = 0; k < channels; k++) {
    const plane = Float64Array.from({ length: height * width }, (_, i) => image.data[i * channels + k]!);
    const start = fillByPyramid(plane, removed, height, width);
    const known = new Float64Array(size);
    for (let i = 0; i < plane.length; i++) if (!removed[i]) known[inRing(i, width)] = plane[i]!;
    const rightSide = new Float64Array(size);
    const x = new Float64Array(size);
    let scale = 0;
    for (let u = 0; u < pixels.length; u++) {
      const i = unknowns[u]!;
      for (let n = 0; n < 9; n++) rightSide[i]! += WEIGHTS[n]! * known[i + neighbour(n, stride)]!;
      x[i] = start[pixels[u]!]!;
      scale = Math.max(scale, Math.abs(x[i]!), Math.abs(rightSide[i]!));
    }
    solve(rightSide, x, TOLERANCE * scale);
    for (let u = 0; u < pixels.length; u++) out.data[pixels[u]! * channels + k] = x[unknowns[u]!]!;
  }
  return out;
}

/** The equations of the removed pixels, and which pixels these are. */
function equationsOf(
  removed: Uint8Array,
  height: number,
  width: number,
): { equations: GridEquations; pixels: Int32Array } {
  const stride = width + 2;
  const size = stride * (height + 2);
  const [inside, unknown] = [new Uint8Array(size), new Uint8Array(size)];
  const found: number[] = [];
  for (let i = 0; i < removed.length; i++) {
    inside[inRing(i, width)] = 1;
    unknown[inRing(i, width)] = removed[i]!;
    if (removed[i]) found.push(i);
  }
  const pixels = Int32Array.from(found);
  const unknowns = pixels.map(pixel => inRing(pixel, width));
  const rows = new Float64Array(9 * pixels.length);
  for (let u = 0; u < unknowns.length; u++) {
    for (let n = 0; n < 9; n++) {
      const other = unknowns[u]! + neighbour(n, stride);
      if (!inside[other]) continue;
      rows[9 * u + 4]! += WEIGHTS[n]!;
      if (n !== 4 && unknown[other]) rows[9 * u + n] = -WEIGHTS[n]!;
    }
  }
  return { equations: { stride, size, unknowns, rows }, pixels };
}

/** A pixel's place in the grid with a ring around it. */
function inRing(pixel: number, width: number): number {
  return (Math.floor(pixel / width) + 1) * (width + 2) + (pixel % width) + 1;
}

/** How far the nth of the 3 × 3 places around a pixel is. */
function neighbour(n: number, stride: number): number {
  return (Math.floor(n / 3) - 1) * stride + (n % 3) - 1;
}

/** A smooth first guess: each removed pixel takes the mean of the kept ones in the smallest block of a pyramid. */
function fillByPyramid(plane: Float64Array, removed: Uint8Array, height: number, width: number): Float64Array {
  const values = plane.slice();
  if (height === 1 && width === 1) return values;
  const [h, w] = [Math.ceil(height / 2), Math.ceil(width / 2)];
  const [sum, count] = [new Float64Array(h * w), new Float64Array(h * w)];
  for (let i = 0; i < plane.length; i++) {
    if (removed[i]) continue;
    const block = Math.floor(Math.floor(i / width) / 2) * w + Math.floor((i % width) / 2);
    sum[block]! += plane[i]!;
    count[block]!++;
  }
  const coarse = sum.map((s, b) => (count[b]! > 0 ? s / count[b]! : 0));
  const empty = Uint8Array.from(count, n => (n === 0 ? 1 : 0));
  const filled = empty.includes(1) ? fillByPyramid(coarse, empty, h, w) : coarse;
  for (let i = 0; i < plane.length; i++) {
    if (removed[i]) values[i] = filled[Math.floor(Math.floor(i / width) / 2) * w + Math.floor((i % width) / 2)]!;
  }
  return values;
}
