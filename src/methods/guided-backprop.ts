import { defineExplainer } from '../core/define.ts';
import { rectifierMap, rectifierRules } from './shared/backward-pass.ts';

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
  advice: 'For comparison with older work only; it is sharp, and nearly the same for every class.',
  cite: 'Springenberg et al. 2015, arXiv:1412.6806',
  ...rectifierRules,
  rules: { name: 'guided-backprop' },
  explain: context => rectifierMap(context, 'guided-backprop'),
});
