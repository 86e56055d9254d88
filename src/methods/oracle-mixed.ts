import { z } from 'zod';
import { isUndefined } from '../core/contracts/index.ts';
import { defineExplainer } from '../core/define.ts';
import { tensor } from '../core/tensor.ts';
import { truthMap } from './shared/truth-map.ts';

/** The truth by intervention, less and less of it: (1 − s) · oracle + s · the oracle's values in a random order. */
export const oracleMixed = defineExplainer({
  name: 'oracle-mixed',
  title: 'Oracle, mixed',
  summary: 'Control: the oracle with a share of its values put anywhere. A metric that does not fall sees nothing.',
  advice: 'A control for phantoms: what a partly right map scores.',
  cite: 'This project',
  kind: 'additive',
  ties: 'zeros',
  draws: true,
  role: 'control',
  needs: ['effects'],
  options: z.strictObject({
    share: z.number().min(0).max(1).default(0.5).describe('of the map that is in a random order'),
  }),
  cost: () => ({ forward: 0, backward: 0 }),
  async explain({ model, effects, options: { share }, rng }) {
    const truth = truthMap(effects, model.input.spatial);
    if (isUndefined(truth)) return truth;
    const anywhere = rng.fork('anywhere').shuffle(truth.data.slice());
    const map = tensor(
      truth.shape,
      truth.data.map((v, i) => (1 - share) * v + share * anywhere[i]!),
    );
    return { map };
  },
});
