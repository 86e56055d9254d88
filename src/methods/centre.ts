import { z } from 'zod';
import { defineExplainer } from '../core/define.ts';
import { planar, tensor } from '../core/tensor.ts';

/** A Gaussian in the middle of the image: where lesions tend to be, whatever the image shows. */
export const centre = defineExplainer({
  name: 'centre',
  title: 'Centre',
  summary: 'Control: a Gaussian in the middle of the image.',
  advice: 'A control: what always pointing at the middle scores.',
  cite: 'Zhang et al. 2018, doi:10.1007/s11263-017-1059-x',
  kind: 'ranking',
  role: 'control',
  options: z.strictObject({
    sigma: z.number().positive().default(0.25).describe('standard deviation, as a share of each side'),
  }),
  cost: () => ({ forward: 0, backward: 0 }),
  async explain({ model, options: { sigma } }) {
    const [height, width] = planar(model.input.spatial);
    const map = tensor([height, width]);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const dy = ((y + 0.5) / height - 0.5) / sigma;
        const dx = ((x + 0.5) / width - 0.5) / sigma;
        map.data[y * width + x] = Math.exp(-0.5 * (dy * dy + dx * dx));
      }
    }
    return { map };
  },
});
