import { z } from 'zod';
import { isUndefined } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { patchOptions } from '../shared/patch-options.ts';
import { costOfEach, dropsOfEach } from '../shared/patches.ts';

/**
 * The share of patches that the map calls irrelevant though removing them moves the score, or relevant though it does not
 * (Nguyen and Martínez 2020, section 2.1, there a count of pixels). Irrelevant: less than `negligible` of the largest
 * patch's magnitude; not moving: by less than `negligible` of the largest change. The patches are removed one by one, as
 * for `faithfulness-estimate`. By chance: what the map has with its patches shuffled. Details: `irrelevant` and
 * `unmoving`, the shares of the patches.
 */
export const nonSensitivity = defineMetric({
  name: 'non-sensitivity',
  title: 'Non-sensitivity',
  summary: 'Share of patches that the map calls irrelevant though the score depends on them, or the other way round.',
  cite: 'Nguyen & Martínez, On quantitative aspects of model interpretability, 2020, arXiv:2007.07584',
  category: 'axiomatic',
  better: 'lower',
  range: [0, 1],
  chance: 'image',
  undefinedWhen: 'removing a patch changes the score by nothing or always by the same',
  criticism:
    'What counts as nothing is a choice, and decides. Two patches of which either is enough are both called irrelevant by ' +
    'the score. Quantus counts pixels, so that values of two sizes of image do not compare.',
  criticismSource: 'by algebra; the code of Quantus 0.6.0',
  needs: ['model'],
  baseline: 'air',
  options: z.strictObject({
    negligible: z.number().min(0).max(0.5).default(0.01).describe('share of the largest that counts as nothing'),
    ...patchOptions,
  }),
  checks: { options: { patchPixels: 4 } },
  cost: costOfEach,
  async evaluate(context) {
    const { negligible } = context.options;
    const found = await dropsOfEach(context);
    if (isUndefined(found)) return found;
    const { patches, drops } = found;
    const small = (values: readonly number[]): boolean[] => {
      const largest = values.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
      return values.map(v => Math.abs(v) <= negligible * largest);
    };
    const [irrelevant, unmoving] = [small([...patches.sums]), small(drops)];
    const share = (list: readonly boolean[]) => list.filter(Boolean).length / list.length;
    const [p, q] = [share(irrelevant), share(unmoving)];
    return {
      value: share(irrelevant.map((v, i) => v !== unmoving[i])),
      chance: p * (1 - q) + q * (1 - p),
      details: { irrelevant: p, unmoving: q },
    };
  },
});
