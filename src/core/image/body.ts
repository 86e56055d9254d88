import { type Tensor, tensor } from '../tensor.ts';
import { reachedFromBorder } from './flood.ts';

/** Darker than this in the window is air: −930 HU in a window of −1000…400, grey level 12 of 255. */
const AIR = 0.05;
/** A smaller share of the image is no body: the window then shows something else, and the image counts whole. */
const LEAST_SHARE = 0.05;

/**
 * Where the patient is: all but the air that can be reached from the image's border (so that lungs belong to the
 * body), by 4-neighbours. The whole image where there is no such air, or hardly anything else.
 * @param view [h, w] in 0…1, the image in its window.
 * @returns [h, w] of 0 and 1.
 */
export function bodyMask(view: Tensor): Tensor {
  const body = Float32Array.from(
    reachedFromBorder(view, v => v <= AIR),
    v => 1 - v,
  );
  const share = body.reduce((sum, v) => sum + v, 0) / body.length;
  return tensor(view.shape, share < LEAST_SHARE ? body.fill(1) : body);
}
