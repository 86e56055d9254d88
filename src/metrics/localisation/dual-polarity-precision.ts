import { isUndefined, undefinedBecause } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { inside, locate } from './shared/ground-truth.ts';

/**
 * The share of a signed map's mass that has the right sign: positive inside the mask, negative in the body outside it.
 * By chance: c p + (1 − c) (1 − p), c the mask's share of the body and p the share of the mass that is positive.
 * Details: `positiveInside`, the share of the positive mass that lies in the mask; `negativeOutside`, that of the
 * negative mass that does not.
 */
export const dualPolarityPrecision = defineMetric({
  name: 'dual-polarity-precision',
  title: 'Dual-polarity precision',
  summary: 'Share of a signed map’s mass that is positive inside the mask or negative outside it.',
  cite: 'arXiv:2605.10142, 2026',
  category: 'localisation',
  better: 'higher',
  range: [0, 1],
  chance: 'image',
  meansForNegatives: false,
  undefinedWhen: 'the map has one sign only, or the mask is empty or as large as the body',
  criticism:
    'Plausibility, not faithfulness: what lies outside a lesion need not speak against the disease. Explainers without ' +
    'signs have no value.',
  criticismSource: 'Jacovi & Goldberg 2020, arXiv:2004.03685',
  needs: ['mask'],
  async evaluate(context) {
    const located = locate(context);
    if (isUndefined(located)) return located;
    const mass = { positive: { inside: 0, outside: 0 }, negative: { inside: 0, outside: 0 } };
    context.attribution.data.forEach((v, i) => {
      if (!inside(located.body.data[i]!)) return;
      mass[v > 0 ? 'positive' : 'negative'][inside(located.mask.data[i]!) ? 'inside' : 'outside'] += Math.abs(v);
    });
    const positive = mass.positive.inside + mass.positive.outside;
    const negative = mass.negative.inside + mass.negative.outside;
    if (positive === 0 || negative === 0) return undefinedBecause('the map has one sign only');
    const share = positive / (positive + negative);
    return {
      value: (mass.positive.inside + mass.negative.outside) / (positive + negative),
      chance: located.share * share + (1 - located.share) * (1 - share),
      details: { positiveInside: mass.positive.inside / positive, negativeOutside: mass.negative.outside / negative },
    };
  },
});
