import { z } from 'zod';
import { defineExplainer } from '../core/define.ts';
import { camOptions, channelSums, gradientCam, weightedActivations } from './shared/cam.ts';

/**
 * XGrad-CAM: ReLU(Σ_k w_k A_k), w_k = Σ_p g A / Σ_p A (Fu et al. 2020, equation 8). A channel whose activations cancel
 * (SiLU, or a layer of batch normalisation) has no such weight: it counts 0, and is reported in `vanishing`.
 *
 * Undefined where the map is zero everywhere, and where the model has no spatial layer.
 */
export const xgradCam = defineExplainer({
  name: 'xgrad-cam',
  title: 'XGrad-CAM',
  summary: 'Like Grad-CAM, with gradients averaged where a channel is active.',
  advice: 'For comparing CAM methods; on networks that end in ReLU, pooling and one dense layer it equals HiRes-CAM.',
  cite: 'Fu et al. 2020, arXiv:2008.02312',
  kind: 'ranking',
  ties: 'zeros',
  requires: ['layers'],
  options: z.strictObject(camOptions),
  presets: { jacobgil: { options: { score: 'logit' } } },
  cost: () => ({ forward: 1, backward: 1 }),

  explain: context =>
    gradientCam(context, pair => {
      const products = channelSums(pair, (gradient, activation) => gradient * activation);
      const totals = channelSums(pair, (_, activation) => activation);
      const sizes = channelSums(pair, (_, activation) => Math.abs(activation));
      const vanishes = totals.map((total, k) => (Math.abs(total) <= VANISHING * sizes[k]! ? 1 : 0));
      const weights = products.map((product, k) => (vanishes[k] === 1 ? 0 : product / totals[k]!));
      // A channel without any activation has nothing to weigh.
      const vanishing = vanishes.filter((v, k) => v === 1 && sizes[k]! > 0).length;
      return { map: weightedActivations(pair, weights), diagnostics: { vanishing } };
    }),
});

/** A smaller sum of activations, relative to the sum of their sizes, is rounding. */
const VANISHING = 1e-7;
