import { defineExplainer } from '../core/define.ts';
import { rectifierMap, rectifierRules } from './shared/backward-pass.ts';

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
  advice: 'For comparison with older work only; it is nearly the same for every class.',
  cite: 'Zeiler and Fergus 2014, doi:10.1007/978-3-319-10590-1_53',
  ...rectifierRules,
  rules: { name: 'deconvnet' },
  explain: context => rectifierMap(context, 'deconvnet'),
});
