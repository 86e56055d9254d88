import { type Tensor, tensor } from '../tensor.ts';
import { gaussianBlur } from './blur.ts';
import { planes } from './planes.ts';
import { relabelled, type Segmentation } from './segmentation.ts';

export interface FelzenszwalbOptions {
  /** Larger scales make larger segments; as in scikit-image it counts in 1/255 of the image's units. */
  readonly scale: number;
  /** Gaussian smoothing beforehand, pixels. */
  readonly sigma: number;
  /** Smaller segments join a neighbour. */
  readonly minSize: number;
}

/**
 * Efficient graph-based segmentation (Felzenszwalb and Huttenlocher 2004, doi:10.1023/B:VISI.0000022288.19776.77) of
 * [h, w] or [h, w, c]. Pixels are joined along the smallest differences to their eight neighbours first, two segments
 * where the difference between them is below what either differs within itself, plus scale over its size.
 */
export function felzenszwalb(image: Tensor, { scale, sigma, minSize }: FelzenszwalbOptions): Segmentation {
  const { height, width, channels } = planes(image);
  const smooth = sigma > 0 ? gaussianBlur(image, sigma, { border: 'reflect' }) : image;
  const { from, to, cost } = neighbours(smooth.data, height, width, channels);
  const order = Uint32Array.from(cost.keys()).sort((a, b) => cost[a]! - cost[b]! || a - b);

  const segments = new Forest(height * width);
  const inner = new Float64Array(height * width);
  const limit = (s: number) => inner[s]! + scale / 255 / segments.size[s]!;
  for (const e of order) {
    const [a, b] = [segments.root(from[e]!), segments.root(to[e]!)];
    if (a !== b && cost[e]! < Math.min(limit(a), limit(b))) inner[segments.join(a, b)] = cost[e]!;
  }
  for (const e of order) {
    const [a, b] = [segments.root(from[e]!), segments.root(to[e]!)];
    if (a !== b && Math.min(segments.size[a]!, segments.size[b]!) < minSize) segments.join(a, b);
  }
  return relabelled(
    Int32Array.from({ length: height * width }, (_, p) => segments.root(p)),
    [height, width],
  );
}

/** Pairs of neighbouring pixels, to the right, below and along both diagonals, with the distance of their values. */
function neighbours(data: Float32Array, height: number, width: number, channels: number) {
  const [from, to, cost]: [number[], number[], number[]] = [[], [], []];
  for (const [dy, dx] of [
    [0, 1],
    [1, 0],
    [1, 1],
    [1, -1],
  ] as const) {
    for (let y = 0; y + dy < height; y++) {
      for (let x = Math.max(0, -dx); x < width && x + dx < width; x++) {
        const [a, b] = [y * width + x, (y + dy) * width + x + dx];
        let squares = 0;
        for (let c = 0; c < channels; c++) squares += (data[a * channels + c]! - data[b * channels + c]!) ** 2;
        from.push(a);
        to.push(b);
        cost.push(Math.sqrt(squares));
      }
    }
  }
  return { from: Int32Array.from(from), to: Int32Array.from(to), cost: Float64Array.from(cost) };
}

/** Disjoint sets of pixels; the root of each is its first pixel. */
class Forest {
  readonly size: Float64Array;
  readonly #parent: Int32Array;

  constructor(count: number) {
    this.#parent = Int32Array.from({ length: count }, (_, i) => i);
    this.size = new Float64Array(count).fill(1);
  }

  root(i: number): number {
    let at = i;
    while (this.#parent[at] !== at) {
      this.#parent[at] = this.#parent[this.#parent[at]!]!;
      at = this.#parent[at]!;
    }
    return at;
  }

  /** Joins the sets of two roots, and gives the root of both. */
  join(a: number, b: number): number {
    const [first, second] = [Math.min(a, b), Math.max(a, b)];
    this.#parent[second] = first;
    this.size[first]! += this.size[second]!;
    return first;
  }
}

/** Pixels within `radius` of each segment, as lists in row order, one for each segment. */
export function dilatedSegments({ labels, shape, count }: Segmentation, radius: number): Int32Array[] {
  const [height, width] = shape;
  const disk = diskOffsets(radius);
  const found: number[][] = Array.from({ length: count }, () => []);
  // The last pixel that each segment was found near.
  const last = new Int32Array(count).fill(-1);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const p = y * width + x;
      for (const [dy, dx] of disk) {
        const [yy, xx] = [y + dy, x + dx];
        if (yy < 0 || yy >= height || xx < 0 || xx >= width) continue;
        const s = labels[yy * width + xx]!;
        if (last[s] === p) continue;
        last[s] = p;
        found[s]!.push(p);
      }
    }
  }
  return found.map(pixels => Int32Array.from(pixels));
}

function diskOffsets(radius: number): readonly (readonly [number, number])[] {
  const side = Math.floor(radius);
  const all = Array.from({ length: (2 * side + 1) ** 2 }, (_, i): [number, number] => [
    Math.floor(i / (2 * side + 1)) - side,
    (i % (2 * side + 1)) - side,
  ]);
  return all.filter(([y, x]) => y * y + x * x <= radius * radius);
}

/** The image brought to −1…1; null where it is constant. */
export function toUnitRange(image: Tensor): Tensor | null {
  const [low, high] = image.data.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [Infinity, -Infinity]);
  if (!(high > low)) return null;
  return tensor(
    image.shape,
    image.data.map(v => (2 * (v - low)) / (high - low) - 1),
  );
}
