import { z } from 'zod';
import { isUndefined, undefinedBecause } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { spearman } from '../../core/statistics/correlation.ts';
import { mapDefect, type Tensor } from '../../core/tensor.ts';
import { spreadOf } from './shared/changes.ts';

/**
 * The mean rank correlation of the map with the explainer's maps of the same image from other random numbers, over all
 * pairs. 1 for an explainer that draws none. Says whether a sampling explainer has been given enough samples. Details:
 * `maps` compared; `identical`, 1 where all are equal.
 */
export const repeatability = defineMetric({
  name: 'repeatability',
  title: 'Repeatability',
  summary: 'Rank correlation of the map with maps from other random numbers.',
  cite: 'our own; for LIME: Zafar & Khan, DLIME, 2019, arXiv:1906.10263',
  category: 'robustness',
  better: 'higher',
  range: [-1, 1],
  undefinedWhen: 'the explainer gives no map from other random numbers',
  criticism: 'Any explainer that draws nothing has 1, whatever it shows; a biased one with few samples may too.',
  criticismSource: 'by algebra',
  needs: ['explain'],
  options: z.strictObject({
    repeats: z.int().min(1).max(50).default(4).describe('further maps, each from its own random numbers'),
  }),
  checks: { options: { repeats: 2 } },
  cost: ({ repeats }, _, explanation) => ({
    forward: repeats * explanation.forward,
    backward: repeats * explanation.backward,
    ...(explanation.atMost ? { atMost: true } : {}),
  }),
  async evaluate({ attribution, image, options, explain }) {
    const maps: Tensor[] = [attribution];
    let reason = '';
    for (let replicate = 1; replicate <= options.repeats; replicate++) {
      const again = await explain({ image, key: 'the image again', replicate });
      if (isUndefined(again)) reason ||= again.undefined;
      else if (mapDefect(again.map) === null) maps.push(again.map);
    }
    const pairs = maps.flatMap((a, i) => maps.slice(i + 1).map(b => spearman([...a.data], [...b.data])));
    const found = pairs.filter(r => r !== null);
    if (found.length === 0)
      return undefinedBecause(`there is no other map of the image: ${reason || 'all are constant'}`);
    const { mean } = spreadOf(found);
    const same = maps.every(m => m.data.every((v, i) => v === attribution.data[i]));
    return { value: Math.min(1, mean), details: { maps: maps.length, identical: same ? 1 : 0 } };
  },
});
