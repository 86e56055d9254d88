import { type Tensor, tensor } from '../tensor.ts';
import { HoleEquations } from './hole-equations.ts';

/**
 * Removed pixels filled so that each is the mean of its eight neighbours, direct ones weighing 1/6 and diagonal ones
 * 1/12 (Rong et al. 2022, section 4.2, without its noise); neighbours outside the image do not count. The equations are
 * solved iteratively, from a filled image pyramid.
 * @param image [h, w, c]
 * @param removed [h, w] of 0 and 1
 * @param equations of images of that size; who fills many gives the same
 * @returns null where every pixel is removed: nothing is left to fill from
 */
export function imputeLinearly(
  image: Tensor,
  removed: Uint8Array,
  equations = new HoleEquations(image.shape[0]!, image.shape[1]!),
): Tensor | null {
  const [height, width, channels] = image.shape as [number, number, number];
  if (!removed.includes(0)) return null;
  const out = tensor(image.shape, image.data.slice());
  if (!removed.includes(1)) return out;
  equations.remove(removed);
  const { stride } = equations;
  const [plane, ringed] = [new Float64Array(height * width), new Float64Array(equations.size)];
  for (let k = 0; k < channels; k++) {
    for (let i = 0; i < plane.length; i++) plane[i] = image.data[i * channels + k]!;
    fillByPyramid(plane, removed, height, width);
    for (let y = 0; y < height; y++) {
      ringed.set(plane.subarray(y * width, (y + 1) * width), (y + 1) * stride + 1);
    }
    equations.fill(ringed);
    for (let y = 0, i = 0; y < height; y++) {
      for (let place = (y + 1) * stride + 1, end = place + width; place < end; place++, i++) {
        if (removed[i]) out.data[i * channels + k] = ringed[place]!;
      }
    }
  }
  return out;
}

/** A smooth first guess: each removed pixel takes the mean of the kept ones in the smallest block of a pyramid. */
function fillByPyramid(plane: Float64Array, removed: Uint8Array, height: number, width: number): void {
  if (height === 1 && width === 1) return;
  const [h, w] = [Math.ceil(height / 2), Math.ceil(width / 2)];
  const [coarse, count] = [new Float64Array(h * w), new Uint8Array(h * w)];
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0, row = (y >> 1) * w; x < width; x++, i++) {
      if (removed[i]) continue;
      coarse[row + (x >> 1)]! += plane[i]!;
      count[row + (x >> 1)]!++;
    }
  }
  const empty = new Uint8Array(h * w);
  for (let b = 0; b < coarse.length; b++) {
    if (count[b]! > 0) coarse[b]! /= count[b]!;
    else empty[b] = 1;
  }
  if (empty.includes(1)) fillByPyramid(coarse, empty, h, w);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0, row = (y >> 1) * w; x < width; x++, i++) if (removed[i]) plane[i] = coarse[row + (x >> 1)]!;
  }
}
