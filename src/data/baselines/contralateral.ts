import type { Baseline } from '../../core/contracts/index.ts';
import { mirrorAxis } from '../../core/image/mirror-axis.ts';
import { tensor } from '../../core/tensor.ts';

/**
 * The image mirrored at the midline of the body, so that what stands in a lung is the other lung's place. The midline is
 * the column about which the body's outline is most nearly its own mirror image; a patient who is turned is not set
 * upright. What would come from beyond the image is the card's air. Bilateral disease stays. Raw space.
 */
export const contralateral: Baseline = {
  name: 'contralateral',
  title: 'Mirrored image',
  summary: "The image mirrored at the body's midline: the other side's tissue. Disease of both sides stays.",
  space: 'raw',
  family: 'mirrored',
  make(image, { card, bodyMask }) {
    const [h, w, channels = 1] = image.shape as [number, number, number?];
    const axis = mirrorAxis(bodyMask());
    const out = tensor(image.shape, new Float32Array(image.data.length).fill(card.intensity.air));
    for (let y = 0; y < h; y++) {
      for (let x = Math.max(0, axis - w + 1); x <= Math.min(w - 1, axis); x++) {
        const [to, from] = [(y * w + x) * channels, (y * w + axis - x) * channels];
        for (let c = 0; c < channels; c++) out.data[to + c] = image.data[from + c]!;
      }
    }
    return out;
  },
};
