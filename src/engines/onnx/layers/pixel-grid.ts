import type { Layout } from '../../shared/layer-map.ts';

/** How a layer's values for one image lie over its pixels. */
export interface PixelGrid {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly layout: Layout;
  /** Tokens before those of the pixels, such as a class token. Default: 0. */
  readonly extraTokens?: number;
}

/** Where the image was changed, as shares of its height and width. */
export interface Place {
  readonly row: number;
  readonly column: number;
}

/**
 * Four places with four rows and four columns in other orders, so that rows can't be taken for columns, nor one end for
 * the other, even on a grid of two by two.
 */
export const PLACES: readonly Place[] = [
  { row: 0.14, column: 0.36 },
  { row: 0.38, column: 0.86 },
  { row: 0.62, column: 0.14 },
  { row: 0.86, column: 0.64 },
];

/** A grid that a layer's shape allows. */
export interface PossibleGrid extends PixelGrid {
  /** The axis of the channels, the batch being axis 0. */
  readonly channelAxis: number;
}

/** What shows that cells follow the image's pixels: correlations with the places below it are chance. */
const FOLLOWS = 0.5;
/** Tokens before those of the pixels, at most: a class token, a distillation token, registers. */
const MOST_EXTRA = 8;

/**
 * The grids that a layer of this shape may have, those with the fewest extra tokens first.
 * @param dims Without the batch.
 * @param size The image's rows and columns.
 */
export function possibleGrids(dims: readonly number[], size: readonly [number, number]): PossibleGrid[] {
  const [a = 0, b = 0, c = 0] = dims;
  if (dims.length === 2) return [...tokenGrids(a, b, size), ...channelsFirstTokens(a, b, size)];
  if (dims.length !== 3) return [];
  const both: PossibleGrid[] = [
    { layout: 'NCHW', height: b, width: c, channels: a, channelAxis: 1 },
    { layout: 'NHWC', height: a, width: b, channels: c, channelAxis: 3 },
  ];
  return both.filter(({ height, width }) => height > 1 && width > 1 && alike(height, width, size));
}

function tokenGrids(tokens: number, channels: number, size: readonly [number, number]): PossibleGrid[] {
  const found: PossibleGrid[] = [];
  for (let extraTokens = 0; extraTokens <= MOST_EXTRA; extraTokens++) {
    for (const [height, width] of rectangles(tokens - extraTokens, size)) {
      const extra = extraTokens > 0 ? { extraTokens } : {};
      found.push({ layout: 'NHWC', height, width, channels, channelAxis: 2, ...extra });
    }
  }
  return found;
}

function channelsFirstTokens(channels: number, tokens: number, size: readonly [number, number]): PossibleGrid[] {
  return rectangles(tokens, size).map(([height, width]) => ({
    ...{ layout: 'NCHW', height, width, channels, channelAxis: 1 },
  }));
}

/**
 * The first grid whose cells follow the image's pixels, or why there is none.
 * @param changes For each grid and place: Σ |change| over the channels of each cell, extra tokens included, row by row.
 */
export function pixelGrid(
  grids: readonly PossibleGrid[],
  changes: readonly (readonly Float32Array[])[],
): PixelGrid | string {
  if (grids.length === 0) return NO_GRID;
  let reason = UNRELATED;
  for (const [g, { channelAxis: _, ...grid }] of grids.entries()) {
    const { height, width, extraTokens = 0 } = grid;
    const cells = changes[g]!.map(all => all.subarray(extraTokens, extraTokens + height * width));
    const changed = cells.map(total);
    const largest = Math.max(...changed);
    if (!(largest > 0)) return 'it does not change with the image';
    if (changed.some(sum => !(sum > 1e-4 * largest))) reason = 'it sees only a part of the image';
    else if (follows(cells, height, width) >= FOLLOWS) return grid;
  }
  return reason;
}

const NO_GRID = 'none of its axes are the image’s rows and columns';
const UNRELATED = 'its cells do not follow the pixels of the image';

/** Whether rows and columns have the image's proportions, up to what strides and borders take off. */
function alike(height: number, width: number, [rows, columns]: readonly [number, number]): boolean {
  const off = Math.abs(Math.log((height * columns) / (width * rows)));
  return off <= Math.log(1 + 1.5 / Math.min(height, width));
}

/** Rows and columns of so many patches, in the image's proportions to less than one patch. */
function rectangles(count: number, [rows, columns]: readonly [number, number]): [number, number][] {
  const found: [number, number][] = [];
  for (let height = 2; height * 2 <= count; height++) {
    const width = count / height;
    const off = Math.abs(height * columns - width * rows);
    if (Number.isInteger(width) && off < Math.max(rows, columns)) found.push([height, width]);
  }
  return found;
}

/** How far changed cells follow the places, along rows and along columns: the lesser of the two, −1…1. */
function follows(changes: readonly Float32Array[], height: number, width: number): number {
  const along = (lines: number, lineOf: (cell: number) => number) =>
    changes.map(cells => {
      const sums = new Float64Array(lines);
      for (const [i, value] of cells.entries()) sums[lineOf(i)]! += value;
      return sums;
    });
  const byRow = agreement(
    along(height, i => Math.floor(i / width)),
    PLACES.map(place => place.row),
  );
  const byColumn = agreement(
    along(width, i => i % width),
    PLACES.map(place => place.column),
  );
  return Math.min(byRow, byColumn);
}

const total = (values: Float32Array) => values.reduce((a, b) => a + b, 0);

/**
 * Correlation, over places and cells, of the shares of each place's change with where the places lie. What is the same
 * for all places (cells that change most wherever the image does) is taken off first.
 */
function agreement(profiles: readonly Float64Array[], at: readonly number[]): number {
  const cells = profiles[0]!.length;
  const width = Math.max(0.12, 0.5 / cells);
  const near = (a: number, b: number) => Math.exp(-0.5 * ((a - b) / width) ** 2);
  const middle = (i: number) => (i + 0.5) / cells;
  const expected = at.map(place => Float64Array.from({ length: cells }, (_, i) => near(middle(i), place)));
  // Single cells may change by much more than their neighbours: what counts is where they lie.
  const spread = profiles.map(profile =>
    Float64Array.from(profile, (_, i) => profile.reduce((sum, v, j) => sum + v * near(middle(i), middle(j)), 0)),
  );
  const [seen, wanted] = [contrasts(spread), contrasts(expected)];
  let [both, first, second] = [0, 0, 0];
  for (const [k, row] of seen.entries()) {
    for (const [i, value] of row.entries()) {
      both += value * wanted[k]![i]!;
      first += value ** 2;
      second += wanted[k]![i]! ** 2;
    }
  }
  return first > 0 ? both / Math.sqrt(first * second) : 0;
}

/** Each row as shares of its sum, less the mean of all rows. */
function contrasts(rows: readonly ArrayLike<number>[]): Float64Array[] {
  const shares = rows.map(row => {
    const values = Float64Array.from(row);
    const sum = values.reduce((a, b) => a + b, 0);
    return values.map(v => v / sum);
  });
  const mean = shares[0]!.map((_, i) => shares.reduce((sum, row) => sum + row[i]!, 0) / shares.length);
  return shares.map(row => row.map((v, i) => v - mean[i]!));
}
