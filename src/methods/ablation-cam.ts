import { z } from 'zod';
import { defineExplainer } from '../core/define.ts';
import { columnOf } from '../core/tensor.ts';
import { activationCam, camOptions, weightedActivations } from './shared/cam.ts';
import { channelsCost } from './shared/layers.ts';

/**
 * Ablation-CAM: ReLU(Σ_k w_k A_k), w_k = f − f with channel k set to 0 (Ramaswamy and Desai 2020, equation 5; not divided
 * by f, which would turn the map round where f is negative). The network is run on from the changed layer.
 *
 * Undefined where the map is zero everywhere, and where the model has no spatial layer.
 */
export const ablationCam = defineExplainer({
  name: 'ablation-cam',
  title: 'Ablation-CAM',
  summary: "A layer's activations, each weighted by how much the score falls without it; no gradients.",
  advice:
    'For networks without usable gradients, where a pass for every channel is affordable; it measures what each channel does to the score.',
  cite: 'Ramaswamy and Desai 2020, doi:10.1109/WACV45572.2020.9093360',
  kind: 'ranking',
  ties: 'zeros',
  requires: ['continuation'],
  options: z.strictObject(camOptions),
  presets: { jacobgil: { options: { score: 'logit' } } },
  // The layer, then from it on the score with all channels and without each.
  cost: ({ layer }, model) => channelsCost(model, layer, 2),

  explain: context => {
    const { model, image, target, options, signal } = context;
    return activationCam(context, async grid => {
      const { layer, channels, activations } = grid;
      const write = (i: number, out: Float32Array) => {
        out.set(activations);
        if (i > 0) for (let j = i - 1; j < out.length; j += channels) out[j] = 0;
      };
      const batch = { count: channels + 1, write };
      const scores = await model.continueFrom(layer, batch, { as: options.score, image, signal });
      const [whole, ...without] = columnOf(scores, target.class);
      const weights = without.map(score => whole! - score);
      return { map: weightedActivations(grid, weights) };
    });
  },
});
