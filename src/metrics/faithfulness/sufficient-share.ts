import { undefinedBecause } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { firstPassages } from '../../core/perturbation/first-passage.ts';
import { firstPoints } from '../../core/perturbation/refinement.ts';
import { begin } from './shared/follow-paths.ts';
import { curveCost, curveOrderOptions } from './shared/options.ts';
import { curvesOf } from './shared/scores.ts';

/** The share of the image's probability that must be reached. */
const ENOUGH = 0.9;
/** The smallest estimate that is given, as a share of the precision, unless nothing more can be known. */
const RESOLVED = 0.8;
/** A point just below the level. */
const NEARLY = 1e-9;

/**
 * The least share of the image, its most relevant pixels on the baseline, at which the class explained comes first and
 * has at least nine tenths of the image's probability. Read from the curve of `insertion` with the same settings, with `exact` at no
 * further passes; where many pixels are tied, the mean over the random orders.
 */
export const sufficientShare = defineMetric({
  name: 'sufficient-share',
  title: 'Sufficient share',
  summary:
    'Least share of the image, most relevant pixels first, that alone keeps the class and 0.9 of its probability.',
  cite: 'our own; near to minimal sufficient sets, e.g. Chockler et al. 2024, arXiv:2411.08875',
  category: 'faithfulness',
  better: 'lower',
  range: [0, 1],
  undefinedWhen: 'the class explained is not the one predicted, or the baseline alone is enough',
  criticism:
    'A few scattered pixels may be enough as an adversarial pattern. Depends on the baseline: on a blurred one little is ' +
    'missing. The next pixel may take the class away again.',
  criticismSource: 'Hase et al. 2021, arXiv:2106.00786, on images far from the training distribution',
  needs: ['model'],
  needsClasses: 'it follows a probability',
  baseline: 'blur',
  options: curveOrderOptions,
  checks: { options: { steps: 12 } },
  cost: (options, input) => ({ ...curveCost(options, input, ['kept']), atMost: true }),
  async evaluate(context) {
    const options = { ...context.options, score: 'probability', normalised: false } as const;
    const curves = await curvesOf({ ...context, options });
    if (!curves.image.first) return undefinedBecause('the class explained is not the one predicted');
    const probability = (raw: number) => 1 / (1 + Math.exp(-raw));
    const least = ENOUGH * probability(curves.image.score);
    if (curves.baseline.first && probability(curves.baseline.score) >= least) {
      return undefinedBecause('the baseline alone is enough');
    }
    const level = Math.log(least) - Math.log1p(-least);
    const walk = begin(curves, { state: 'kept', edges: curves.plan.edges });
    const { precision } = context.options;
    if (precision === 'exact') await walk.lookAtAll();
    else {
      await walk.lookFirst();
      // Every second one of these in all orders.
      await walk.lookAt(firstPoints(curves.plan.edges.length - 1).filter((_, j) => j % 2 === 0));
    }
    /** Where each order first has enough, as far as is known. */
    const found = () => {
      const orders = walk.orders().map(({ index, fraction, points }) => ({
        index,
        x: fraction,
        // Where it is probable enough and another class comes first, the next point may have both.
        above: points.map(({ score, first }) => Math.min(score - level, first ? Number.POSITIVE_INFINITY : -NEARLY)),
      }));
      const { at, ...rest } = firstPassages(orders);
      return { ...rest, shares: orders.map(({ x }, f) => x[at[f]!]!) };
    };
    let passages = found();
    while (precision !== 'exact' && passages.error > precision && passages.next.length > 0) {
      await walk.lookAt(passages.next);
      passages = found();
    }
    const { shares, error, next } = passages;
    const { tiedShare, sequences } = curves.plan;
    return {
      value: shares.reduce((a, b) => a + b, 0) / shares.length,
      ...(precision === 'exact' ? {} : { error: next.length === 0 ? 0 : Math.max(error, RESOLVED * precision) }),
      details: { probability: probability(curves.image.score), tiedShare, tieFields: sequences.length },
    };
  },
});
