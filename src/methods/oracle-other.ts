import { isUndefined } from '../core/contracts/index.ts';
import { defineExplainer } from '../core/define.ts';
import { truthMap } from './shared/truth-map.ts';

/**
 * The truth by intervention about another model of the suite, on the same image: what that one uses. A metric that
 * asks this model must prefer `oracle`, as far as the two use different things.
 */
export const oracleOther = defineExplainer({
  name: 'oracle-other',
  title: 'Oracle of another model',
  summary:
    'Control: what another model of the suite uses. A metric that does not prefer the oracle is blind to the model.',
  advice: 'A control for phantoms and suites of several models: the truth about the next model.',
  cite: 'This project',
  kind: 'additive',
  role: 'control',
  needs: ['other-effects'],
  cost: () => ({ forward: 0, backward: 0 }),
  async explain({ model, effects }) {
    const map = truthMap(effects, model.input.spatial, 'nothing is known by intervention about another model');
    return isUndefined(map) ? map : { map };
  },
});
