import { z } from 'zod';
import { defineMetric } from '../../core/define.ts';
import { gridOptions, magnitudesOn } from './shared/common-grid.ts';

/**
 * The Gini index of the map's magnitudes, Σ (2i − n − 1) |a|₍ᵢ₎ / (n Σ |a|) over ascending |a| (Chalasani et al. 2020,
 * section 2.3): 0 for an even map, 1 − 1/n where one cell has it all. Describes a map; does not rank explainers.
 */
export const sparseness = defineMetric({
  name: 'sparseness',
  title: 'Sparseness',
  summary: 'How unevenly the magnitudes are spread (Gini index): 0 for an even map, 1 where one pixel has it all.',
  cite: 'Chalasani et al., Concise explanations of neural networks, ICML 2020, arXiv:1810.06583',
  category: 'complexity',
  better: 'higher',
  range: [0, 1],
  rankable: false,
  undefinedWhen: 'the map is constant or has NaN',
  criticism:
    'Sparse is not right: one wrong pixel is the sparsest map. Depends on the resolution of the map, so that coarse maps ' +
    'are compared with fine ones on a common grid.',
  criticismSource:
    'Bhatt et al. 2020, arXiv:2005.00631, section 3.3, on the trade with faithfulness; the resolution by algebra',
  options: z.strictObject(gridOptions),
  presets: { quantus: { options: { grid: 'own' } } },
  async evaluate({ attribution, options }) {
    const sorted = Float64Array.from(magnitudesOn(attribution, options).data).sort();
    const n = sorted.length;
    let [weighted, total] = [0, 0];
    for (let i = 0; i < n; i++) {
      weighted += (2 * (i + 1) - n - 1) * sorted[i]!;
      total += sorted[i]!;
    }
    return { value: Math.max(0, weighted / (n * total)) };
  },
});
