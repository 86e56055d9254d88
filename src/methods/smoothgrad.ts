import { z } from 'zod';
import { defineExplainer } from '../core/define.ts';
import { costOfDraws, mapOfNoisyMaps, noiseOptions, signedGradient, spendOnDraws } from './shared/noise.ts';

/**
 * SmoothGrad: the mean over n draws of the map of x + N(0, σ²) (Smilkov et al. 2017, equation 1), here of the signed
 * gradient unless another explainer is named. Standard errors are √(s² / n), s² the sample variance over the draws; with a
 * `precision` they say when to stop.
 *
 * Undefined where the wrapped explainer gives no map of a noisy copy.
 */
export const smoothgrad = defineExplainer({
  name: 'smoothgrad',
  title: 'SmoothGrad',
  summary: 'The mean map of noisy copies of the image.',
  advice: 'For those who want a gradient map with less noise and can pay for fifty of them.',
  cite: 'Smilkov et al. 2017, arXiv:1706.03825',
  kind: 'ranking',
  draws: true,
  wraps: 'saliency',
  innerOptions: signedGradient,
  dimensions: [2, 3],
  stream: 'smoothgrad',
  options: z.strictObject(noiseOptions),
  presets: {
    captum: { options: { score: 'logit', draws: 5, sigma: 1, relativeTo: 'one' } },
    xplique: { options: { score: 'logit', draws: 50, sigma: 0.2, relativeTo: 'one' } },
    zennit: { options: { score: 'logit', draws: 20, sigma: 0.1, relativeTo: 'image', includeImage: true } },
  },
  checks: { options: { draws: 10 } },
  cost: (o, _, inner) => costOfDraws(o, inner),
  spend: (passes, o, _, inner) => spendOnDraws(passes, o, inner),

  explain: context =>
    mapOfNoisyMaps(context, {
      value: ({ mean }, p) => mean[p]!,
      errorVariance: ({ variance, draws }, p) => variance[p]! / (draws - 1),
    }),
});
