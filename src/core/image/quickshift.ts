import { createRng } from '../rng.ts';
import type { Tensor } from '../tensor.ts';
import { toLab } from './lab.ts';
import { planes } from './planes.ts';
import { relabelled, type Segmentation } from './segmentation.ts';

export interface QuickshiftOptions {
  /** Standard deviation of the density's Gaussian, pixels; it is cut at three of them. */
  readonly kernelSize: number;
  /** Links longer than this are cut: smaller means more segments. */
  readonly maxDistance: number;
  /** Weight of colour (L*a*b* times this) against position. */
  readonly ratio: number;
}

/** What breaks ties between equal densities, as in scikit-image: noise of this SD, here always the same. */
const TIE_NOISE = 1e-5;

/**
 * Quick shift (Vedaldi & Soatto 2008, doi:10.1007/978-3-540-88693-8_52) in (y, x, ratio·L*a*b*) of an image in 0…1,
 * [h, w] or [h, w, 3]: every pixel is linked to its nearest neighbour of higher density; trees are segments.
 */
export function quickshift(image: Tensor, options: QuickshiftOptions): Segmentation {
  const { height, width } = planes(image);
  const field: Field = { height, width, colours: colourPlanes(image, options.ratio) };
  const radius = Math.ceil(3 * options.kernelSize);
  const density = densities(field, radius, options.kernelSize);
  const rng = createRng('quickshift');
  for (let p = 0; p < density.length; p++) density[p]! += TIE_NOISE * rng.normal();
  const parent = links(field, density, radius, options.maxDistance);
  return relabelled(roots(parent), [height, width]);
}

interface Field {
  readonly height: number;
  readonly width: number;
  /** One plane per colour channel. */
  readonly colours: readonly Float64Array[];
}

function colourPlanes(image: Tensor, ratio: number): Float64Array[] {
  const lab = toLab(image);
  const channels = lab.shape[2]!;
  const pixels = lab.data.length / channels;
  return Array.from({ length: channels }, (_, k) =>
    Float64Array.from({ length: pixels }, (_, p) => lab.data[p * channels + k]! * ratio),
  );
}

/** Parzen density of every pixel. Every pair is visited once; exp comes from a table. */
function densities(field: Field, radius: number, sigma: number): Float64Array {
  const { height, width, colours } = field;
  const density = new Float64Array(height * width).fill(1);
  const scale = EXP_STEPS / (2 * sigma * sigma);
  for (let dy = 0; dy <= Math.min(radius, height - 1); dy++) {
    for (let dx = dy === 0 ? 1 : -radius; dx <= radius; dx++) {
      const near = Math.exp(-(dy * dy + dx * dx) / (2 * sigma * sigma));
      const [x0, x1] = [Math.max(0, -dx), Math.min(width, width - dx)];
      for (let y = 0; y + dy < height; y++) {
        const shift = dy * width + dx;
        for (let p = y * width + x0; p < y * width + x1; p++) {
          let d = 0;
          for (let k = 0; k < colours.length; k++) {
            const plane = colours[k]!;
            const difference = plane[p]! - plane[p + shift]!;
            d += difference * difference;
          }
          const at = d * scale;
          if (at >= EXP_LENGTH) continue;
          const i = at | 0;
          const low = EXP_TABLE[i]!;
          const w = near * (low + (at - i) * (EXP_TABLE[i + 1]! - low));
          density[p]! += w;
          density[p + shift]! += w;
        }
      }
    }
  }
  return density;
}

/** e^−x for x < 32 by linear interpolation: wrong by less than 8e-9, far below the noise that breaks ties. */
const EXP_STEPS = 4096;
const EXP_LENGTH = 32 * EXP_STEPS;
const EXP_TABLE = Float64Array.from({ length: EXP_LENGTH + 2 }, (_, i) => Math.exp(-i / EXP_STEPS));

/** Per pixel, the nearest pixel of higher density within the radius and `maxDistance`; itself where there is none. */
function links(field: Field, density: Float64Array, radius: number, maxDistance: number): Int32Array {
  const { height, width, colours } = field;
  const offsets = offsetsByDistance(radius);
  const parent = new Int32Array(density.length);
  for (let p = 0; p < density.length; p++) {
    const [y, x] = [Math.floor(p / width), p % width];
    let [closest, link] = [maxDistance * maxDistance, p];
    for (let o = 0; o < offsets.dy.length; o++) {
      const near = offsets.squared[o]!;
      // Colour only adds to the distance, and offsets are sorted: nothing nearer follows.
      if (near > closest || (near === closest && link !== p)) break;
      const [yy, xx] = [y + offsets.dy[o]!, x + offsets.dx[o]!];
      if (yy < 0 || yy >= height || xx < 0 || xx >= width) continue;
      const q = yy * width + xx;
      if (density[q]! <= density[p]!) continue;
      let d = near;
      for (let k = 0; k < colours.length; k++) {
        const difference = colours[k]![p]! - colours[k]![q]!;
        d += difference * difference;
      }
      if (d < closest || (d === closest && link === p)) [closest, link] = [d, q];
    }
    parent[p] = link;
  }
  return parent;
}

function offsetsByDistance(radius: number): { dy: Int32Array; dx: Int32Array; squared: Float64Array } {
  const all: [number, number][] = [];
  for (let dy = -radius; dy <= radius; dy++) {
    for (let dx = -radius; dx <= radius; dx++) if (dy !== 0 || dx !== 0) all.push([dy, dx]);
  }
  all.sort((a, b) => a[0] ** 2 + a[1] ** 2 - b[0] ** 2 - b[1] ** 2);
  return {
    dy: Int32Array.from(all, o => o[0]),
    dx: Int32Array.from(all, o => o[1]),
    squared: Float64Array.from(all, o => o[0] ** 2 + o[1] ** 2),
  };
}

/** Follows links to their ends, doubling the step; densities rise along them, so there is no cycle. */
function roots(parent: Int32Array): Int32Array {
  let root = parent;
  for (;;) {
    const next = root.map(p => root[p]!);
    if (next.every((p, i) => p === root[i])) return next;
    root = next;
  }
}
