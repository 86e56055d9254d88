import type { LoadedSample, Placement3d } from '../../core/contracts/index.ts';
import { CtXaiError } from '../../core/errors.ts';
import { type Tensor, tensor } from '../../core/tensor.ts';
import type { Triple, Volume, VolumeGrid } from './volume.ts';

/** Where the pixels of a cut lie. */
export interface CutPlace {
  /** [rows, columns] */
  readonly shape: readonly [number, number];
  readonly spacing: readonly [number, number];
  readonly placement: Placement3d;
}

/**
 * The mask [rows, columns] of 0 and 1 on a cut: of each pixel's centre the nearest voxel of the mask's volume, wherever
 * that volume's grid lies; 0 outside it.
 * @param inside Whether a stored value counts. Default: all above 0.
 * @throws CtXaiError IMAGE where a voxel on the cut is not a number
 */
export function maskOnCut(mask: Volume, cut: CutPlace, inside: (value: number) => boolean = v => v > 0): Tensor {
  const toIndex = inverseOf(mask);
  const [rows, columns] = cut.shape;
  const { origin, axes } = cut.placement;
  const out = new Float32Array(rows * columns);
  const start = toIndex(origin);
  const ahead = (axis: readonly number[], mm: number): Triple => {
    const end = toIndex([origin[0] + axis[0]! * mm, origin[1] + axis[1]! * mm, origin[2] + axis[2]! * mm]);
    return [end[0] - start[0], end[1] - start[1], end[2] - start[2]];
  };
  const down = ahead(axes[0]!, cut.spacing[0]);
  const right = ahead(axes[1]!, cut.spacing[1]);
  const { data, shape, offset, strides, slope, intercept } = mask;
  for (let r = 0, o = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++, o++) {
      const i = Math.round(start[0] + r * down[0] + c * right[0]);
      const j = Math.round(start[1] + r * down[1] + c * right[1]);
      const k = Math.round(start[2] + r * down[2] + c * right[2]);
      if (i < 0 || j < 0 || k < 0 || i >= shape[0] || j >= shape[1] || k >= shape[2]) continue;
      const value = data[offset + i * strides[0] + j * strides[1] + k * strides[2]]! * slope + intercept;
      if (Number.isNaN(value)) throw notANumber('the mask');
      if (inside(value)) out[o] = 1;
    }
  }
  return tensor([rows, columns], out);
}

/** Whether such a pixel is inside or outside, nobody can tell. */
export function notANumber(mask: string): CtXaiError {
  return new CtXaiError('IMAGE', `${mask} has pixels that are not a number.`, {
    hint: 'Write 0 outside and 1 inside.',
  });
}

/** From LPS millimetres to indices (with fractions) along the grid's axes. @throws RangeError for a flat grid. */
function inverseOf({ axes, spacing, origin }: VolumeGrid): (at: Triple) => Triple {
  const m = axes.map((axis, i) => axis.map(v => v * spacing[i]!)) as unknown as [Triple, Triple, Triple];
  const [a, b, c] = m;
  const cross = (u: Triple, v: Triple): Triple => [
    u[1] * v[2] - u[2] * v[1],
    u[2] * v[0] - u[0] * v[2],
    u[0] * v[1] - u[1] * v[0],
  ];
  const [bc, ca, ab] = [cross(b, c), cross(c, a), cross(a, b)];
  const volume = a[0] * bc[0] + a[1] * bc[1] + a[2] * bc[2];
  if (!(Math.abs(volume) > 1e-9)) throw new RangeError('the axes of the grid lie in one plane');
  return at => {
    const d = [at[0] - origin[0], at[1] - origin[1], at[2] - origin[2]] as const;
    return [bc, ca, ab].map(n => (n[0] * d[0] + n[1] * d[1] + n[2] * d[2]) / volume) as unknown as Triple;
  };
}

/** How far two grids' corners are apart, in voxels of the first; Infinity where they have other shapes. */
export function gridDistance(a: VolumeGrid, b: VolumeGrid): number {
  if (!a.shape.every((n, i) => n === b.shape[i])) return Number.POSITIVE_INFINITY;
  const least = Math.min(...a.spacing);
  const corner = (g: VolumeGrid, far: Triple): Triple => {
    const add = (i: 0 | 1 | 2) => far[i] * (g.shape[i] - 1) * g.spacing[i];
    return [0, 1, 2].map(
      x => g.origin[x]! + [0, 1, 2].reduce((s, i) => s + g.axes[i]![x]! * add(i as 0), 0),
    ) as unknown as Triple;
  };
  const corners: Triple[] = [
    [0, 0, 0],
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
    [1, 1, 1],
  ];
  const distances = corners.map(far => {
    const [p, q] = [corner(a, far), corner(b, far)];
    return Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]);
  });
  return Math.max(...distances) / least;
}

/** The mask of this name is of the lungs: it says what the network sees (`resize.region`), not where a finding is. */
export const LUNG = 'lung';

/** A slice's masks by their names: that of the lungs apart, the others together and each by itself. */
export function masksByName(masks: Readonly<Record<string, Tensor>>): Pick<LoadedSample, 'mask' | 'masks' | 'lung'> {
  const { [LUNG]: lung, ...others } = masks;
  const each = Object.values(others);
  return {
    ...(lung ? { lung } : {}),
    ...(each.length > 0 ? { mask: unionOf(each) } : {}),
    ...(each.length > 1 ? { masks: others } : {}),
  };
}

/** Where any of several masks of one size is 1. */
export function unionOf(masks: readonly Tensor[]): Tensor {
  const { shape, data } = masks[0]!;
  return tensor(
    shape,
    data.map((_, i) => (masks.some(m => m.data[i]! > 0) ? 1 : 0)),
  );
}
