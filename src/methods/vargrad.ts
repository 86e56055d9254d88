import { z } from 'zod';
import { undefinedBecause } from '../core/contracts/index.ts';
import { defineExplainer } from '../core/define.ts';
import { costOfDraws, mapOfNoisyMaps, noiseOptions, signedGradient, spendOnDraws } from './shared/noise.ts';

/**
 * VarGrad: the variance over the maps g of noisy copies (Adebayo et al. 2018, appendix), here the population variance
 * E[g²] − E[g]², so that it is SmoothGrad squared minus the square of SmoothGrad; `unbiased` divides by n − 1.
 *
 * Standard errors are √((m₄ − s⁴ (n − 3) / (n − 1)) / n); with a `precision` they say when to stop. Undefined with one draw, where the gradient does not change
 * with the image (a linear model), and where the wrapped explainer gives no map of a noisy copy.
 */
export const vargrad = defineExplainer({
  name: 'vargrad',
  title: 'VarGrad',
  summary: 'How much the map varies over noisy copies of the image.',
  advice: 'For seeing where the gradient is unstable; it is not a map of what speaks for the class.',
  cite: 'Adebayo et al. 2018, arXiv:1810.03292',
  kind: 'ranking',
  draws: true,
  wraps: 'saliency',
  innerOptions: signedGradient,
  dimensions: [2, 3],
  stream: 'smoothgrad',
  options: z.strictObject({
    ...noiseOptions,
    unbiased: z.boolean().default(false).describe('divide by n − 1 instead of n'),
  }),
  presets: {
    captum: { options: { score: 'logit', draws: 5, sigma: 1, relativeTo: 'one' } },
    xplique: { options: { score: 'logit', draws: 50, sigma: 0.2, relativeTo: 'one', unbiased: true } },
  },
  checks: { options: { draws: 10 } },
  cost: (o, _, inner) => costOfDraws(o, inner),
  spend: (passes, o, _, inner) => spendOnDraws(passes, o, inner, 2),

  async explain(context) {
    const { options: o } = context;
    if (o.draws < 2) return undefinedBecause('one draw has no variance; raise draws');
    return mapOfNoisyMaps(
      context,
      {
        value: ({ variance, draws: n }, p) => (o.unbiased ? n / (n - 1) : 1) * variance[p]!,
        errorVariance: ({ variance, fourth, draws: n }, p) =>
          (fourth[p]! - ((n - 3) / (n - 1)) * ((n / (n - 1)) * variance[p]!) ** 2) / n,
      },
      // Values that differ by rounding alone are no variance.
      ({ variance, mean }) =>
        variance.every((v, p) => v <= (ROUNDING * mean[p]!) ** 2)
          ? undefinedBecause('the map is the same for all noisy copies')
          : undefined,
    );
  },
});

/** Relative error of float32 gradients. */
const ROUNDING = 1e-6;
