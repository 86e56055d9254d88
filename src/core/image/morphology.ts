import { type Tensor, tensor } from '../tensor.ts';
import { distanceTo } from './distance.ts';
import { reachedFromBorder } from './flood.ts';

/**
 * A mask with gaps and bays closed that a disc of `radius` does not fit into (dilated, then eroded), and without holes.
 * What lies beyond the image counts as outside.
 * @param mask [h, w] of 0 and 1
 * @param spacing [rows, columns], in the unit of `radius`
 */
export function closed(mask: Tensor, radius: number, spacing: readonly [number, number] = [1, 1]): Tensor {
  if (!mask.data.some(v => v >= 0.5)) return tensor(mask.shape);
  const [h, w] = mask.shape as [number, number];
  const [top, left] = spacing.map(s => Math.ceil(radius / s) + 1) as [number, number];
  const wide = framed(mask, top, left);
  const outside = mapped(wide, distanceTo(wide, spacing), d => d > radius);
  const fromOutside = distanceTo(outside, spacing);
  const inner = tensor(mask.shape);
  for (let i = 0; i < h * w; i++) {
    const j = (Math.floor(i / w) + top) * (w + 2 * left) + (i % w) + left;
    inner.data[i] = mask.data[i]! >= 0.5 || fromOutside[j]! > radius ? 1 : 0;
  }
  return withoutHoles(inner);
}

/** The mask with an empty frame around it. */
function framed({ shape, data }: Tensor, top: number, left: number): Tensor {
  const [h, w] = shape as [number, number];
  const out = tensor([h + 2 * top, w + 2 * left]);
  for (let y = 0; y < h; y++) out.data.set(data.subarray(y * w, (y + 1) * w), (y + top) * (w + 2 * left) + left);
  return out;
}

function mapped({ shape }: Tensor, values: Float64Array, test: (v: number) => boolean): Tensor {
  return tensor(
    shape,
    Float32Array.from(values, v => (test(v) ? 1 : 0)),
  );
}

/** A mask with all that it encloses. */
export function withoutHoles(mask: Tensor): Tensor {
  const outside = reachedFromBorder(mask, v => v < 0.5);
  return tensor(
    mask.shape,
    Float32Array.from(outside, v => 1 - v),
  );
}
