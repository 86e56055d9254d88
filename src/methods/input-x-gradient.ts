import { z } from 'zod';
import { defineExplainer } from '../core/define.ts';
import { channelSum } from '../core/image/channels.ts';
import { inputGradient } from './shared/input-gradient.ts';
import { scoreOption } from './shared/options.ts';

/**
 * Input × gradient: Σ_c (x − b)_c · ∂ score / ∂ x_c (Shrikumar et al. 2016). Additive to first order: the pixels sum to
 * f(x) − f(b) where the model is linear between image and baseline. With b = 0 in input space, and a network of ReLU
 * and max pooling without biases, it is layer-wise relevance propagation with ε → 0.
 */
export const inputXGradient = defineExplainer({
  name: 'input-x-gradient',
  title: 'Input × gradient',
  summary: "The gradient times the image's difference from the baseline.",
  advice: 'For a quick map in the unit of the score; integrated gradients is its accurate form.',
  cite: 'Shrikumar et al. 2016, arXiv:1605.01713',
  kind: 'additive',
  requires: ['gradients'],
  baseline: 'air',
  followsPath: true,
  dimensions: [2, 3],
  options: z.strictObject({ score: scoreOption('margin') }),
  presets: {
    captum: { options: { score: 'logit' }, baseline: 'zero-input' },
    xplique: { options: { score: 'logit' }, baseline: 'zero-input' },
  },
  cost: () => ({ forward: 1, backward: 1 }),

  async explain(context) {
    const { image, baseline, options } = context;
    const { shape, data } = await inputGradient(context, options.score);
    const products = Float64Array.from(data, (g, i) => g * (image.data[i]! - baseline.data[i]!));
    return { map: channelSum({ shape, data: products }) };
  },
});
