import { z } from 'zod';
import { isUndefined, undefinedBecause } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { distanceTo } from '../../core/image/distance.ts';
import { planar } from '../../core/tensor.ts';
import { inside, locate } from './shared/ground-truth.ts';
import { peaksOf } from './shared/peaks.ts';

/**
 * The distance, in mm, from the map's largest value in the body to the nearest pixel of the mask; 0 inside it. Where
 * several pixels share the largest value, the mean over them. By chance: the mean over the body. Detail: `maxima`.
 */
export const peakDistance = defineMetric({
  name: 'peak-distance',
  title: 'Distance of the peak',
  summary: 'How far, in mm, the largest value of the map lies from the mask.',
  cite: 'our own; the pointing game (Zhang et al. 2018) without a radius',
  category: 'localisation',
  better: 'lower',
  range: [0, Number.POSITIVE_INFINITY],
  chance: 'image',
  undefinedWhen: 'the spacing of pixels is unknown, with unit: mm, or the mask is empty or as large as the body',
  criticism: 'Plausibility, not faithfulness. One pixel decides; the distance says nothing of the rest of the map.',
  criticismSource: 'Jacovi & Goldberg 2020, arXiv:2004.03685',
  needs: ['mask'],
  options: z.strictObject({ unit: z.enum(['mm', 'pixels']).default('mm').describe('what distances are in') }),
  async evaluate(context) {
    const { attribution, spacing, options } = context;
    if (options.unit === 'mm' && spacing === undefined) return undefinedBecause('the spacing of pixels is unknown');
    const located = locate(context);
    if (isUndefined(located)) return located;
    const distance = distanceTo(located.mask, planar(options.unit === 'mm' ? spacing! : [1, 1]));
    const body = [...distance.keys()].filter(i => inside(located.body.data[i]!));
    const mean = (pixels: readonly number[]) => pixels.reduce((sum, i) => sum + distance[i]!, 0) / pixels.length;
    const maxima = peaksOf(attribution.data, body);
    return { value: mean(maxima), chance: mean(body), details: { maxima: maxima.length } };
  },
});
