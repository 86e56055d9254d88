import { z } from 'zod';
import { isUndefined, undefinedBecause } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { distanceTo } from '../../core/image/distance.ts';
import { quantise } from '../../core/perturbation/order.ts';
import { planar } from '../../core/tensor.ts';
import { countWhere, inside, locate } from './shared/ground-truth.ts';

/**
 * Whether the map's largest value lies in the mask or within `radius` of it (Zhang et al. 2018, section 4.2). Where
 * several pixels share the largest value: the share of them that hit. An empty mask, one that every point of the body
 * hits, or a constant map is undefined, neither a hit nor a miss. By chance: the hit share of a random point of the body.
 * Details: `chance`; `maxima`, the number of pixels with the largest value; `distance` from the nearest of them to the
 * mask, in mm, or pixels without a spacing.
 */
export const pointingGame = defineMetric({
  name: 'pointing-game',
  title: 'Pointing game',
  summary: 'Whether the largest value of the map hits the mask. Says where the map points, not whether it is faithful.',
  cite: 'Zhang et al., Top-down neural attention by excitation backprop, IJCV 2018, doi:10.1007/s11263-017-1059-x',
  category: 'localisation',
  better: 'higher',
  range: [0, 1],
  chance: 'image',
  undefinedWhen: 'the mask is empty, or every point of the body hits it',
  criticism:
    'One pixel decides, so that coarse maps with a wide peak and thin lesions are judged by luck (Arras et al. 2022). ' +
    'A model may use what lies outside the lesion: a miss need not be the fault of the map. Chance is that of a point of ' +
    'the body: noise that also fills the air outside hits less often.',
  criticismSource:
    'Arras et al. 2022, doi:10.1016/j.inffus.2021.11.008; Jacovi & Goldberg 2020, arXiv:2004.03685; the air by algebra',
  needs: ['mask'],
  options: z.strictObject({
    radius: z.number().min(0).default(0).describe('distance from the mask that still hits, in mm'),
    radiusPixels: z.number().min(0).optional().describe('the same in pixels, whatever the spacing'),
  }),
  presets: { torchray: { options: { radiusPixels: 15 } }, quantus: { options: { radius: 0 } } },
  async evaluate(context) {
    const { options, spacing, attribution } = context;
    const inPixels = options.radiusPixels !== undefined || spacing === undefined;
    if (inPixels && options.radiusPixels === undefined && options.radius > 0) {
      return undefinedBecause('the spacing is unknown: give radiusPixels');
    }
    const located = locate(context);
    if (isUndefined(located)) return located;
    const radius = options.radiusPixels ?? options.radius;
    const distance = distanceTo(located.mask, inPixels ? [1, 1] : planar(spacing));
    const body = countWhere(distance.length, i => inside(located.body.data[i]!));
    const near = countWhere(distance.length, i => distance[i]! <= radius && inside(located.body.data[i]!));
    const chance = near / body;
    if (chance === 1) return undefinedBecause('every point of the body is a hit');
    const keys = quantise(attribution.data);
    const largest = keys.reduce((a, b) => Math.max(a, b));
    const maxima = [...keys.keys()].filter(i => keys[i] === largest);
    return {
      value: maxima.filter(i => distance[i]! <= radius).length / maxima.length,
      chance,
      details: {
        chance,
        maxima: maxima.length,
        distance: maxima.reduce((least, i) => Math.min(least, distance[i]!), Number.POSITIVE_INFINITY),
      },
    };
  },
});
