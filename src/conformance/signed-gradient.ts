import { z } from 'zod';
import { imageBatch } from '../core/batch.ts';
import { defineExplainer } from '../core/define.ts';
import { tensor } from '../core/tensor.ts';

/**
 * The gradient of the margin, channels summed: what explainers that wrap another are checked with where no registry is
 * at hand. It takes any options and ignores them.
 */
export const signedGradient = defineExplainer({
  name: 'signed-gradient',
  title: 'Signed gradient',
  cite: 'Simonyan et al. 2014, arXiv:1312.6034',
  kind: 'ranking',
  requires: ['gradients'],
  dimensions: [2, 3],
  options: z.looseObject({}),
  cost: () => ({ forward: 1, backward: 1 }),
  async explain({ model, image, target, signal }) {
    const map = tensor(model.input.spatial);
    const { channels } = model.input;
    const add = (_: number, gradient: Float32Array) => {
      gradient.forEach((g, i) => {
        map.data[Math.floor(i / channels)]! += g;
      });
    };
    await model.gradients(imageBatch(image), { class: target.class, score: 'margin' }, add, { signal });
    return { map };
  },
});
