import { type Curve, undefinedBecause } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { valueAt } from '../../core/perturbation/curve.ts';
import { filmOf } from './shared/film.ts';
import { followPaths } from './shared/follow-paths.ts';
import { curveCost, curveNeedsClasses, curveOptions } from './shared/options.ts';
import { detailsOf, followed, unmoved } from './shared/outcome.ts';
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
    'the score is the same whatever is removed; there is one step only; with normalised: true, where image and baseline have nearly the same score',
  criticism:
    'Less sensitive to the baseline than deletion or insertion alone, but not free of it (Blücher et al. 2024).',
  criticismSource: 'Blücher et al. 2024, arXiv:2401.06654',
  chance: 0,
  needs: ['model'],
  needsClasses: curveNeedsClasses,
  baseline: 'air',
  options: curveOptions,
  checks: { options: { steps: 12 } },
  cost: (options, input) => curveCost(options, input, ['removed', 'kept, mirrored']),
  async evaluate(context) {
    const curves = await curvesOf(context);
    const to = followed(context, curves);
    if (typeof to === 'string') return undefinedBecause(to);
    const { edges } = curves.plan;
    // Removing the least relevant first keeps the most relevant: insertion's states, read from the other end.
    const mirrored = edges.map(e => edges[edges.length - 1]! - e).reverse();
    const wanted = [{ state: 'removed', edges } as const, { state: 'kept', edges: mirrored } as const];
    const { paths, error } = await followPaths(curves, wanted, context.options, to.follow);
    const [most, kept] = [paths[0]!, paths[1]!];
    const nothing = unmoved(paths, to.follow);
    if (nothing) return nothing;
    const [mostFirst, leastFirst] = [most.area(to.follow), kept.area(to.follow)];
    const share = to.share && kept.area(to.share) - most.area(to.share);
    return {
      value: leastFirst - mostFirst,
      ...(error === undefined ? {} : { error }),
      curve: gap(most.curve(to.follow), kept.curve(to.follow)),
      // Of the two orders the map's own.
      ...(context.film
        ? { film: filmOf('removed', context, curves.plan, { edges: most.edges, curve: most.curve(to.follow) }) }
        : {}),
      details: { ...detailsOf(context, curves, share), leastFirst, mostFirst },
    };
  },
});

/** Points closer together than this are one: cut patches may put those of the two curves a little apart. */
const APART = 0.004;

/** Over the removed fraction, at the points of the first curve and at those of the second that lie between them. */
function gap(most: Curve, kept: Curve): Curve {
  const fraction = kept.fraction.map(f => 1 - f).reverse();
  const score = [...kept.score].reverse();
  const own = fraction.filter(f => most.fraction.every(other => Math.abs(other - f) > APART));
  const all = [...most.fraction, ...own].sort((a, b) => a - b);
  return {
    fraction: all,
    score: all.map(f => valueAt(fraction, score, f) - valueAt(most.fraction, most.score, f)),
  };
}
