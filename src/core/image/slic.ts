import { type Tensor, tensor } from '../tensor.ts';
import { gaussianBlur } from './blur.ts';
import { planes } from './planes.ts';
import { relabelled, type Segmentation } from './segmentation.ts';

export interface SlicOptions {
  /** Segments wanted, about: seeds stand on a square grid. */
  readonly segments: number;
  /** How much nearness counts against likeness: 0.1 follows edges in an image of range 1, 10 gives squares. */
  readonly compactness: number;
  /** Pixels of Gaussian smoothing beforehand. */
  readonly sigma: number;
  readonly iterations?: number;
}

/**
 * SLIC superpixels (Achanta et al. 2012, doi:10.1109/TPAMI.2012.120) of [h, w] or [h, w, c], connected.
 *
 * As in scikit-image: values are brought to 0…1 first, the first assignment goes by distance alone, pieces under
 * half the mean size join a neighbour and pieces above three times are cut.
 */
export function slic(image: Tensor, options: SlicOptions): Segmentation {
  const { height, width } = planes(image);
  const seeds = seedGrid(height, width, options.segments);
  const features = featuresOf(image, options);
  const labels = cluster(features, seeds, options.iterations ?? 10);
  const meanSize = (height * width) / seeds.y.length;
  const connected = connect(labels, [height, width], Math.floor(0.5 * meanSize), Math.floor(3 * meanSize));
  return relabelled(connected, [height, width]);
}

/** The most segments that an image of this size can be cut into: pieces under half the mean size join a neighbour. */
export function slicLimit(height: number, width: number, segments: number): number {
  const meanSize = (height * width) / seedGrid(height, width, segments).y.length;
  return Math.ceil((height * width) / Math.max(1, Math.floor(0.5 * meanSize))) + 1;
}

interface Features {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly data: Float64Array;
}

function featuresOf(image: Tensor, { compactness, sigma }: SlicOptions): Features {
  const { height, width, channels } = planes(image);
  let [min, max] = [Infinity, -Infinity];
  for (const v of image.data) {
    if (v < min) min = v;
    if (v > max) max = v;
  }
  const range = max > min ? max - min : 1;
  const unit = tensor(
    image.shape,
    image.data.map(v => (v - min) / range),
  );
  const smooth = sigma > 0 ? gaussianBlur(unit, sigma, { border: 'reflect' }) : unit;
  return { height, width, channels, data: Float64Array.from(smooth.data, v => v / compactness) };
}

interface Seeds {
  readonly y: Float64Array;
  readonly x: Float64Array;
  /** Grid steps of the seeds asked for; the larger is the unit of distance. */
  readonly step: readonly [number, number];
}

/** Steps of a square grid with about n points, and where it starts; thin images get one row or column. */
function gridSteps(height: number, width: number, n: number): { step: [number, number]; start: [number, number] } {
  if (height * width <= n) return { step: [1, 1], start: [0, 0] };
  let size: [number, number] = [Math.sqrt((height * width) / n), Math.sqrt((height * width) / n)];
  if (height < size[0] && height <= width) size = [height, Math.max(1, width / n)];
  else if (width < size[1]) size = [Math.max(1, height / n), width];
  const round = (v: number) => Math.max(1, Math.round(v));
  return {
    step: [round(size[0]), round(size[1])],
    start: [Math.floor(size[0] / 2), Math.floor(size[1] / 2)],
  };
}

function seedGrid(height: number, width: number, n: number): Seeds {
  const { step, start } = gridSteps(height, width, n);
  const [ys, xs]: [number[], number[]] = [[], []];
  for (let y = start[0]; y < height; y += step[0]) {
    for (let x = start[1]; x < width; x += step[1]) {
      ys.push(y);
      xs.push(x);
    }
  }
  return { y: Float64Array.from(ys), x: Float64Array.from(xs), step };
}

