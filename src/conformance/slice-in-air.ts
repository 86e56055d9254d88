import { createRng } from '../core/rng.ts';
import { type Tensor, tensor } from '../core/tensor.ts';

/**
 * A small axial slice in Hounsfield units: an ellipse of soft tissue (40 HU) in air (−1000 HU) with two lungs (−850 HU),
 * noise of 10 HU, and where asked a lesion (−300 HU) in the lung on the image's left.
 */
export function sliceInAir(
  height: number,
  width: number,
  { lesion, seed }: { readonly lesion: boolean; readonly seed: number },
): { readonly hu: Tensor; readonly mask: Tensor } {
  const rng = createRng(`slice in air ${seed}`);
  const hu = tensor([height, width]);
  const mask = tensor([height, width]);
  const inside = (y: number, x: number, cy: number, cx: number, ry: number, rx: number) =>
    ((y - cy * height) / (ry * height)) ** 2 + ((x - cx * width) / (rx * width)) ** 2 < 1;
  for (let i = 0; i < hu.data.length; i++) {
    const [y, x] = [Math.floor(i / width) + 0.5, (i % width) + 0.5];
    let value = inside(y, x, 0.5, 0.5, 0.42, 0.45) ? 40 : -1000;
    if (inside(y, x, 0.5, 0.31, 0.26, 0.14) || inside(y, x, 0.5, 0.69, 0.26, 0.14)) value = -850;
    if (inside(y, x, 0.5, 0.31, 0.1, 0.07)) {
      mask.data[i] = lesion ? 1 : 0;
      if (lesion) value = -300;
    }
    hu.data[i] = value + 10 * rng.normal();
  }
  return { hu, mask };
}
