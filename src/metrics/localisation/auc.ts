import { isUndefined } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { rankedHits } from './shared/ranked-hits.ts';

/**
 * The area under the receiver operating characteristic of the map as a classifier of the body's pixels into mask and
 * rest: the probability that a pixel of the mask has a larger value than one outside it, equal values counting half
 * (Mann–Whitney).
 */
export const auc = defineMetric({
  name: 'auc',
  title: 'AUC of the map',
  summary: 'Probability that a pixel of the mask is more relevant than a pixel of the body outside it.',
  cite: 'Fawcett, An introduction to ROC analysis, 2006, doi:10.1016/j.patrec.2005.10.010',
  category: 'localisation',
  better: 'higher',
  range: [0, 1],
  chance: 0.5,
  undefinedWhen: 'the mask is empty or as large as the body',
  criticism:
    'Plausibility, not faithfulness. Pixels far below the first count as much as the first, so that a map may score well ' +
    'whose peak misses the lesion; over the whole image, as in Quantus, the air outside the body makes any map look good.',
  criticismSource: 'Jacovi & Goldberg 2020, arXiv:2004.03685; the code of Quantus 0.6.0',
  needs: ['mask'],
  async evaluate(context) {
    const ranked = await rankedHits(context);
    if (isUndefined(ranked)) return ranked;
    const { pixels, hits } = ranked;
    const [body, mask] = [pixels.at(-1)!, hits.at(-1)!];
    let wins = 0;
    for (let r = 0; r < pixels.length; r++) {
      const [before, hit] = r === 0 ? [0, 0] : [pixels[r - 1]!, hits[r - 1]!];
      const inMask = hits[r]! - hit;
      const outside = pixels[r]! - before - inMask;
      const outsideBelow = body - mask - (pixels[r]! - hits[r]!);
      wins += inMask * (outsideBelow + outside / 2);
    }
    return { value: wins / (mask * (body - mask)) };
  },
});
