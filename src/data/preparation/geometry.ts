import type { ModelCard, Source } from '../../core/contracts/index.ts';
import { CtXaiError } from '../../core/errors.ts';
import { planes } from '../../core/image/planes.ts';
import { resizeBilinear } from '../../core/image/resize.ts';
import { planar, type Tensor, tensor } from '../../core/tensor.ts';
import { regionOf } from './region.ts';

type Size = readonly [number, number];

/** Where the model's grid lies on the source image. */
export interface Geometry {
  /** [rows, columns] of the source. */
  readonly source: Size;
  /** What of the source fills the grid, in its pixels; it reaches beyond the source where the image is padded. */
  readonly window: Box;
  /** [rows, columns] of the grid. */
  readonly grid: Size;
}

/** A rectangle of an image, in pixels. */
export interface Box {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/**
 * How an image of `source` size, or a part of it, is laid on the grid. `stretch`: all of it, whatever the aspect.
 * `crop`: the largest window in its middle with the grid's aspect. `pad`: the smallest window around it with the grid's
 * aspect.
 */
export function layOut(
  source: Size,
  grid: Size,
  fit: ModelCard['resize']['fit'],
  part: Box = { top: 0, left: 0, height: source[0], width: source[1] },
): Geometry {
  const aspect = grid[1] / grid[0];
  let { height, width } = part;
  if (fit !== 'stretch') {
    const wider = part.width / part.height > aspect;
    // Cropping a wide image, or padding a tall one, changes its width.
    if (wider === (fit === 'crop')) width = Math.max(1, Math.round(part.height * aspect));
    else height = Math.max(1, Math.round(part.width / aspect));
  }
  return { source, window: inMiddle(part, height, width), grid };
}

function inMiddle(part: Box, height: number, width: number): Box {
  const top = part.top + Math.floor((part.height - height) / 2);
  const left = part.left + Math.floor((part.width - width) / 2);
  return { top, left, height, width };
}

/** A window may not be larger than this a side: then the spacing is wrong. */
const MOST_SIDE = 16_384;

/**
 * How a model's card lays an image on its grid. The part that is shown is the whole slice, or the card's region of it.
 * It is laid out by the card's fit, or, where the card says a spacing, the window in its middle that makes pixels of
 * the grid so wide, cropped or padded.
 * @throws CtXaiError IMAGE where the card says a spacing and the image has none, or one that can't be, and where the
 *   card's region is not found
 * @param lung the data's own mask of the lungs, in place of ours
 */
export function geometryOf(
  image: Pick<Source, 'pixels' | 'spacing'>,
  card: Pick<ModelCard, 'id' | 'input' | 'intensity' | 'resize'>,
  where: string,
  lung?: Tensor,
): Geometry {
  const { pixels, spacing } = image;
  const { input, resize } = card;
  const [source, grid] = [planar(pixels.shape), planar(input.size)];
  const part = resize.region ? regionOf(image, card, where, lung) : undefined;
  if (resize.spacing === undefined) return layOut(source, grid, resize.fit, part);
  if (!spacing) {
    throw new CtXaiError('IMAGE', `${where} does not say its spacing, and the model wants ${resize.spacing} mm.`, {
      hint: "Set the data's 'spacing', or take 'spacing' out of the card's resize.",
    });
  }
  const sides = planar(spacing);
  const [height, width] = grid.map((n, i) => Math.max(1, Math.round((n * resize.spacing!) / sides[i]!))) as [
    number,
    number,
  ];
  if (!(height <= MOST_SIDE && width <= MOST_SIDE)) {
    throw new CtXaiError('IMAGE', `${where} has pixels of ${sides.join(' × ')} mm, which can't be.`);
  }
  const whole = { top: 0, left: 0, height: source[0], width: source[1] };
  return { source, window: inMiddle(part ?? whole, height, width), grid };
}

/** Millimetres per pixel of the grid, [rows, columns]. */
export function gridSpacing({ window, grid }: Geometry, source: Size): [number, number] {
  return [(source[0] * window.height) / grid[0], (source[1] * window.width) / grid[1]];
}

/** Source values, [h, w] or [h, w, c], on the grid; `beyond` fills what lies outside the source. */
export function toGrid(
  image: Tensor,
  geometry: Geometry,
  options: { readonly beyond: number; readonly antialias: boolean; readonly round?: boolean },
): Tensor {
  const part = cut(image, geometry, options.beyond);
  return resizeBilinear(part, geometry.grid, { antialias: options.antialias, uint8: options.round ?? false });
}

/** A mask [h, w] of 0 and 1 on the grid: 1 where at least half of a pixel's footprint is inside. */
export function maskToGrid(mask: Tensor, geometry: Geometry): Tensor {
  const share = resizeBilinear(cut(mask, geometry, 0), geometry.grid, { antialias: true });
  return tensor(
    share.shape,
    // Weights sum to 1 only within float rounding.
    share.data.map(v => (v >= 0.5 - 1e-6 ? 1 : 0)),
  );
}

/** The geometry's window of the source. */
function cut(image: Tensor, { source, window }: Geometry, beyond: number): Tensor {
  const [h, w] = source;
  if (window.top === 0 && window.left === 0 && window.height === h && window.width === w) return image;
  const { channels, shape } = planes(image);
  const size = window.height * window.width * channels;
  const out = tensor(shape(window.height, window.width), new Float32Array(size).fill(beyond));
  const first = Math.max(0, window.left);
  const end = Math.min(w, window.left + window.width);
  for (let row = Math.max(0, -window.top); row < window.height && row + window.top < h; row++) {
    const from = (row + window.top) * w;
    out.data.set(
      image.data.subarray((from + first) * channels, (from + end) * channels),
      (row * window.width + first - window.left) * channels,
    );
  }
  return out;
}

/**
 * A map [h, w] on the grid, brought to the source's pixels: bilinear between the centres of the grid's pixels, edges
 * clamped. What the grid did not see (cropped away) is 0.
 */
export function fromGrid(map: Tensor, { source, window, grid }: Geometry): Tensor {
  const [h, w] = source;
  const rows = placesOf(h, window.top, window.height, grid[0]);
  const columns = placesOf(w, window.left, window.width, grid[1]);
  const out = tensor([h, w]);
  for (let y = 0; y < h; y++) {
    const row = rows[y];
    if (!row) continue;
    for (let x = 0; x < w; x++) {
      const column = columns[x];
      if (!column) continue;
      const at = (r: number, c: number) => map.data[r * grid[1] + c]!;
      const upper = at(row.low, column.low) * (1 - column.share) + at(row.low, column.high) * column.share;
      const lower = at(row.high, column.low) * (1 - column.share) + at(row.high, column.high) * column.share;
      out.data[y * w + x] = upper * (1 - row.share) + lower * row.share;
    }
  }
  return out;
}

interface Place {
  readonly low: number;
  readonly high: number;
  /** Of `high`. */
  readonly share: number;
}

/** For each source pixel along an axis the grid's pixels around its centre; undefined outside the window. */
function placesOf(length: number, first: number, extent: number, cells: number): (Place | undefined)[] {
  return Array.from({ length }, (_, i) => {
    if (i < first || i >= first + extent) return undefined;
    const position = ((i - first + 0.5) * cells) / extent - 0.5;
    const clamped = Math.min(cells - 1, Math.max(0, position));
    const low = Math.floor(clamped);
    return { low, high: Math.min(cells - 1, low + 1), share: clamped - low };
  });
}
