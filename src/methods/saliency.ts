import { z } from 'zod';
import { undefinedBecause } from '../core/contracts/index.ts';
import { defineExplainer } from '../core/define.ts';
import { channelMaximum, channelSum } from '../core/image/channels.ts';
import { inputGradient } from './shared/input-gradient.ts';
import { scoreOption } from './shared/options.ts';

/**
 * Saliency: |Σ_c ∂ score / ∂ x_c| (Simonyan et al. 2014, section 3). The paper, and Xplique, take the largest of the
 * channels instead, which makes a grey image's map up to three times too small; Captum keeps channels apart.
 *
 * Undefined where the gradient is zero everywhere.
 */
export const saliency = defineExplainer({
  name: 'saliency',
  title: 'Saliency',
  summary: 'How strongly the score reacts to a small change of each pixel: the size of the gradient.',
  advice:
    'For a first look, and for checking that gradients work; it is noisy, and tells how sensitive the score is, not what it consists of.',
  cite: 'Simonyan et al. 2014, arXiv:1312.6034',
  kind: 'ranking',
  requires: ['gradients'],
  dimensions: [2, 3],
  options: z
    .strictObject({
      score: scoreOption('margin'),
      signed: z.boolean().default(false).describe('keep the sign: positive where a brighter pixel raises the score'),
      channels: z
        .enum(['sum', 'maximum'])
        .default('sum')
        .describe('one value per pixel: the sum over channels, or the largest absolute value'),
    })
    .refine(o => !(o.signed && o.channels === 'maximum'), {
      path: ['signed'],
      error: 'signed needs channels: sum; a maximum of absolute values has no sign',
    }),
  presets: {
    paper: { options: { score: 'logit', channels: 'maximum' } },
    captum: { options: { score: 'logit' } },
    xplique: { options: { score: 'logit', channels: 'maximum' } },
  },
  cost: () => ({ forward: 1, backward: 1 }),

  async explain(context) {
    const { score, signed, channels } = context.options;
    const gradient = await inputGradient(context, score);
    const map = (channels === 'sum' ? channelSum : channelMaximum)(gradient);
    if (map.data.every(v => v === 0)) return undefinedBecause('the gradient is zero everywhere');
    return { map: signed ? map : { shape: map.shape, data: map.data.map(Math.abs) } };
  },
});
