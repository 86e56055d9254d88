import { z } from 'zod';
import { defineExplainer } from '../core/define.ts';
import { costOfDraws, mapOfNoisyMaps, noiseOptions, signedGradient, spendOnDraws } from './shared/noise.ts';

/**
 * SmoothGrad squared: the mean of the squared maps g of noisy copies, E[g²] = E[g]² + Var g (Hooker et al. 2019,
 * section 3.2). The library `saliency` of PAIR calls this SmoothGrad, by its default `magnitude`.
 *
 * Standard errors are √(Var(g²) / n); with a `precision` they say when to stop. Undefined where the wrapped explainer gives no map of a noisy copy.
 */
export const smoothgradSquared = defineExplainer({
  name: 'smoothgrad-squared',
  title: 'SmoothGrad squared',
  summary: 'The mean of the squared maps of noisy copies of the image.',
  advice:
    'For finding where gradients are large, whatever their sign; it often scores higher than SmoothGrad in deletion tests.',
  cite: 'Hooker et al. 2019, arXiv:1806.10758',
  kind: 'ranking',
  draws: true,
  wraps: 'saliency',
  innerOptions: signedGradient,
  dimensions: [2, 3],
  stream: 'smoothgrad',
  options: z.strictObject(noiseOptions),
  presets: {
    captum: { options: { score: 'logit', draws: 5, sigma: 1, relativeTo: 'one' } },
    pair: { options: { score: 'logit', draws: 25, sigma: 0.15, relativeTo: 'image' } },
    xplique: { options: { score: 'logit', draws: 50, sigma: 0.2, relativeTo: 'one' } },
  },
  checks: { options: { draws: 10 } },
  cost: (o, _, inner) => costOfDraws(o, inner),
  spend: (passes, o, _, inner) => spendOnDraws(passes, o, inner),

  explain: context =>
    mapOfNoisyMaps(context, {
      value: ({ mean, variance }, p) => mean[p]! ** 2 + variance[p]!,
      // Var(g²) from the moments about the mean μ: m₄ + 4 μ m₃ + 4 μ² m₂ − m₂².
      errorVariance: ({ mean, variance, third, fourth, draws }, p) =>
        (fourth[p]! + 4 * mean[p]! * third[p]! + 4 * mean[p]! ** 2 * variance[p]! - variance[p]! ** 2) / (draws - 1),
    }),
});
