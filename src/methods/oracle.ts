import { isUndefined } from '../core/contracts/index.ts';
import { defineExplainer } from '../core/define.ts';
import { truthNumbers } from '../core/truth/effects.ts';
import { truthMap } from './shared/truth-map.ts';

/** The truth by intervention as a map: each factor's exact effect, spread evenly over its region. */
export const oracle = defineExplainer({
  name: 'oracle',
  title: 'Oracle',
  summary: 'Control: the truth by intervention. A metric that does not place it first is not to be trusted here.',
  advice: 'A control for phantoms: the truth by intervention, which no metric should place last.',
  cite: 'Shapley 1953; Hesse et al. 2023, FunnyBirds, arXiv:2308.06248',
  kind: 'additive',
  ties: 'zeros',
  role: 'control',
  needs: ['effects'],
  cost: () => ({ forward: 0, backward: 0 }),
  async explain({ model, effects }) {
    const map = truthMap(effects, model.input.spatial);
    if (isUndefined(map)) return map;
    return { map, diagnostics: truthNumbers(effects!) };
  },
});
