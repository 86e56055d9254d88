import { z } from 'zod';
import { isUndefined, undefinedBecause } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { patchOptions } from '../shared/patch-options.ts';
import { correlate, costOfEach, dropsOfEach } from '../shared/patches.ts';

/**
 * The correlation, over patches, of the map's sum with the fall of the score when that patch alone is removed
 * (Alvarez-Melis and Jaakkola 2018a, section 5.2). Details: `patches`; `unweighted` as for `faithfulness-correlation`.
 */
export const faithfulnessEstimate = defineMetric({
  name: 'faithfulness-estimate',
  title: 'Faithfulness estimate',
  summary: 'Correlation of what the map gives to each patch with what removing it alone takes from the score.',
  cite: 'Alvarez-Melis & Jaakkola, Towards robust interpretability with self-explaining networks, NeurIPS 2018, arXiv:1806.07538',
  category: 'faithfulness',
  better: 'higher',
  range: [-1, 1],
  chance: 0,
  kinds: ['additive', 'regional'],
  undefinedWhen:
    'removing a patch changes the score by nothing or always by the same, or all patches have the same sum',
  criticism:
    'What needs two patches at once is not seen: a model that looks at either of two lesions loses nothing with one. ' +
    'Occlusion is this very experiment, and wins by construction.',
  criticismSource: 'by algebra',
  needs: ['model'],
  baseline: 'air',
  options: z.strictObject(patchOptions),
  checks: { options: { patchPixels: 4 } },
  cost: costOfEach,
  async evaluate(context) {
    const found = await dropsOfEach(context);
    if (isUndefined(found)) return found;
    const { patches, drops } = found;
    const value = correlate([...patches.sums], drops);
    if (value === null) return undefinedBecause('the map gives all patches the same');
    return { value, details: { patches: patches.count, unweighted: patches.unweighted } };
  },
});
