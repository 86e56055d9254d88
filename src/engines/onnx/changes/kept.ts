import type { Plane } from './cuts.ts';
import type { Cells } from './reach.ts';

/** Rows and columns. */
export type Patch = readonly [Cells, Cells];

/** Values of a plane for one image, [channels, rows, columns], somewhere in a larger array. */
export interface PlaneValues {
  readonly data: Float32Array;
  /** Where they begin. */
  readonly at: number;
  readonly rows: number;
  readonly columns: number;
  /** The plane's row and column that they begin with. */
  readonly corner: readonly [number, number];
}

/** Copies cells of a plane from one array into another, each of which holds a part of the plane. */
function copyCells(from: PlaneValues, into: PlaneValues, [rows, columns]: Patch, channels: number): void {
  const width = columns.to - columns.from + 1;
  const height = rows.to - rows.from + 1;
  const [source, target] = [from.data, into.data];
  const wholeRows = width === from.columns && width === into.columns;
  if (wholeRows && height === from.rows && height === into.rows) {
    target.set(source.subarray(from.at, from.at + channels * height * width), into.at);
    return;
  }
  for (let c = 0; c < channels; c++) {
    let a = from.at + (c * from.rows + rows.from - from.corner[0]) * from.columns + columns.from - from.corner[1];
    let b = into.at + (c * into.rows + rows.from - into.corner[0]) * into.columns + columns.from - into.corner[1];
    for (let y = rows.from; y <= rows.to; y++, a += from.columns, b += into.columns) {
      if (width > 64) target.set(source.subarray(a, a + width), b);
      else for (let x = 0; x < width; x++) target[b + x] = source[a + x]!;
    }
  }
}

/** A plane's values for the image that was written last, and for the base image. */
export class KeptPlane {
  readonly plane: Plane;
  readonly #values: PlaneValues;
  readonly #base: PlaneValues;
  /** Outside of it both are the same. */
  #differs: Patch | undefined;

  constructor(plane: Plane) {
    this.plane = plane;
    const [rows, columns] = plane.size;
    const none = (): PlaneValues => {
      return { data: new Float32Array(plane.channels * rows * columns), at: 0, rows, columns, corner: [0, 0] };
    };
    this.#base = none();
    this.#values = none();
  }

  /** All values, to be read only. */
  get data(): Float32Array {
    return this.#values.data;
  }

  /** What was written last is the base image's. */
  keep(): void {
    this.#base.data.set(this.#values.data);
    this.#differs = undefined;
  }

  /** Back to the base image. */
  restore(): void {
    if (this.#differs) copyCells(this.#base, this.#values, this.#differs, this.plane.channels);
    this.#differs = undefined;
  }

  /** New values of some cells. */
  write(from: PlaneValues, patch: Patch): void {
    copyCells(from, this.#values, patch, this.plane.channels);
    const [rows, columns] = this.#differs ?? patch;
    const both = (a: Cells, b: Cells) => ({ from: Math.min(a.from, b.from), to: Math.max(a.to, b.to) });
    this.#differs = [both(rows, patch[0]), both(columns, patch[1])];
  }

  /** Fills a part of an array with the plane's cells there. */
  read(into: PlaneValues): void {
    const [top, left] = into.corner;
    const patch: Patch = [
      { from: top, to: top + into.rows - 1 },
      { from: left, to: left + into.columns - 1 },
    ];
    copyCells(this.#values, into, patch, this.plane.channels);
  }
}