/** k-means in (y, x, values), each centre looking two grid steps around itself. */
function cluster(features: Features, seeds: Seeds, iterations: number): Int32Array {
  const { height, width, channels, data } = features;
  const n = seeds.y.length;
  const reach = gridSteps(height, width, n).step;
  const nearness = 1 / Math.max(...seeds.step) ** 2;
  const [cy, cx, colour] = [seeds.y.slice(), seeds.x.slice(), new Float64Array(n * channels)];
  const labels = new Int32Array(height * width);
  const best = new Float64Array(height * width);
  const alive = new Uint8Array(n).fill(1);
  const across = new Float64Array(width);
  for (let iteration = 0; iteration < iterations; iteration++) {
    const windows = Array.from({ length: n }, (_, s) => ({
      y0: Math.trunc(Math.max(cy[s]! - 2 * reach[0], 0)),
      y1: Math.trunc(Math.min(cy[s]! + 2 * reach[0] + 1, height)),
      x0: Math.trunc(Math.max(cx[s]! - 2 * reach[1], 0)),
      x1: Math.trunc(Math.min(cx[s]! + 2 * reach[1] + 1, width)),
    }));
    // Its last centre is mostly a pixel's nearest still, so that most others are seen to be farther off by place alone.
    for (let p = 0, y = 0, x = 0; p < labels.length; p++, x++) {
      if (x === width) [y, x] = [y + 1, 0];
      const s = labels[p]!;
      const { y0, y1, x0, x1 } = windows[s]!;
      best[p] = Infinity;
      if (iteration === 0 || y < y0 || y >= y1 || x < x0 || x >= x1) continue;
      let distance = ((cy[s]! - y) ** 2 + (cx[s]! - x) ** 2) * nearness;
      for (let k = 0; k < channels; k++) distance += (data[p * channels + k]! - colour[s * channels + k]!) ** 2;
      best[p] = distance;
    }
    for (let s = 0; s < n; s++) {
      if (!alive[s]) continue;
      const { y0, y1, x0, x1 } = windows[s]!;
      const [row, column] = [cy[s]!, cx[s]!];
      for (let x = x0; x < x1; x++) across[x] = (column - x) ** 2;
      for (let y = y0; y < y1; y++) {
        const down = (row - y) ** 2;
        for (let x = x0, p = y * width + x0; x < x1; x++, p++) {
          let distance = (down + across[x]!) * nearness;
          if (distance > best[p]!) continue;
          if (iteration > 0) {
            for (let k = 0; k < channels; k++) {
              const d = data[p * channels + k]! - colour[s * channels + k]!;
              distance += d * d;
            }
          }
          // Of centres that are equally near the first one has the pixel.
          if (distance < best[p]! || (distance === best[p]! && s < labels[p]!)) {
            best[p] = distance;
            labels[p] = s;
          }
        }
      }
    }
    moveCentres({ features, labels, cy, cx, colour, alive });
  }
  return labels;
}

interface Centres {
  readonly features: Features;
  readonly labels: Int32Array;
  readonly cy: Float64Array;
  readonly cx: Float64Array;
  readonly colour: Float64Array;
  readonly alive: Uint8Array;
}

/** Every centre becomes the mean of its pixels; one without pixels is out. */
function moveCentres({ features, labels, cy, cx, colour, alive }: Centres): void {
  const { width, channels, data } = features;
  const size = new Float64Array(cy.length);
  for (const sums of [cy, cx, colour]) sums.fill(0);
  for (let p = 0, y = 0, x = 0; p < labels.length; p++, x++) {
    if (x === width) [y, x] = [y + 1, 0];
    const s = labels[p]!;
    size[s]!++;
    cy[s]! += y;
    cx[s]! += x;
    for (let k = 0; k < channels; k++) colour[s * channels + k]! += data[p * channels + k]!;
  }
  for (let s = 0; s < cy.length; s++) {
    alive[s] = size[s]! > 0 ? 1 : 0;
    if (!alive[s]) continue;
    cy[s]! /= size[s]!;
    cx[s]! /= size[s]!;
    for (let k = 0; k < channels; k++) colour[s * channels + k]! /= size[s]!;
  }
}

/**
 * Splits clusters into connected pieces (four neighbours). A piece under `minSize` takes the label of a finished piece
 * that it touches; one that reaches `maxSize` is closed there and goes on as another.
 */
function connect(labels: Int32Array, shape: readonly [number, number], minSize: number, maxSize: number): Int32Array {
  const [height, width] = shape;
  const out = new Int32Array(labels.length).fill(-1);
  const piece = new Int32Array(labels.length);
  const right = (p: number, x: number) => (x + 1 < width ? p + 1 : -1);
  const left = (p: number, x: number) => (x > 0 ? p - 1 : -1);
  const below = (p: number) => (p + width < height * width ? p + width : -1);
  let pieces = 0;
  for (let first = 0; first < labels.length; first++) {
    if (out[first]! >= 0) continue;
    const label = labels[first]!;
    out[first] = pieces;
    piece[0] = first;
    let size = 1;
    let touching = -1;
    for (let next = 0; next < size && size < maxSize; next++) {
      const p = piece[next]!;
      const x = p % width;
      for (let side = 0; side < 4; side++) {
        const q = side === 0 ? right(p, x) : side === 1 ? left(p, x) : side === 2 ? below(p) : p - width;
        if (q < 0 || size >= maxSize) continue;
        if (out[q]! < 0) {
          if (labels[q] !== label) continue;
          out[q] = pieces;
          piece[size++] = q;
        } else if (out[q] !== pieces) touching = out[q]!;
      }
    }
    if (size < minSize && touching >= 0) for (let i = 0; i < size; i++) out[piece[i]!] = touching;
    else pieces++;
  }
  return out;
}
