import { defineRule } from '../rule.ts';
import { rectifiersOf } from './rectifiers.ts';
import type { RuleSet } from './rule-set.ts';

/** Back through a ReLU goes what is positive: g·[g > 0], whatever x was (Zeiler and Fergus 2014, section 2.1). */
export const deconvnet: RuleSet = {
  rulesFor(network) {
    const rectifies = rectifiersOf(network, 'the deconvolutional network');
    return node => {
      if (!rectifies(node)) return undefined;
      return defineRule(node.op, ({ e, g }) => node.inputs.map(() => () => e.op('Relu', [g])));
    };
  },
};
