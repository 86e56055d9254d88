import { z } from 'zod';
import { defineMetric } from '../../core/define.ts';
import { gridOptions, magnitudesOn } from './shared/common-grid.ts';

/**
 * The share of cells whose magnitude is more than a share of the largest (after Nguyen and Martínez 2020, section 2.3,
 * who count features above an absolute threshold). Describes a map; does not rank explainers.
 */
export const effectiveComplexity = defineMetric({
  name: 'effective-complexity',
  title: 'Effective complexity',
  summary: 'Share of the pixels that are more than 1 % of the largest magnitude.',
  cite: 'Nguyen & Martínez, On quantitative aspects of model interpretability, 2020, arXiv:2007.07584',
  category: 'complexity',
  better: 'lower',
  range: [0, 1],
  rankable: false,
  undefinedWhen: 'the map is constant or has NaN',
  criticism:
    'One large outlier makes any map simple. Quantus counts pixels above 10⁻⁵ whatever the map’s unit and size, so that ' +
    'its values of two models do not compare.',
  criticismSource: 'by algebra; the code of Quantus 0.6.0',
  options: z.strictObject({
    ...gridOptions,
    threshold: z.number().min(0).max(1).default(0.01).describe('share of the largest magnitude that counts'),
  }),
  presets: { quantus: { options: { grid: 'own', threshold: 1e-5 } } },
  async evaluate({ attribution, options }) {
    const { data } = magnitudesOn(attribution, options);
    const least = options.threshold * data.reduce((a, b) => Math.max(a, b), 0);
    return { value: data.filter(v => v > least).length / data.length };
  },
});
