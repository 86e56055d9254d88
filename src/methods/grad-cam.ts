import { z } from 'zod';
import { defineExplainer } from '../core/define.ts';
import { camOptions, gradientCam, interpolationOption, meanGradientMap } from './shared/cam.ts';

/**
 * Grad-CAM: ReLU(Σ_k α_k A_k) of a layer's activations A, α_k the mean over positions of ∂ score / ∂ A_k
 * (Selvaraju et al. 2017, equations 1 and 2), enlarged to the model's grid afterwards.
 *
 * Undefined where the map is zero everywhere, and where the model has no spatial layer.
 */
export const gradCam = defineExplainer({
  name: 'grad-cam',
  title: 'Grad-CAM',
  summary: "A layer's activations, weighted by their mean gradients: coarse, and one backward pass.",
  advice:
    'For convolutional networks, as the first map to try: fast and class-specific, and as coarse as the last layer.',
  cite: 'Selvaraju et al. 2017, doi:10.1109/ICCV.2017.74',
  kind: 'ranking',
  ties: o => (o.relu ? 'zeros' : 'none'),
  requires: ['layers'],
  options: z.strictObject({
    ...camOptions,
    relu: z.boolean().default(true).describe('drop what speaks against the class'),
    interpolation: interpolationOption,
  }),
  presets: {
    paper: { options: { score: 'logit' } },
    captum: { options: { score: 'logit', relu: false, interpolation: 'nearest-corner' } },
  },
  cost: () => ({ forward: 1, backward: 1 }),

  explain: context => gradientCam(context, meanGradientMap, context.options),
});
