import { distance } from '../../core/norm.ts';
import { relativeMetric } from './shared/relative.ts';

/**
 * The largest relative change of the map over the change of the logits, ‖Δa‖ / ‖a‖ over ‖Δz‖, over the noisy copies of
 * `max-sensitivity` (after Agarwal et al. 2022, equation 5, who divide the map element by element: the preset `agarwal`).
 * Detail `mean`; others as for `max-sensitivity`.
 */
export const relativeOutputStability = relativeMetric({
  name: 'relative-output-stability',
  title: 'Relative output stability',
  summary: 'The largest relative change of the map over the change of the logits.',
  cite: 'Agarwal et al., Rethinking stability for attribution-based explanations, 2022, arXiv:2203.06877',
  undefinedWhen: 'noise changes the prediction in every copy, or no copy has a map, or the logits never change',
  criticism:
    'A constant map is best, and one copy whose logits hardly change decides. Depends on the scale of the logits, so that ' +
    'models do not compare.',
  criticismSource: 'by algebra',
  what: 'logits',
  far: (copy, near) => distance(copy.logits, near.logits),
});
