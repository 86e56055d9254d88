import type { ImageContext, Undefined } from '../../../core/contracts/index.ts';
import { undefinedBecause } from '../../../core/contracts/index.ts';
import { CtXaiError } from '../../../core/errors.ts';
import { bodyMask } from '../../../core/image/body.ts';
import { mapDefect, sameShape, type Tensor } from '../../../core/tensor.ts';

export interface Located {
  readonly mask: Tensor;
  /** [h, w] of 0 and 1: where the patient is; holds the mask. */
  readonly body: Tensor;
}

/**
 * Mask and body of an image that can be scored.
 * @throws CtXaiError PLUGIN if mask or map are not [h, w] of the image.
 */
export function locate(context: ImageContext & { attribution: Tensor; mask?: Tensor }): Located | Undefined {
  const { attribution, mask, view } = context;
  if (mask === undefined) return undefinedBecause('there is no mask');
  for (const [what, map] of Object.entries({ map: attribution, mask })) {
    if (!sameShape(map.shape, view.shape)) {
      const [given, needed] = [map.shape.join(', '), view.shape.join(', ')];
      throw new CtXaiError('PLUGIN', `the ${what} has shape [${given}]; the image needs [${needed}].`);
    }
  }
  const defect = mapDefect(attribution);
  if (defect !== null) return undefinedBecause(defect);
  if (!mask.data.some(inside)) return undefinedBecause('the mask is empty');
  const body = bodyMask(view);
  return { mask, body: { shape: body.shape, data: body.data.map((v, i) => (inside(mask.data[i]!) ? 1 : v)) } };
}

export function inside(value: number): boolean {
  return value >= 0.5;
}

/** Number of pixels for which `test` holds. */
export function countWhere(size: number, test: (i: number) => boolean): number {
  let count = 0;
  for (let i = 0; i < size; i++) if (test(i)) count++;
  return count;
}
