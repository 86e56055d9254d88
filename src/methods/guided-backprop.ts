import { z } from 'zod';
import { undefinedBecause } from '../core/contracts/index.ts';
import { defineExplainer } from '../core/define.ts';
import { channelSum } from '../core/image/channels.ts';
import { backwardPass } from './shared/backward-pass.ts';
import { scoreOption } from './shared/options.ts';

/**
 * Guided backpropagation: the gradient, but back through each ReLU only what is positive, and only where the ReLU was
 * open (Springenberg et al. 2015). Signed, channels summed. Nearly the same for every class: it shows edges that the
 * network sees, and hardly what speaks for the class (Adebayo et al. 2018).
 *
 * Other activations than ReLU keep their derivative, which a note says; a network without ReLU is skipped.
 */
export const guidedBackprop = defineExplainer({
  name: 'guided-backprop',
  title: 'Guided backpropagation',
  summary: 'The gradient without what is negative at any ReLU: sharp, and nearly the same for every class.',
  cite: 'Springenberg et al. 2015, arXiv:1412.6806',
  kind: 'ranking',
  requires: ['backward-rules'],
  dimensions: [2, 3],
  options: z.strictObject({ score: scoreOption('margin') }),
  presets: { paper: { options: { score: 'logit' } }, captum: { options: { score: 'logit' } } },
  cost: () => ({ forward: 1, backward: 1 }),

  async explain(context) {
    const { values, notes } = await backwardPass(context, context.options.score, { name: 'guided-backprop' });
    const map = channelSum(values);
    if (map.data.every(v => v === 0)) return undefinedBecause('nothing positive reaches the image');
    return { map, notes };
  },
});
