import { z } from 'zod';
import { undefinedBecause } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { convexArea, spanningTreeLength } from '../../core/image/spanning-tree.ts';
import { quantile } from '../../core/statistics/quantile.ts';
import { planar } from '../../core/tensor.ts';
import { gridOptions, magnitudesOn } from './shared/common-grid.ts';

/**
 * Structural compactness, MST-C (Mesgari et al. 2026): of the pixels whose magnitude lies above a percentile, the
 * diagonal of the grid, times n / L, the number of pixels over the length of their shortest tree, times 1 / √A, A the
 * area of their convex hull. A filled square of side s has d · s² / (s² − 1) / (s − 1), d the diagonal. The tree is the
 * exact one. Describes a map; does not rank explainers. Details: `pixels`, `treeLength`, `hullArea`.
 */
export const compactness = defineMetric({
  name: 'compactness',
  title: 'Compactness (MST-C)',
  summary: 'How close together the most salient fifth of the pixels lies, by their shortest tree and convex hull.',
  cite: 'Mesgari et al., Structural compactness as a complementary criterion for explanation quality, 2026, arXiv:2603.29491',
  category: 'complexity',
  better: 'higher',
  range: [0, Number.POSITIVE_INFINITY],
  rankable: false,
  undefinedWhen: 'the most salient pixels lie on one line, or there are fewer than three',
  criticism:
    'One compact blob is best wherever it lies; two lesions far apart make a right map look bad. Quantus joins each ' +
    'pixel to 20 neighbours only and sums a forest where these fall apart, so that gaps cost nothing.',
  criticismSource: 'by algebra; the code of Quantus at 85bc29d',
  options: z.strictObject({
    ...gridOptions,
    percentile: z.number().min(0).max(99.9).default(80).describe('pixels above this percentile are salient'),
  }),
  presets: { quantus: { options: { grid: 'own' } } },
  checks: { options: { percentile: 97 } },
  async evaluate({ attribution, options }) {
    const map = magnitudesOn(attribution, options);
    const [height, width] = planar(map.shape);
    const cut = quantile([...map.data], options.percentile / 100);
    const points = [...map.data.keys()]
      .filter(i => map.data[i]! > cut)
      .map(i => [Math.floor(i / width), i % width] as const);
    if (points.length < 3) return undefinedBecause('fewer than three pixels are more salient than the others');
    const hullArea = convexArea(points);
    if (hullArea === 0) return undefinedBecause('the most salient pixels lie on one line');
    const treeLength = spanningTreeLength(points);
    const value = (Math.hypot(height, width) * points.length) / treeLength / Math.sqrt(hullArea);
    return { value, details: { pixels: points.length, treeLength, hullArea } };
  },
});
