import { z } from 'zod';
import { undefinedBecause } from '../core/contracts/index.ts';
import { defineExplainer } from '../core/define.ts';
import { channelSum } from '../core/image/channels.ts';
import { backwardPass } from './shared/backward-pass.ts';
import { scoreOption } from './shared/options.ts';

/**
 * Deconvolutional network: the network run backwards, with the ReLU applied to what comes back instead of its
 * derivative; max pooling remembers where its maxima were (Zeiler and Fergus 2014). Signed, channels summed. It depends
 * on the image by max pooling only, and hardly on the class (Mahendran and Vedaldi 2016).
 *
 * Other activations than ReLU keep their derivative, which a note says; a network without ReLU is skipped.
 */
export const deconvnet = defineExplainer({
  name: 'deconvnet',
  title: 'Deconvolutional network',
  summary: 'The network run backwards with ReLUs on the way back: what could have caused the score.',
  cite: 'Zeiler and Fergus 2014, doi:10.1007/978-3-319-10590-1_53',
  kind: 'ranking',
  requires: ['backward-rules'],
  dimensions: [2, 3],
  options: z.strictObject({ score: scoreOption('margin') }),
  presets: { paper: { options: { score: 'logit' } }, captum: { options: { score: 'logit' } } },
  cost: () => ({ forward: 1, backward: 1 }),

  async explain(context) {
    const { values, notes } = await backwardPass(context, context.options.score, { name: 'deconvnet' });
    const map = channelSum(values);
    if (map.data.every(v => v === 0)) return undefinedBecause('nothing positive reaches the image');
    return { map, notes };
  },
});
