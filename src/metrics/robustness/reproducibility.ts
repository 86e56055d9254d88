import { z } from 'zod';
import { undefinedBecause } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { spearman } from '../../core/statistics/correlation.ts';
import { mapDefect, type Tensor } from '../../core/tensor.ts';

/**
 * The mean rank correlation of the map with the maps under weights of other trainings of the same architecture, over
 * all pairs, of those that predict the class explained (after Fel et al. 2022, MeGe, who take all that agree on the
 * image). Details: `models` compared, the map's own among them; `disagreeing`, those left out for their prediction.
 */
export const reproducibility = defineMetric({
  name: 'reproducibility',
  title: 'Reproducibility over trainings',
  summary: 'Rank correlation of maps under the weights of other trainings that predict the same class.',
  cite: 'Fel et al., How good is your explanation? Algorithmic stability measures, WACV 2022, arXiv:2009.04521',
  category: 'robustness',
  better: 'higher',
  range: [-1, 1],
  undefinedWhen: 'there are no weights of other trainings, or none that predicts the class explained has a map',
  criticism:
    'Trainings may find other features, which a right map must show: it measures model and explainer together. An ' +
    'explainer that ignores the model is perfectly reproducible.',
  criticismSource: 'D’Amour et al. 2022, arXiv:2011.03395, on trainings that find other features',
  needs: ['weights'],
  options: z.strictObject({
    weights: z
      .array(z.string().min(1))
      .max(50)
      .default([])
      .describe(
        'files of weights from other trainings of the same architecture; none: what `ct-xai train --further` keeps beside the model',
      ),
  }),
  variants: ({ weights }) =>
    weights.length > 0
      ? weights.map(file => ({ kind: 'file' as const, file }))
      : (['seed-2', 'seed-3'] as const).map(training => ({ kind: 'trained' as const, training })),
  async evaluate({ attribution, variantMaps, target }) {
    const maps: Tensor[] = [attribution];
    let [disagreeing, reason] = [0, ''];
    for (const { map, predicted, reason: why } of variantMaps) {
      const defect = map ? mapDefect(map) : (why ?? 'there is none');
      if (predicted !== undefined && predicted !== target.class) disagreeing++;
      else if (map && defect === null) maps.push(map);
      else reason ||= defect ?? '';
    }
    const pairs = maps.flatMap((a, i) => maps.slice(i + 1).map(b => spearman([...a.data], [...b.data])));
    const found = pairs.filter(r => r !== null);
    if (found.length === 0) {
      return undefinedBecause(
        disagreeing > 0 && !reason
          ? 'no other training predicts the class explained'
          : `there is no map under the weights of other trainings: ${reason || 'there are none'}`,
      );
    }
    const value = found.reduce((a, b) => a + b, 0) / found.length;
    return { value, details: { models: maps.length, disagreeing } };
  },
});
