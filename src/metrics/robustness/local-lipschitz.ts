import { z } from 'zod';
import { isUndefined } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { distance } from '../../core/norm.ts';
import { spreadOf } from './shared/changes.ts';
import { detailsOf, neighbourhoodOf, noiseCost, noiseOptions } from './shared/neighbours.ts';

/**
 * The largest ‖a(x′) − a(x)‖ / ‖x′ − x‖ over the noisy copies x′ of `max-sensitivity` (Alvarez-Melis and Jaakkola 2018b,
 * equation 2), in the map's unit over that of input space: it compares runs of one explainer on one model, not
 * explainers, whose maps have other units. Detail `mean`; others as for `max-sensitivity`.
 */
export const localLipschitz = defineMetric({
  name: 'local-lipschitz',
  title: 'Local Lipschitz estimate',
  summary: 'The largest change of the map over the change of the image that made it.',
  cite: 'Alvarez-Melis & Jaakkola, On the robustness of interpretability methods, 2018, arXiv:1806.08049',
  category: 'robustness',
  better: 'lower',
  range: [0, Number.POSITIVE_INFINITY],
  rankable: false,
  undefinedWhen: 'noise changes the prediction in every copy, or no copy has a map',
  criticism:
    'Not free of units: a map twice as large is twice as bad, so that explainers are not ranked by it; the relative ' +
    'stabilities are. Grows with the number of draws.',
  criticismSource: 'by algebra',
  needs: ['model', 'explain'],
  options: z.strictObject(noiseOptions),
  presets: { quantus: { options: { noise: 'uniform', radius: 0.1, draws: 200 } } },
  checks: { options: { draws: 3 } },
  cost: (options, _, explanation) => noiseCost(options, explanation),
  async evaluate(context) {
    const near = await neighbourhoodOf(context);
    if (isUndefined(near)) return near;
    const ratios = near.neighbours
      .map(n => distance(n.map.data, context.attribution.data) / distance(n.image.data, context.image.data))
      .filter(Number.isFinite);
    if (ratios.length === 0) return { undefined: 'the noise changes no pixel' };
    const { largest, mean } = spreadOf(ratios);
    return { value: largest, details: { ...detailsOf(near), mean } };
  },
});
