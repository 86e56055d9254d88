import { z } from 'zod';
import { isUndefined, undefinedBecause } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { windowEnds } from '../../core/image/window.ts';
import { spearman } from '../../core/statistics/correlation.ts';
import { patchCount, patchOptions } from '../shared/patch-options.ts';
import { correlate, flatness, imageScore, patchesOf, scoresOf } from '../shared/patches.ts';

/**
 * Over patches: the rank correlation of the magnitude that the map gives to the patch with the mean squared change of
 * the score when it takes a random value (Nguyen and Martínez 2020, section 2.2), uniform over the card's window. Details:
 * `patches`; `unweighted`, 1 where a regional map came without its regions.
 */
export const monotonicityCorrelation = defineMetric({
  name: 'monotonicity-correlation',
  title: 'Monotonicity correlation',
  summary: 'Rank correlation of the patches’ magnitudes with how much the score moves when they take random values.',
  cite: 'Nguyen & Martínez, On quantitative aspects of model interpretability, 2020, arXiv:2007.07584',
  category: 'faithfulness',
  better: 'higher',
  range: [-1, 1],
  chance: 0,
  undefinedWhen: 'random values never change the score, or the map gives all patches the same magnitude',
  criticism:
    'Squares have no sign: a map whose signs are all wrong scores as the right one. Random values are unlike tissue. ' +
    'Quantus draws from 0 … 1, whatever the input space is.',
  criticismSource: 'by algebra; the code of Quantus 0.6.0',
  needs: ['model'],
  options: z.strictObject({
    draws: z.int().min(1).max(10_000).default(20).describe('random values for each patch'),
    ...patchOptions,
  }),
  checks: { options: { draws: 3, patchPixels: 6 } },
  cost: (options, input) => ({ forward: 1 + options.draws * patchCount(options, input), backward: 0 }),
  async evaluate(context) {
    const { image, options, rng } = context;
    const ends = windowEnds(context);
    if (ends === null) return undefinedBecause('the image does not vary, so that the window’s range is unknown');
    const { elements, count, sums, key, unweighted } = patchesOf(context);
    const before = await imageScore(context);
    if (typeof before !== 'number') return before;
    const draws = rng.fork('values of patches', count);
    const values = Float64Array.from({ length: options.draws * count }, () => draws.next());
    const after = await scoresOf(context, `random values/${options.draws}/${key}`, () => ({
      count: values.length,
      write(i, out) {
        out.set(image.data);
        const e = i % count;
        for (let j = elements.start[e]!; j < elements.start[e + 1]!; j++) {
          ends.forEach(([low, high], k) => {
            out[elements.pixels[j]! * ends.length + k] = low + values[i]! * (high - low);
          });
        }
      },
    }));
    if (isUndefined(after)) return after;
    const squares = Array.from({ length: count }, (_, e) => {
      let sum = 0;
      for (let d = 0; d < options.draws; d++) sum += (after[d * count + e]! - before) ** 2;
      return sum / options.draws;
    });
    const flat = flatness(after, before);
    if (flat) return flat;
    const value = correlate([...sums].map(Math.abs), squares, spearman);
    if (value === null) return undefinedBecause('the map gives all patches the same magnitude');
    return { value, details: { patches: count, unweighted } };
  },
});
