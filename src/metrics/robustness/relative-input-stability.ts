import { relativeChange, relativeMetric } from './shared/relative.ts';

/**
 * The largest relative change of the map over the relative change of the image, ‖Δa‖ / ‖a‖ over ‖Δx‖ / ‖x‖, over the
 * noisy copies of `max-sensitivity` (after Agarwal et al. 2022, equation 2, who divide element by element: the preset
 * `agarwal`). Detail `mean`; others as for `max-sensitivity`.
 */
export const relativeInputStability = relativeMetric({
  name: 'relative-input-stability',
  title: 'Relative input stability',
  summary: 'The largest relative change of the map over the relative change of the image.',
  cite: 'Agarwal et al., Rethinking stability for attribution-based explanations, 2022, arXiv:2203.06877',
  undefinedWhen: 'noise changes the prediction in every copy, or no copy has a map, or the image is 0 everywhere',
  criticism:
    'A constant map is best. Depends on where input space has its zero. Element by element, as published, values near 0 ' +
    'decide; Quantus shifts brightness (its noise has one sign) and gives NaN where one copy of a batch flips.',
  criticismSource: 'Agarwal et al. 2022, arXiv:2203.06877, whose definition it is; the code of Quantus 0.6.0',
  what: 'image',
  far: (copy, _, { image, options }) => relativeChange(image.data, copy.image.data, options.relative),
});
