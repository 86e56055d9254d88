import { z } from 'zod';
import { defineMetric } from '../../core/define.ts';
import { gridOptions, magnitudesOn } from './shared/common-grid.ts';

/**
 * The entropy, in nats, of the map's magnitudes as shares of their sum (Bhatt et al. 2020, section 3.3, there called
 * complexity): 0 where one cell has it all, ln n for an even map. Describes a map; does not rank explainers. Detail:
 * `largest`, ln n.
 */
export const entropy = defineMetric({
  name: 'entropy',
  title: 'Entropy of the map',
  summary: 'Entropy of the magnitudes: 0 where one pixel has it all, ln n for an even map of n pixels.',
  cite: 'Bhatt, Weller & Moura, Evaluating and aggregating feature-based model explanations, IJCAI 2020, arXiv:2005.00631',
  category: 'complexity',
  better: 'lower',
  range: [0, Number.POSITIVE_INFINITY],
  rankable: false,
  undefinedWhen: 'the map is constant or has NaN',
  criticism: 'Simple is not right: one wrong pixel is the simplest map. Depends on the resolution of the map.',
  criticismSource:
    'Bhatt et al. 2020, arXiv:2005.00631, section 3.3, on the trade with faithfulness; the resolution by algebra',
  options: z.strictObject(gridOptions),
  presets: { quantus: { options: { grid: 'own' } } },
  async evaluate({ attribution, options }) {
    const { data } = magnitudesOn(attribution, options);
    const total = data.reduce((sum, v) => sum + v, 0);
    let value = 0;
    for (const v of data) if (v > 0) value -= (v / total) * Math.log(v / total);
    return { value: Math.max(0, value), details: { largest: Math.log(data.length) } };
  },
});
