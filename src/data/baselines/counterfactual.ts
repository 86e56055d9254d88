import type { Baseline } from '../../core/contracts/index.ts';
import { CtXaiError } from '../../core/errors.ts';
import { tensor } from '../../core/tensor.ts';
import { NO_LESION } from '../../core/truth/variants.ts';

/**
 * The same patient without the lesions, with the same noise: the only baseline that truly removes a finding. Only data
 * that offer the variant `no-lesion` have one: the phantom. Raw space.
 */
export const counterfactual: Baseline = {
  name: 'counterfactual',
  title: 'The same patient without the lesion',
  summary: 'The same image without its lesions; only for data that offer it, as the phantom does.',
  space: 'raw',
  family: 'truth',
  async make(_, { variant }) {
    const without = await variant(NO_LESION);
    if (without) return tensor(without.shape, without.data.slice());
    throw new CtXaiError('BASELINE', `the data do not show this patient without the lesions ('${NO_LESION}').`, {
      hint: "Only the phantom does: data: { use: phantom }. Take 'tissue-matched' or 'inpaint' for real images.",
    });
  },
};
