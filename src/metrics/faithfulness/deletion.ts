import { undefinedBecause } from '../../core/contracts.ts';
import { defineMetric } from '../../core/define.ts';
import { mapDefect } from '../../core/tensor.ts';
import { curveOptions, pointsOf } from './shared/options.ts';
import { detailsOf, followed, meanArea, meanCurve } from './shared/outcome.ts';
import { curvesOf } from './shared/scores.ts';

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
  needs: ['model'],
  baseline: 'air',
  options: curveOptions,
  presets: {
    'rise-paper': { options: { pixelsPerStep: 224 }, baseline: 'zero-input' },
    // PixelFlipping(features_in_step=1, perturb_baseline='black'): the image's minimum, which is air in a CT window.
    quantus: { options: { pixelsPerStep: 1, tieFields: 1 }, baseline: 'air' },
    xplique: { options: { steps: 10, score: 'logit', tieFields: 1 }, baseline: 'zero-input' },
  },
  cost: (options, input) => ({ forward: pointsOf(options, input), backward: 0 }),
  async evaluate(context) {
    const defect = mapDefect(context.attribution);
    if (defect !== null) return undefinedBecause(defect);
    const curves = await curvesOf(context);
    const to = followed(context, curves);
    if (typeof to === 'string') return undefinedBecause(to);
    const path = await curves.path('removed', curves.plan.edges);
    return {
      value: meanArea(path, to.follow),
      curve: meanCurve(path, to.follow),
      details: detailsOf(context, curves, to.share && meanArea(path, to.share)),
    };
  },
});
