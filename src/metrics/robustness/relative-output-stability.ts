import { isUndefined } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { distance } from '../../core/norm.ts';
import { neighbourhoodOf, noiseCost } from './shared/neighbours.ts';
import { RELATIVE_PRESETS, relativeOptions, relativeStability } from './shared/relative.ts';

/**
 * The largest relative change of the map over the change of the logits, ‖Δa‖ / ‖a‖ over ‖Δz‖, over the noisy copies of
 * `max-sensitivity` (after Agarwal et al. 2022, equation 5, who divide the map element by element: the preset `agarwal`).
 * Detail `mean`; others as for `max-sensitivity`.
 */
export const relativeOutputStability = defineMetric({
  name: 'relative-output-stability',
  title: 'Relative output stability',
  summary: 'The largest relative change of the map over the change of the logits.',
  cite: 'Agarwal et al., Rethinking stability for attribution-based explanations, 2022, arXiv:2203.06877',
  category: 'robustness',
  better: 'lower',
  range: [0, Number.POSITIVE_INFINITY],
  undefinedWhen: 'noise changes the prediction in every copy, or no copy has a map, or the logits never change',
  criticism:
    'A constant map is best, and one copy whose logits hardly change decides. Depends on the scale of the logits, so that ' +
    'models do not compare.',
  criticismSource: 'by algebra',
  needs: ['model', 'explain'],
  options: relativeOptions,
  presets: RELATIVE_PRESETS,
  checks: { options: { draws: 3 } },
  cost: (options, _, explanation) => noiseCost(options, explanation),
  async evaluate(context) {
    const near = await neighbourhoodOf(context);
    if (isUndefined(near)) return near;
    return relativeStability(context, near, n => distance(n.logits, near.logits), 'logits');
  },
});
