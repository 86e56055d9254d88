import { defineMetric } from '../../core/define.ts';
import { areaWhile } from './shared/area.ts';
import { curveCost, curveNeedsClasses, curveOptions } from './shared/options.ts';

/**
 * The area under the target's score while the most relevant pixels of the image are put into the baseline, over the
 * true fraction of pixels, both ends included (Petsiuk et al. 2018, section 4.1). Details as for `deletion`.
 */
export const insertion = defineMetric({
  name: 'insertion',
  title: 'Insertion',
  summary: 'Area under the score as the most relevant pixels are put into the baseline; a good map makes it rise.',
  cite: 'Petsiuk, Das & Saenko, RISE, BMVC 2018, arXiv:1806.07421',
  category: 'faithfulness',
  better: 'higher',
  range: [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
  rangeByDefault: [0, 1],
  undefinedWhen:
    'the score is the same whatever is removed; there is one step only; with normalised: true, where image and baseline have nearly the same score',
  criticism:
    'The first pixels on an empty image lie far from the training distribution; on a blurred start the score may be ' +
    'high before anything is inserted (Petsiuk et al. 2018; Blücher et al. 2024).',
  criticismSource: 'Petsiuk et al. 2018, arXiv:1806.07421; Blücher et al. 2024, arXiv:2401.06654',
  needs: ['model'],
  needsClasses: curveNeedsClasses,
  baseline: 'blur',
  options: curveOptions,
  checks: { options: { steps: 12 } },
  presets: {
    'rise-paper': { options: { pixelsPerStep: 224 }, baseline: 'rise-blur' },
    xplique: { options: { steps: 10, score: 'logit', tieFields: 1 }, baseline: 'zero-input' },
  },
  cost: (options, input) => curveCost(options, input, ['kept']),
  evaluate: context => areaWhile('kept', context),
});
