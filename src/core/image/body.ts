import { type Tensor, tensor } from '../tensor.ts';

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
  const [h, w] = view.shape as [number, number];
  const body = new Float32Array(h * w).fill(1);
  const stack: number[] = [];
  const reach = (i: number): void => {
    if (body[i] === 1 && view.data[i]! <= AIR) {
      body[i] = 0;
      stack.push(i);
    }
  };
  for (let x = 0; x < w; x++) {
    reach(x);
    reach((h - 1) * w + x);
  }
  for (let y = 0; y < h; y++) {
    reach(y * w);
    reach(y * w + w - 1);
  }
  for (let i = stack.pop(); i !== undefined; i = stack.pop()) {
    const x = i % w;
    if (x > 0) reach(i - 1);
    if (x < w - 1) reach(i + 1);
    if (i >= w) reach(i - w);
    if (i < (h - 1) * w) reach(i + w);
  }
  const share = body.reduce((sum, v) => sum + v, 0) / body.length;
  return tensor(view.shape, share < LEAST_SHARE ? body.fill(1) : body);
}
