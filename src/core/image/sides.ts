import { planar, type Tensor } from '../tensor.ts';

/** Where no spacing is known: a chest of some 350 mm fills the image. */
const FIELD_MM = 350;

/** Millimetres per pixel of a slice [h, w] or [h, w, c], as [rows, columns]; where they are unknown the longer side is taken for 350 mm. */
export function sidesOf({ shape }: Pick<Tensor, 'shape'>, spacing?: readonly number[]): readonly [number, number] {
  const mm = FIELD_MM / Math.max(...shape.slice(0, 2));
  return planar(spacing ?? [mm, mm]);
}
