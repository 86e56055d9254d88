import { type Curve, undefinedBecause } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { valueAt } from '../../core/perturbation/curve.ts';
import { curveCost, curveOptions } from './shared/options.ts';
import { detailsOf, followed, meanArea, meanCurve, unmoved } from './shared/outcome.ts';
import { curvesOf } from './shared/scores.ts';

/**
 * The area between the deletion curves of the reversed and of the map's order: least relevant first minus most relevant
 * first (Blücher et al. 2024, equation 5). A random order gives 0 in expectation, whatever the model; ±1 at most on
 * probabilities. Details as for `deletion`, and the two areas, `leastFirst` and `mostFirst`. The curve is the gap.
 */
export const srg = defineMetric({
  name: 'srg',
  title: 'Symmetric relevance gain',
  summary: 'Deletion in the reversed order minus deletion in the order of the map; a random map gives 0.',
  cite: 'Blücher, Vielhaben & Strodthoff, Decoupling pixel flipping and occlusion strategy, TMLR 2024, arXiv:2401.06654',
  category: 'faithfulness',
  better: 'higher',
  range: [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
  rangeByDefault: [-1, 1],
  undefinedWhen:
    'the score is the same whatever is removed; with normalised: true, where image and baseline have nearly the same score',
  criticism:
    'Less sensitive to the baseline than deletion or insertion alone, but not free of it (Blücher et al. 2024).',
  criticismSource: 'Blücher et al. 2024, arXiv:2401.06654',
  chance: 0,
  needs: ['model'],
  baseline: 'air',
  options: curveOptions,
  checks: { options: { steps: 12 } },
  cost: (options, input) => curveCost(options, input, ['removed', 'kept, mirrored']),
  async evaluate(context) {
    const curves = await curvesOf(context);
    const to = followed(context, curves);
    if (typeof to === 'string') return undefinedBecause(to);
    const { edges } = curves.plan;
    const most = await curves.path('removed', edges);
    // Removing the least relevant first keeps the most relevant: insertion's states, read from the other end.
    const kept = await curves.path('kept', edges.map(e => edges[edges.length - 1]! - e).reverse());
    const nothing = unmoved({ ...most, score: [...most.score, ...kept.score] }, to.follow);
    if (nothing) return nothing;
    const [mostFirst, leastFirst] = [meanArea(most, to.follow), meanArea(kept, to.follow)];
    const share = to.share && meanArea(kept, to.share) - meanArea(most, to.share);
    return {
      value: leastFirst - mostFirst,
      curve: gap(meanCurve(most, to.follow), meanCurve(kept, to.follow)),
      details: { ...detailsOf(context, curves, share), leastFirst, mostFirst },
    };
  },
});

/** Over the removed fraction; cut patches may put the two curves' points at slightly different fractions. */
function gap(most: Curve, kept: Curve): Curve {
  const fraction = kept.fraction.map(f => 1 - f).reverse();
  const score = [...kept.score].reverse();
  return {
    fraction: most.fraction,
    score: most.fraction.map((f, i) => valueAt(fraction, score, f) - most.score[i]!),
  };
}
