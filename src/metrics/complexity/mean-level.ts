import { z } from 'zod';
import { defineMetric } from '../../core/define.ts';
import { gridOptions, magnitudesOn } from './shared/common-grid.ts';

/**
 * The mean of the map's magnitudes, brought to 0 … 1 by their smallest and largest (Poppi et al. 2021, equation 5,
 * the complexity in ADCC). Describes a map; does not rank explainers.
 */
export const meanLevel = defineMetric({
  name: 'mean-level',
  title: 'Mean level',
  summary: 'Mean of the magnitudes between the smallest, 0, and the largest, 1.',
  cite: 'Poppi et al., Revisiting the evaluation of class activation mapping for explainability, CVPRW 2021, arXiv:2104.10252',
  category: 'complexity',
  better: 'lower',
  range: [0, 1],
  rankable: false,
  undefinedWhen: 'the magnitudes are all equal',
  criticism: 'A nearly empty map is best, so that composites with it (ADCC, ARCC) reward emptiness.',
  criticismSource: 'by algebra: an empty map but for one pixel has 1/n',
  options: z.strictObject(gridOptions),
  async evaluate({ attribution, options }) {
    const { data } = magnitudesOn(attribution, options);
    const [low, high] = [data.reduce((a, b) => Math.min(a, b)), data.reduce((a, b) => Math.max(a, b))];
    if (!(high > low)) return { undefined: 'the magnitudes are all equal' };
    return { value: data.reduce((sum, v) => sum + (v - low) / (high - low), 0) / data.length };
  },
});
