import { defineRule } from '../rule.ts';
import { derivativeOf, rectifiersOf } from './rectifiers.ts';
import type { RuleSet } from './rule-set.ts';

/** Through a ReLU goes what is positive both ways: g·[x > 0]·[g > 0] (Springenberg et al. 2015, figure 1). */
export const guidedBackprop: RuleSet = {
  rulesFor(network) {
    const rectifies = rectifiersOf(network, 'guided backpropagation');
    return node => {
      if (!rectifies(node)) return undefined;
      return defineRule(node.op, site => node.inputs.map(() => () => site.e.op('Relu', [derivativeOf(site)])));
    };
  },
};
