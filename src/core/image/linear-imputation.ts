import { type Tensor, tensor } from '../tensor.ts';

const DIRECT = 1 / 6;
const DIAGONAL = 1 / 12;
const TOLERANCE = 1e-7;
const MOST_ITERATIONS = 5000;

interface Neighbours {
  /** Removed pixels. */
  readonly unknown: Int32Array;
  /** Eight per removed pixel: another removed pixel's place in `unknown`, or the place after the last one. */
  readonly links: Int32Array;
  /** Eight per removed pixel: a kept pixel, or NONE. */
  readonly kept: Int32Array;
  /** Sum of the weights of the neighbours that lie in the image. */
  readonly degree: Float64Array;
}

const NONE = -1;
const WEIGHTS = [DIAGONAL, DIRECT, DIAGONAL, DIRECT, DIRECT, DIAGONAL, DIRECT, DIAGONAL];

/**
 * Removed pixels filled so that each is the mean of its eight neighbours, direct ones weighing 1/6 and diagonal ones
 * 1/12 (Rong et al. 2022, section 4.2, without its noise); neighbours outside the image do not count. The equations are
 * solved by conjugate gradients, from a filled image pyramid.
 * @param image [h, w, c]
 * @param removed [h, w] of 0 and 1
 * @returns null where every pixel is removed: nothing is left to fill from
 */
export function imputeLinearly(image: Tensor, removed: Uint8Array): Tensor | null {
  const [height, width, channels] = image.shape as [number, number, number];
  if (!removed.includes(0)) return null;
  const out = tensor(image.shape, image.data.slice());
  if (!removed.includes(1)) return out;
  const neighbours = neighboursOf(removed, height, width);
  for (let k = 0; k < channels; k++) {
    const plane = Float64Array.from({ length: height * width }, (_, i) => image.data[i * channels + k]!);
    const start = fillByPyramid(plane, removed, height, width);
    const solved = solve(neighbours, plane, start);
    neighbours.unknown.forEach((pixel, u) => {
      out.data[pixel * channels + k] = solved[u]!;
    });
  }
  return out;
}

function neighboursOf(removed: Uint8Array, height: number, width: number): Neighbours {
  const place = new Int32Array(removed.length).fill(-1);
  const pixels: number[] = [];
  for (let i = 0; i < removed.length; i++) if (removed[i]) place[i] = pixels.push(i) - 1;
  const unknown = Int32Array.from(pixels);
  const links = new Int32Array(8 * unknown.length).fill(unknown.length);
  const kept = new Int32Array(8 * unknown.length).fill(NONE);
  const degree = new Float64Array(unknown.length);
  unknown.forEach((pixel, u) => {
    const [y, x] = [Math.floor(pixel / width), pixel % width];
    let n = 0;
    for (let dy = -1; dy <= 1; dy++) {
      for (let dx = -1; dx <= 1; dx++) {
        if (dy === 0 && dx === 0) continue;
        const [yy, xx] = [y + dy, x + dx];
        if (yy >= 0 && yy < height && xx >= 0 && xx < width) {
          const other = yy * width + xx;
          if (removed[other]) links[8 * u + n] = place[other]!;
          else kept[8 * u + n] = other;
          degree[u]! += WEIGHTS[n]!;
        }
        n++;
      }
    }
  });
  return { unknown, links, kept, degree };
}

/** Conjugate gradients, preconditioned by the diagonal; the matrix is symmetric and positive definite. */
function solve(neighbours: Neighbours, plane: Float64Array, start: Float64Array): Float64Array {
  const { unknown, kept, degree } = neighbours;
  const n = unknown.length;
  // One place more, always 0, for neighbours that are no unknowns: no branch in the inner loop.
  const x = new Float64Array(n + 1);
  const direction = new Float64Array(n + 1);
  const residual = new Float64Array(n);
  const image = new Float64Array(n);
  let scale = 0;
  unknown.forEach((pixel, u) => {
    x[u] = start[pixel]!;
    scale = Math.max(scale, Math.abs(start[pixel]!));
  });
  multiply(neighbours, x, image);
  let [product, largest] = [0, 0];
  for (let u = 0; u < n; u++) {
    let known = 0;
    for (let j = 0; j < 8; j++) {
      const pixel = kept[8 * u + j]!;
      if (pixel !== NONE) known += WEIGHTS[j]! * plane[pixel]!;
    }
    const r = known - image[u]!;
    residual[u] = r;
    product += (r * r) / degree[u]!;
    largest = Math.max(largest, Math.abs(r));
  }
  let keep = 0;
  for (let iteration = 0; iteration < MOST_ITERATIONS && largest > TOLERANCE * scale; iteration++) {
    for (let u = 0; u < n; u++) direction[u] = residual[u]! / degree[u]! + keep * direction[u]!;
    const curvature = multiply(neighbours, direction, image);
    const step = product / curvature;
    const previous = product;
    [product, largest] = [0, 0];
    for (let u = 0; u < n; u++) {
      x[u]! += step * direction[u]!;
      const r = residual[u]! - step * image[u]!;
      residual[u] = r;
      product += (r * r) / degree[u]!;
      largest = Math.max(largest, Math.abs(r));
    }
    keep = product / previous;
  }
  return x;
}

/** Writes the matrix times `v` to `out`; returns their scalar product. */
function multiply({ links, degree }: Neighbours, v: Float64Array, out: Float64Array): number {
  let product = 0;
  for (let u = 0, l = 0; u < out.length; u++, l += 8) {
    const sum =
      degree[u]! * v[u]! -
      DIAGONAL * v[links[l]!]! -
      DIRECT * v[links[l + 1]!]! -
      DIAGONAL * v[links[l + 2]!]! -
      DIRECT * v[links[l + 3]!]! -
      DIRECT * v[links[l + 4]!]! -
      DIAGONAL * v[links[l + 5]!]! -
      DIRECT * v[links[l + 6]!]! -
      DIAGONAL * v[links[l + 7]!]!;
    out[u] = sum;
    product += v[u]! * sum;
  }
  return product;
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
