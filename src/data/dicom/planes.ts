import { type Tensor, tensor } from '../../core/tensor.ts';
import { type DicomFrame, normalOf, type Vector } from './header.ts';

/** A grid of pixels in the patient. */
export interface Grid {
  readonly place: DicomFrame;
  readonly rows: number;
  readonly columns: number;
}

/** Of the cosine between two planes' normals: about half a degree. */
const PARALLEL = 0.99996;

const dot = (a: Vector, b: Vector): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const between = (a: Vector, b: Vector): Vector => [b[0] - a[0], b[1] - a[1], b[2] - a[2]];

/** Millimetres that a point lies off a slice's plane; Infinity where the file does not say where that is. */
export function distanceFrom({ position, orientation }: DicomFrame, point: Vector): number {
  if (!position || !orientation) return Number.POSITIVE_INFINITY;
  return Math.abs(dot(normalOf(orientation), between(position, point)));
}

/** Whether two planes are parallel, whichever way their rows and columns run. */
export function parallel({ orientation: a }: DicomFrame, { orientation: b }: DicomFrame): boolean {
  return !!a && !!b && Math.abs(dot(normalOf(a), normalOf(b))) > PARALLEL;
}

/**
 * A mask on the pixels of a slice: of each pixel the nearest one of the mask's own grid, and 0 outside it. Where one of
 * them does not say where it lies, grids of one size are taken for the same.
 * @throws Error where sizes differ and nothing says where the mask lies, or where it lies across the slice
 */
export function onGrid(mask: Tensor, from: Grid, to: Grid): Tensor {
  const [a, b] = [placed(from.place), placed(to.place)];
  if (!a || !b) {
    if (from.rows === to.rows && from.columns === to.columns) return mask;
    throw new Error(`it is ${from.columns} × ${from.rows}, the image ${to.columns} × ${to.rows}`);
  }
  if (!parallel(from.place, to.place)) throw new Error('it lies across the image, in another plane');
  const offset = between(a.position, b.position);
  // Per row and column of the slice: rows and columns of the mask.
  const along = (v: Vector): readonly [number, number] => [
    dot(a.down, v) / a.spacing[0],
    dot(a.right, v) / a.spacing[1],
  ];
  const scaled = (v: Vector, mm: number): Vector => [v[0] * mm, v[1] * mm, v[2] * mm];
  const start = along(offset);
  const down = along(scaled(b.down, b.spacing[0]));
  const right = along(scaled(b.right, b.spacing[1]));
  const out = new Float32Array(to.rows * to.columns);
  for (let r = 0, o = 0; r < to.rows; r++) {
    for (let c = 0; c < to.columns; c++, o++) {
      const i = Math.round(start[0] + r * down[0] + c * right[0]);
      const j = Math.round(start[1] + r * down[1] + c * right[1]);
      if (i >= 0 && j >= 0 && i < from.rows && j < from.columns) out[o] = mask.data[i * from.columns + j]!;
    }
  }
  return tensor([to.rows, to.columns], out);
}

function placed({ position, orientation, spacing }: DicomFrame) {
  if (!position || !orientation || !spacing) return undefined;
  return { position, spacing, right: orientation[0], down: orientation[1] };
}
