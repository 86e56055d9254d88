import { z } from 'zod';
import { undefinedBecause } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { planar } from '../../core/tensor.ts';

/**
 * The root mean square distance of the map's magnitudes from their centre of mass, in mm. Describes how far a map
 * reaches; does not rank explainers. Details: `row` and `column` of the centre, pixels.
 */
export const spread = defineMetric({
  name: 'spread',
  title: 'Spread',
  summary: 'Root mean square distance of the magnitudes from their centre of mass, in mm.',
  cite: 'our own; near to locality in TorchXAI',
  category: 'complexity',
  better: 'lower',
  range: [0, Number.POSITIVE_INFINITY],
  rankable: false,
  undefinedWhen: 'the spacing of pixels is unknown, with unit: mm',
  criticism: 'Two lesions far apart are spread, and a right map of them is too.',
  criticismSource: 'by algebra',
  options: z.strictObject({
    unit: z.enum(['mm', 'pixels']).default('mm').describe('what distances are in'),
  }),
  async evaluate({ attribution, spacing, options }) {
    if (options.unit === 'mm' && spacing === undefined) return undefinedBecause('the spacing of pixels is unknown');
    const [rows, columns] = planar(options.unit === 'mm' ? spacing! : [1, 1]);
    const [, width] = planar(attribution.shape);
    let [mass, y, x, square] = [0, 0, 0, 0];
    attribution.data.forEach((v, i) => {
      const [m, r, c] = [Math.abs(v), rows * Math.floor(i / width), columns * (i % width)];
      mass += m;
      y += m * r;
      x += m * c;
      square += m * (r * r + c * c);
    });
    const [row, column] = [y / mass, x / mass];
    const value = Math.sqrt(Math.max(0, square / mass - row * row - column * column));
    return { value, details: { row: row / rows, column: column / columns } };
  },
});
