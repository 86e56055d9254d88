import { defineMetric } from '../../core/define.ts';
import { areaWhile } from './shared/area.ts';
import { curveCost, curveNeedsClasses, curveOptions } from './shared/options.ts';

/**
 * The area under the target's score while the most relevant pixels go over to the baseline, over the true fraction of
 * pixels, both ends included (Petsiuk et al. 2018, section 4.1). Details: `scoreImage` and `scoreBaseline`;
 * `normalised`, the area of (s − s(baseline)) / (s(image) − s(baseline)) on the margin, left out where the margins
 * differ by less than 0.5; `tiedShare`, the share of pixels in ties larger than a step; `tieFields`, the number of
 * random tie orders averaged.
 */
export const deletion = defineMetric({
  name: 'deletion',
  title: 'Deletion',
  summary: 'Area under the score as the most relevant pixels are replaced by the baseline; a good map makes it fall.',
  cite: 'Petsiuk, Das & Saenko, RISE, BMVC 2018, arXiv:1806.07421',
  category: 'faithfulness',
  better: 'lower',
  range: [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
  rangeByDefault: [0, 1],
  undefinedWhen:
    'the score is the same whatever is removed; there is one step only; with normalised: true, where image and baseline have nearly the same score',
  criticism:
    'Removing pixels leaves the training distribution, and the order of explainers changes with the baseline (Blücher ' +
    'et al. 2024); scattered pixels act as noise and score well.',
  criticismSource:
    'Hooker et al. 2019, arXiv:1806.10758; Blücher et al. 2024, arXiv:2401.06654; Tomsett et al. 2020, arXiv:1912.01451',
  needs: ['model'],
  needsClasses: curveNeedsClasses,
  baseline: 'air',
  options: curveOptions,
  checks: { options: { steps: 12 } },
  presets: {
    'rise-paper': { options: { pixelsPerStep: 224 }, baseline: 'zero-input' },
    // PixelFlipping(features_in_step=1, perturb_baseline='black'): the image's minimum, which is air in a CT window.
    quantus: { options: { pixelsPerStep: 1, tieFields: 1 }, baseline: 'air' },
    xplique: { options: { steps: 10, score: 'logit', tieFields: 1 }, baseline: 'zero-input' },
  },
  cost: (options, input) => curveCost(options, input, ['removed']),
  evaluate: context => areaWhile('removed', context),
});
