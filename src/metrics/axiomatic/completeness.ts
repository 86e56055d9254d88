import { z } from 'zod';
import { imageBatch } from '../../core/batch.ts';
import { undefinedBecause } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';

/** Below this difference of scores, shares of it have no meaning. */
const LEAST = 0.1;

/**
 * How far the map is from adding up: |Σ a − (f(x) − f(b))| / |f(x) − f(b)|, f and b the score and the baseline that the
 * explainer works with (Sundararajan et al. 2017, proposition 1). Details: `sum` of the map, `difference` of the scores.
 */
export const completeness = defineMetric({
  name: 'completeness',
  title: 'Completeness',
  summary: 'How far the sum of the map is from the score’s difference between image and baseline, as a share of it.',
  cite: 'Sundararajan, Taly & Yan, Axiomatic attribution for deep networks, ICML 2017, arXiv:1703.01365',
  category: 'axiomatic',
  better: 'lower',
  range: [0, Number.POSITIVE_INFINITY],
  kinds: ['additive'],
  undefinedWhen: 'the explainer uses no baseline, or image and baseline differ by less than 0.1 in its score',
  criticism:
    'Any map can be made to add up by adding a constant: necessary for additive maps, not enough. Quantus divides the map ' +
    'by its largest value first and asks for exact equality of floating-point numbers, which no map fulfils.',
  criticismSource: 'by algebra; the code of Quantus 0.6.0',
  needs: ['model'],
  baseline: 'air',
  options: z.strictObject({
    score: z
      .enum(['explained', 'margin', 'logit', 'probability'])
      .default('explained')
      .describe('the explainer’s own score where it is known (else the margin), or another'),
  }),
  cost: () => ({ forward: 2, backward: 0 }),
  async evaluate({ attribution, image, baseline: own, claim, model, options, target, signal }) {
    const baseline = claim === undefined ? own : claim.baseline;
    if (!baseline) return undefinedBecause('the explainer uses no baseline that its map could be a difference from');
    const score = options.score === 'explained' ? (claim?.score ?? 'margin') : options.score;
    const scores = await model.score(imageBatch(image, baseline), { class: target.class, score }, { signal });
    const difference = scores[0]! - scores[1]!;
    if (!Number.isFinite(difference)) return undefinedBecause(`the model's ${score} is infinite here`);
    const least = score === 'probability' ? LEAST / 10 : LEAST;
    if (Math.abs(difference) < least) {
      return undefinedBecause(
        `image and baseline differ by ${difference.toPrecision(2)} in the ${score}, less than ${least}`,
      );
    }
    const sum = attribution.data.reduce((total, v) => total + v, 0);
    return { value: Math.abs(sum - difference) / Math.abs(difference), details: { sum, difference } };
  },
});
