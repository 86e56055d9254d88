import { z } from 'zod';
import { isUndefined } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { skillOf } from './shared/ground-truth.ts';
import { hitsAmong, rankedHits } from './shared/ranked-hits.ts';

/**
 * Relevance rank accuracy (Arras et al. 2022, equation 3): of the K most relevant pixels of the body, K the size of the
 * mask, the share v that lies in the mask; as a skill over chance, (v − c) / (1 − c), c the mask's share of the body.
 * With `top` a share of the body, the top-k intersection of Theiner et al. (2022). Equal values are in a random order,
 * of which the expected share is taken. Details: `accuracy` v, `chance` c, `skill`, `k`.
 */
export const rankAccuracy = defineMetric({
  name: 'rank-accuracy',
  title: 'Relevance rank accuracy',
  summary: 'Share of the most relevant pixels, as many as the mask has, that lie in the mask, beyond chance.',
  cite: 'Arras, Osman & Samek, CLEVR-XAI, Information Fusion 2022, doi:10.1016/j.inffus.2021.11.008',
  category: 'localisation',
  better: 'higher',
  range: [Number.NEGATIVE_INFINITY, 1],
  chance: 'image',
  undefinedWhen: 'the mask is empty or as large as the body',
  criticism:
    'Plausibility, not faithfulness: a model may use what lies outside the mask. Quantus ranks the whole image, air ' +
    'included, and takes equal values in the order of the array.',
  criticismSource: 'Jacovi & Goldberg 2020, arXiv:2004.03685; the code of Quantus 0.6.0',
  needs: ['mask'],
  options: z.strictObject({
    top: z
      .union([z.literal('mask'), z.number().positive().max(1)])
      .default('mask')
      .describe('how many pixels count: as many as the mask has, or this share of the body'),
    skill: z.boolean().default(true).describe('the share beyond chance; false: the share itself, 0 to 1'),
  }),
  presets: {
    'top-k-intersection': { options: { top: 0.05, skill: false } },
    quantus: { options: { skill: false } },
  },
  async evaluate(context) {
    const { top, skill: asSkill } = context.options;
    const ranked = await rankedHits(context);
    if (isUndefined(ranked)) return ranked;
    const body = ranked.pixels.at(-1)!;
    const k = top === 'mask' ? ranked.hits.at(-1)! : Math.max(1, Math.round(top * body));
    const accuracy = hitsAmong(ranked, k) / k;
    const { skill, ...levels } = skillOf(accuracy, ranked.share, asSkill);
    return { ...levels, details: { accuracy, chance: ranked.share, skill, k } };
  },
});
