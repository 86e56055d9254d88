import type { Placement3d, Unit } from '../../core/contracts/index.ts';
import { type Tensor, tensor } from '../../core/tensor.ts';

export type Triple = readonly [number, number, number];

/** Numbers as a file stores them. */
export type Stored =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array;

/** Where a volume's voxels lie in the patient: LPS millimetres. */
export interface VolumeGrid {
  /** Voxels along each axis. */
  readonly shape: Triple;
  /** Millimetres between voxels along each axis. */
  readonly spacing: Triple;
  /** Centre of the first voxel. */
  readonly origin: Triple;
  /** Unit vectors along the axes. */
  readonly axes: readonly [Triple, Triple, Triple];
}

/** A volume over stored numbers, in whatever order they lie. */
export interface Volume extends VolumeGrid {
  readonly data: Stored;
  /** Index of the first voxel, and steps to the next one along each axis. */
  readonly offset: number;
  readonly strides: Triple;
  /** Stored × slope + intercept are the values. */
  readonly slope: number;
  readonly intercept: number;
}

export const PLANES = ['axial', 'coronal', 'sagittal'] as const;
export type Plane = (typeof PLANES)[number];

/** One cut through a volume, as radiologists look at it: the patient's right at the left, the front or the head on top. */
export interface Cut {
  /** [rows, columns] */
  readonly pixels: Tensor;
  readonly spacing: readonly [number, number];
  readonly placement: Placement3d;
}

/** Towards the head, the back and the patient's left. */
const HEAD: Triple = [0, 0, 1];
const BACK: Triple = [0, 1, 0];
const LEFT: Triple = [1, 0, 0];
const FEET: Triple = [0, 0, -1];

/** Directions of a plane's cuts, rows (downwards) and columns (rightwards). */
const DIRECTIONS: Readonly<Record<Plane, readonly [Triple, Triple, Triple]>> = {
  axial: [HEAD, BACK, LEFT],
  coronal: [BACK, FEET, LEFT],
  sagittal: [LEFT, FEET, BACK],
};

const dot = (a: Triple, b: Triple): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

/** What of a grid a plane's axes are: for each of cuts, rows and columns the volume's axis, and whether it is reversed. */
function axesFor(grid: VolumeGrid, plane: Plane): readonly { axis: 0 | 1 | 2; reversed: boolean }[] {
  const wanted = DIRECTIONS[plane];
  const orders = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
  ] as const;
  const closeness = (order: readonly number[]) =>
    order.reduce((sum, axis, i) => sum + Math.abs(dot(grid.axes[axis]!, wanted[i]!)), 0);
  const best = orders.reduce((a, b) => (closeness(b) > closeness(a) + 1e-9 ? b : a));
  return best.map((axis, i) => ({ axis, reversed: dot(grid.axes[axis]!, wanted[i]!) < 0 }));
}

/** The volume with its axes along cuts, rows and columns of a plane; nothing is copied or resampled. */
export function turned<G extends VolumeGrid>(grid: G, plane: Plane): G {
  const order = axesFor(grid, plane);
  const pick = <T>(list: readonly T[]) => order.map(({ axis }) => list[axis]!);
  let { origin } = grid;
  let offset = 'offset' in grid ? (grid.offset as number) : 0;
  const strides = 'strides' in grid ? (grid.strides as Triple) : ([0, 0, 0] as const);
  for (const { axis, reversed } of order) {
    if (!reversed) continue;
    const steps = grid.shape[axis] - 1;
    origin = moved(origin, grid.axes[axis], steps * grid.spacing[axis]);
    offset += steps * strides[axis];
  }
  return {
    ...grid,
    shape: pick(grid.shape),
    spacing: pick(grid.spacing),
    axes: order.map(({ axis, reversed }) => grid.axes[axis].map(v => (reversed && v !== 0 ? -v : v))),
    origin,
    ...('strides' in grid ? { offset, strides: order.map(o => (o.reversed ? -1 : 1) * strides[o.axis]) } : {}),
  } as G;
}

export function moved(from: Triple, along: Triple, by: number): Triple {
  return [from[0] + along[0] * by, from[1] + along[1] * by, from[2] + along[2] * by];
}

/** Spacing and placement of cut `k` of a grid whose first axis counts the cuts. */
export function cutPlace({ spacing, axes, origin }: VolumeGrid, k: number): Pick<Cut, 'spacing' | 'placement'> {
  return {
    spacing: [spacing[1], spacing[2]],
    placement: { origin: moved(origin, axes[0], k * spacing[0]), axes: [axes[1], axes[2]] },
  };
}

/** Cut `k` along the first axis. */
export function cutOf(volume: Volume, k: number): Cut {
  const { data, shape, offset, strides, slope, intercept } = volume;
  const [, rows, columns] = shape;
  const out = new Float32Array(rows * columns);
  for (let r = 0, o = 0; r < rows; r++) {
    let i = offset + k * strides[0] + r * strides[1];
    for (let c = 0; c < columns; c++, i += strides[2]) out[o++] = data[i]! * slope + intercept;
  }
  return { pixels: tensor([rows, columns], out), ...cutPlace(volume, k) };
}

/** The least and the greatest value of a volume. */
export function rangeOf({ data, slope, intercept }: Volume): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < data.length; i++) {
    const v = data[i]!;
    if (v < low) low = v;
    if (v > high) high = v;
  }
  const ends = [low * slope + intercept, high * slope + intercept];
  return [Math.min(...ends), Math.max(...ends)];
}

/** Below this there is air: values that go so far down are Hounsfield units. */
const SURELY_AIR = -300;

/**
 * The unit of values by their range: Hounsfield units where they reach down to air, grey levels within 0…255;
 * undefined where it may be either or neither (0…1, 0…4095).
 */
export function unitOf([low, high]: readonly [number, number]): Unit | undefined {
  if (low <= SURELY_AIR && low >= -33_000 && high <= 70_000) return 'HU';
  return low >= 0 && high > 1 && high <= 255 ? 'grey' : undefined;
}
