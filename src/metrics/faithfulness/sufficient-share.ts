import { undefinedBecause } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { wholePath } from './shared/follow-paths.ts';
import { curveCost, curveOrderOptions } from './shared/options.ts';
import { curvesOf } from './shared/scores.ts';

/** The share of the image's probability that must be reached. */
const ENOUGH = 0.9;

/**
 * The least share of the image, its most relevant pixels on the baseline, at which the class explained comes first and
 * has at least nine tenths of the image's probability. Read from the curve of `insertion` with the same settings, at no
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
    const options = { ...context.options, score: 'probability', normalised: false, precision: 'exact' } as const;
    const curves = await curvesOf({ ...context, options });
    if (!curves.image.first) return undefinedBecause('the class explained is not the one predicted');
    const probability = (raw: number) => 1 / (1 + Math.exp(-raw));
    const least = ENOUGH * probability(curves.image.score);
    if (curves.baseline.first && probability(curves.baseline.score) >= least) {
      return undefinedBecause('the baseline alone is enough');
    }
    const path = await wholePath(curves, { state: 'kept', edges: curves.plan.edges });
    const shares = path.fields.map(({ fraction, points }) => {
      const at = points.findIndex(({ score, first }) => first && probability(score) >= least);
      return fraction[at]!;
    });
    const { tiedShare, sequences } = curves.plan;
    return {
      value: shares.reduce((a, b) => a + b, 0) / shares.length,
      details: { probability: probability(curves.image.score), tiedShare, tieFields: sequences.length },
    };
  },
});
