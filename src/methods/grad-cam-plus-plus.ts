import { z } from 'zod';
import { defineExplainer } from '../core/define.ts';
import { camOptions, channelSums, gradientCam, type LayerPair, weightedActivations } from './shared/cam.ts';

/**
 * Grad-CAM++: ReLU(Σ_k w_k A_k), w_k = Σ_p α g⁺ with α = g² / (2 g² + g³ Σ_p A_k), and 0 where g = 0 (Chattopadhyay et
 * al. 2018, equations 10 and 19, the score taken as the exponent). The denominator can vanish where g or A is negative:
 * cells under 1e-7 of its largest value are left out, and their share is reported as `dropped`.
 *
 * Undefined where the map is zero everywhere, and where the model has no spatial layer.
 */
export const gradCamPlusPlus = defineExplainer({
  name: 'grad-cam-plus-plus',
  title: 'Grad-CAM++',
  summary: 'Like Grad-CAM, with gradients weighted so that several small findings count as much as a large one.',
  advice: 'For images with several findings of one class, where Grad-CAM may show one only.',
  cite: 'Chattopadhyay et al. 2018, arXiv:1710.11063',
  kind: 'ranking',
  requires: ['layers'],
  options: z.strictObject(camOptions),
  presets: { jacobgil: { options: { score: 'logit' } } },
  cost: () => ({ forward: 1, backward: 1 }),

  explain: context =>
    gradientCam(context, pair => {
      const { weights, dropped } = weigh(pair);
      return { map: weightedActivations(pair, weights), diagnostics: { dropped } };
    }),
});

/** Smaller denominators, relative to the largest, are rounding. */
const VANISHING = 1e-7;

function weigh(pair: LayerPair): { readonly weights: Float64Array; readonly dropped: number } {
  const totals = channelSums(pair, (_, activation) => activation);
  const denominator = (g: number, k: number) => 2 * g ** 2 + g ** 3 * totals[k]!;
  let largest = 0;
  channelSums(pair, (g, _, k) => {
    largest = Math.max(largest, Math.abs(denominator(g, k)));
    return 0;
  });
  let dropped = 0;
  const weights = channelSums(pair, (g, _, k) => {
    if (g === 0) return 0;
    if (Math.abs(denominator(g, k)) < VANISHING * largest) {
      dropped++;
      return 0;
    }
    return (g ** 2 / denominator(g, k)) * Math.max(0, g);
  });
  return { weights, dropped: dropped / pair.gradients.length };
}
