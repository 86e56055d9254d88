import type { Layout } from './layer-map.ts';

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

/** Four more, where none of the first lies: what followed those by chance does not follow these. */
export const OTHER_PLACES: readonly Place[] = [
  { row: 0.62, column: 0.86 },
  { row: 0.86, column: 0.36 },
  { row: 0.14, column: 0.64 },
  { row: 0.38, column: 0.14 },
];

/** Cells of a grid, at most, that may follow four places by chance. */
const FEW_CELLS = 9;

/** Whether a grid has so few cells that it must be seen to follow other places too. */
export function hasFewCells({ height, width }: Pick<PixelGrid, 'height' | 'width'>): boolean {
  return height * width <= FEW_CELLS;
}

/** A grid that a layer's shape allows. */
export interface PossibleGrid extends PixelGrid {
  /** The axis of the channels, the batch being axis 0. */
  readonly channelAxis: number;
  /** Patches that an axis taken for rows or columns may count instead, row by row. */
  readonly patches?: { readonly rows: readonly Patches[]; readonly columns: readonly Patches[] };
}

interface Patches {
  readonly height: number;
  readonly width: number;
  /** Tokens before them. */
  readonly extra: number;
}

/** What shows that cells follow the image's pixels: correlations with the places below it are chance. */
const FOLLOWS = 0.5;
/** Tokens before those of the pixels, at most: a class token, a distillation token, registers. */
const MOST_EXTRA = 8;

/**
 * The grids that a layer of this shape may have, those with the fewest extra tokens first.
 * @param dims Without the batch.
 * @param size The image's rows and columns.
 * @param kept The layout in which operators keep rows and columns, where they do. Strides that differ along both give
 * other proportions than the image's, which are not expected otherwise.
 */
export function possibleGrids(dims: readonly number[], size: readonly [number, number], kept?: Layout): PossibleGrid[] {
  const [a = 0, b = 0, c = 0] = dims;
  if (dims.length === 2) return [...tokenGrids(a, b, size), ...channelsFirstTokens(a, b, size)];
  if (dims.length !== 3) return [];
  const both: PossibleGrid[] = [
    { layout: 'NCHW', height: b, width: c, channels: a, channelAxis: 1 },
    { layout: 'NHWC', height: a, width: b, channels: c, channelAxis: 3 },
  ];
  return both
    .filter(({ layout, height, width }) => height > 1 && width > 1 && (layout === kept || alike(height, width, size)))
    .map(grid => ({ ...grid, patches: { rows: patchesOf(grid.height, size), columns: patchesOf(grid.width, size) } }));
}

