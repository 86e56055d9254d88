import { z } from 'zod';
import { isUndefined, undefinedBecause } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { inside, locate, skillOf } from './shared/ground-truth.ts';

/**
 * Relevance mass accuracy (Arras et al. 2022, equation 2): v, the share of the positive values that lies in the mask;
 * as a skill over chance, (v − c) / (1 − c), where c is the mask's share of the body: 1 at best, 0 for a map that is even
 * over the body and 0 outside. What lies in the air outside counts as misplaced: noise over the whole image has less
 * than 0. Negative values count as nothing. Undefined without positive values, with an empty mask, or one as large as the
 * body. Details: `mass` v, `chance` c, `skill`.
 */
export const relevanceMass = defineMetric({
  name: 'relevance-mass',
  title: 'Relevance mass',
  summary: 'Share of the positive relevance that lies in the mask, beyond chance. Plausibility, not faithfulness.',
  cite: 'Arras, Osman & Samek, CLEVR-XAI, Information Fusion 2022, doi:10.1016/j.inffus.2021.11.008',
  category: 'localisation',
  better: 'higher',
  range: [Number.NEGATIVE_INFINITY, 1],
  chance: 'image',
  undefinedWhen: 'the map has no positive value, or the mask is empty or as large as the body',
  criticism:
    'Rewards maps that are small and even over the lesion, whatever the model uses of it; a model that looks elsewhere ' +
    'makes a right map score badly (Arras et al. 2022, section 6). Chance is that of a map of the body: noise that also fills ' +
    'the air outside has less than 0.',
  criticismSource:
    'Arras et al. 2022, doi:10.1016/j.inffus.2021.11.008; Jacovi & Goldberg 2020, arXiv:2004.03685; the air by algebra',
  needs: ['mask'],
  options: z.strictObject({
    skill: z.boolean().default(true).describe('the share beyond chance; false: the share itself, 0 to 1'),
  }),
  presets: { quantus: { options: { skill: false } } },
  async evaluate(context) {
    const located = locate(context);
    if (isUndefined(located)) return located;
    const { data } = context.attribution;
    let [within, total] = [0, 0];
    for (let i = 0; i < data.length; i++) {
      const positive = Math.max(0, data[i]!);
      total += positive;
      if (inside(located.mask.data[i]!)) within += positive;
    }
    if (total === 0) return undefinedBecause('the map has no positive value');
    const mass = within / total;
    const { skill, ...levels } = skillOf(mass, located.share, context.options.skill);
    return { ...levels, details: { mass, chance: located.share, skill } };
  },
});
