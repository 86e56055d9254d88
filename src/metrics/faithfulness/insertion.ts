import { undefinedBecause } from '../../core/contracts.ts';
import { defineMetric } from '../../core/define.ts';
import { mapDefect } from '../../core/tensor.ts';
import { curveOptions, pointsOf } from './shared/options.ts';
import { detailsOf, followed, meanArea, meanCurve } from './shared/outcome.ts';
import { curvesOf } from './shared/scores.ts';

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
  needs: ['model'],
  baseline: 'blur',
  options: curveOptions,
  presets: {
    'rise-paper': { options: { pixelsPerStep: 224 }, baseline: 'rise-blur' },
    xplique: { options: { steps: 10, score: 'logit', tieFields: 1 }, baseline: 'zero-input' },
  },
  cost: (options, input) => ({ forward: pointsOf(options, input), backward: 0 }),
  async evaluate(context) {
    const defect = mapDefect(context.attribution);
    if (defect !== null) return undefinedBecause(defect);
    const curves = await curvesOf(context);
    const to = followed(context, curves);
    if (typeof to === 'string') return undefinedBecause(to);
    const path = await curves.path('kept', curves.plan.edges);
    return {
      value: meanArea(path, to.follow),
      curve: meanCurve(path, to.follow),
      details: detailsOf(context, curves, to.share && meanArea(path, to.share)),
    };
  },
});