/** Grids of patches that so many tokens may be. */
function patchesOf(tokens: number, size: readonly [number, number]): Patches[] {
  return Array.from({ length: MOST_EXTRA + 1 }, (_, extra) =>
    rectangles(tokens - extra, size).map(([height, width]) => ({ height, width, extra })),
  ).flat();
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
 * The grid whose cells follow the image's pixels, or why there is none: of several that do, the first with its channels
 * on its axis, and of two axes the one that follows better.
 * @param changes For each grid and place: Σ |change| over the channels of each cell, extra tokens included, row by row.
 */
export function pixelGrid(
  grids: readonly PossibleGrid[],
  changes: readonly (readonly Float32Array[])[],
  places = PLACES,
): PixelGrid | string {
  if (grids.length === 0) return NO_GRID;
  let reason = UNRELATED;
  const best = new Map<number, { readonly grid: PixelGrid; readonly agreement: number }>();
  for (const [g, { channelAxis, patches, ...grid }] of grids.entries()) {
    if (best.has(channelAxis)) continue;
    const { height, width, extraTokens = 0 } = grid;
    const cells = changes[g]!.map(all => all.subarray(extraTokens, extraTokens + height * width));
    const changed = cells.map(total);
    const largest = Math.max(...changed);
    if (!(largest > 0) || changed.some(sum => !(sum > 1e-4 * largest))) {
      reason = largest > 0 ? 'it sees only a part of the image' : 'it does not change with the image';
      continue;
    }
    const agreement = follows(cells, { height, width, places });
    if (!(agreement >= FOLLOWS) || countsPatches(cells, { height, width, places }, patches)) continue;
    best.set(channelAxis, { grid, agreement });
  }
  const found = [...best.values()];
  if (found.length === 0) return reason;
  return found.reduce((a, b) => (b.agreement > a.agreement ? b : a)).grid;
}

const NO_GRID = 'none of its axes are the image’s rows and columns';
export const UNRELATED = 'its cells do not follow the pixels of the image';

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

/** Rows and columns of cells, and where the image was changed. */
interface Seen {
  readonly height: number;
  readonly width: number;
  readonly places: readonly Place[];
}

/**
 * How far changed cells follow the places, along rows and along columns: the lesser of the two, −1…1. Cells that follow
 * the mirrored image as well, as behind a sum of both or along rows read to and fro, follow neither.
 */
function follows(changes: readonly Float32Array[], { height, width, places }: Seen): number {
  const axes: readonly [readonly Float64Array[], readonly number[]][] = [
    [alongRows(changes, height, width), places.map(place => place.row)],
    [alongColumns(changes, width), places.map(place => place.column)],
  ];
  const each = axes.map(([profiles, at]) => {
    const mirrored = agreement(
      profiles,
      at.map(place => 1 - place),
    );
    return agreement(profiles, at) - Math.max(0, mirrored);
  });
  return Math.min(...each);
}

/**
 * Whether an axis counts patches and not rows or columns, as in an attention head's values, [tokens, channels of the head]:
 * then it follows the places as patches lie, better than as rows or columns do.
 */
function countsPatches(
  changes: readonly Float32Array[],
  { height, width, places }: Seen,
  patches: PossibleGrid['patches'],
): boolean {
  const axes = [
    { profiles: () => alongRows(changes, height, width), at: (p: Place) => p.row, possible: patches?.rows ?? [] },
    { profiles: () => alongColumns(changes, width), at: (p: Place) => p.column, possible: patches?.columns ?? [] },
  ];
  return axes.some(({ profiles, at, possible }) => {
    if (possible.length === 0) return false;
    const seen = contrasts(profiles());
    const cells = seen[0]!.length;
    const asLine = places.map(place => lineOf(cells, at(place)));
    return possible.some(one => {
      const asPatches = places.map(place => {
        const [rows, columns] = [lineOf(one.height, place.row), lineOf(one.width, place.column)];
        const cover = [...rows].flatMap(r => [...columns].map(c => r * c));
        return Float64Array.from({ length: cells }, (_, i) => cover[i - one.extra] ?? 0);
      });
      return correlation(seen, contrasts(asPatches)) > correlation(seen, contrasts(asLine));
    });
  });
}

/** Sums of the changes in each row. */
function alongRows(changes: readonly Float32Array[], height: number, width: number): Float64Array[] {
  return changes.map(cells =>
    Float64Array.from({ length: height }, (_, row) => total(cells.subarray(row * width, (row + 1) * width))),
  );
}

/** Sums of the changes in each column. */
function alongColumns(changes: readonly Float32Array[], width: number): Float64Array[] {
  return changes.map(cells => {
    const sums = new Float64Array(width);
    for (const [i, value] of cells.entries()) sums[i % width]! += value;
    return sums;
  });
}

const total = (values: Float32Array) => values.reduce((a, b) => a + b, 0);

/**
 * Correlation, over places and cells, of the shares of each place's change with where the places lie. What is the same
 * for all places (cells that change most wherever the image does) is taken off first.
 */
function agreement(profiles: readonly Float64Array[], at: readonly number[]): number {
  const cells = profiles[0]!.length;
  // Single cells may change by much more than their neighbours: what counts is where they lie.
  const near = neighboursIn(cells);
  const spread = profiles.map(profile =>
    Float64Array.from(near, weights => profile.reduce((sum, v, j) => sum + v * weights[j]!, 0)),
  );
  return correlation(contrasts(spread), contrasts(at.map(place => lineOf(cells, place))));
}

/** By the number of cells: most layers of a network have one of a few sizes. */
const neighbours = new Map<number, readonly Float64Array[]>();

/** How near each of so many cells in a line is to each of them. */
function neighboursIn(cells: number): readonly Float64Array[] {
  const known = neighbours.get(cells) ?? Array.from({ length: cells }, (_, i) => lineOf(cells, (i + 0.5) / cells));
  neighbours.set(cells, known);
  return known;
}

/** How near each of so many cells in a line is to a place, 0…1. */
function lineOf(cells: number, place: number): Float64Array {
  const width = Math.max(0.12, 0.5 / cells);
  return Float64Array.from({ length: cells }, (_, i) => Math.exp(-0.5 * (((i + 0.5) / cells - place) / width) ** 2));
}

function correlation(seen: readonly Float64Array[], wanted: readonly Float64Array[]): number {
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
