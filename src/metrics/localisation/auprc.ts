import { z } from 'zod';
import { isUndefined } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { skillOf } from './shared/ground-truth.ts';
import { rankedHits } from './shared/ranked-hits.ts';

/**
 * Average precision of the map as a detector of the mask's pixels in the body, Σ (R_k − R_{k−1}) P_k over the map's
 * distinct values (Arun et al. 2021), as a skill over chance, (v − c) / (1 − c), c the mask's share of the body.
 * Details: `precision` v, `chance` c, `skill`.
 */
export const auprc = defineMetric({
  name: 'auprc',
  title: 'Average precision of the map',
  summary: 'Area under precision and recall of the map as a detector of the mask, beyond chance.',
  cite: 'Arun et al., Assessing the trustworthiness of saliency maps, Radiology: AI 2021, doi:10.1148/ryai.2021200267',
  category: 'localisation',
  better: 'higher',
  range: [Number.NEGATIVE_INFINITY, 1],
  chance: 'image',
  undefinedWhen: 'the mask is empty or as large as the body',
  criticism:
    'Plausibility, not faithfulness. Its chance level is the mask’s share of the image, so that plain values of small and ' +
    'large lesions do not compare.',
  criticismSource:
    'Jacovi & Goldberg 2020, arXiv:2004.03685; Saito & Rehmsmeier 2015, doi:10.1371/journal.pone.0118432',
  needs: ['mask'],
  options: z.strictObject({
    skill: z.boolean().default(true).describe('beyond chance; false: the average precision itself, 0 to 1'),
  }),
  async evaluate(context) {
    const ranked = await rankedHits(context);
    if (isUndefined(ranked)) return ranked;
    const { pixels, hits, share } = ranked;
    let precision = 0;
    for (let r = 0; r < pixels.length; r++) {
      const gain = hits[r]! - (r === 0 ? 0 : hits[r - 1]!);
      precision += (gain / hits.at(-1)!) * (hits[r]! / pixels[r]!);
    }
    const { skill, ...levels } = skillOf(precision, share, context.options.skill);
    return { ...levels, details: { precision, chance: share, skill } };
  },
});
