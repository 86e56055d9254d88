import { z } from 'zod';
import { imageBatch } from '../../core/batch.ts';
import { isUndefined, undefinedBecause } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { shifted } from '../../core/image/shift.ts';
import { spacingOrGuess } from '../../core/image/window.ts';
import { predicts } from '../../core/predicts.ts';
import type { Rng } from '../../core/rng.ts';
import { planar } from '../../core/tensor.ts';
import { spreadOf } from './shared/changes.ts';

/**
 * How little the map moves with the image: the mean, over shifts of the image by up to `reach`, of the relative distance
 * between the map and the map of the shifted image, moved back, where both see the same pixels. What comes in at the
 * edge takes its value. Shifts that change whether the class explained is the one predicted are left
 * out, and so are those that move all of the map out of the image. Details:
 * `shifts` used, `flippedShare`, `missingShare`.
 */
export const translationEquivariance = defineMetric({
  name: 'translation-equivariance',
  title: 'Translation equivariance',
  summary: 'How far the map of a shifted image, moved back, is from the map of the image.',
  cite: 'after continuity: Montavon, Samek & Müller, 2018, doi:10.1016/j.dsp.2017.10.011',
  category: 'robustness',
  better: 'lower',
  range: [0, Number.POSITIVE_INFINITY],
  undefinedWhen:
    'every shift changes the prediction or has no map, no shift fits into the image, or the image does not vary',
  criticism:
    'A model that is not equivariant itself makes a right map fail. Coarse layers move in steps of their stride. Quantus’ ' +
    'continuity compares maps without moving them back, over the width of the image, so that an equivariant explainer fails.',
  criticismSource: 'Zhang 2019, arXiv:1904.11486, on networks that are not equivariant; the code of Quantus 0.6.0',
  needs: ['model', 'explain'],
  options: z.strictObject({
    shifts: z.int().min(1).max(100).default(8).describe('shifted images that are explained'),
    reach: z.number().positive().default(10).describe('largest shift, mm; of 350 mm where the spacing is unknown'),
  }),
  checks: { options: { shifts: 3, reach: 4 } },
  cost: ({ shifts }, _, explanation) => ({
    forward: 1 + shifts + shifts * explanation.forward,
    backward: shifts * explanation.backward,
    atMost: true,
  }),
  async evaluate(context) {
    const { attribution, image, model, options, signal, target } = context;
    const [height, width] = planar(attribution.shape);
    const [dy, dx] = planar(spacingOrGuess(context));
    const most = [Math.floor(options.reach / dy), Math.floor(options.reach / dx)] as const;
    if (most[0] + most[1] < 1 || most[0] >= height / 2 || most[1] >= width / 2) {
      return undefinedBecause('no shift of at least a pixel and less than half the image is within reach');
    }
    const shifts = drawShifts(context.rng.fork('shifts'), options.shifts, most);
    const images = shifts.map(([rows, columns]) => shifted(image, rows, columns));
    if (images.every(other => other.data.every((v, i) => v === image.data[i]))) {
      return undefinedBecause('the image does not vary, so that no shift changes it');
    }
    const scores = await context.memo(`scores of shifts/${options.shifts}/${options.reach}`, async () => [
      ...(await model.scores(imageBatch(image, ...images), { as: 'margin', signal })).data,
    ]);
    const classes = model.classes.length;
    const first = (i: number) => predicts(model, scores.slice(i * classes, (i + 1) * classes), target.class);
    const changes: number[] = [];
    let [flipped, missing] = [0, 0];
    for (const [i, [rows, columns]] of shifts.entries()) {
      if (first(i + 1) !== first(0)) {
        flipped++;
        continue;
      }
      const again = await context.explain({ image: images[i]!, key: `shifted by ${rows}, ${columns} pixels` });
      if (isUndefined(again)) {
        missing++;
        continue;
      }
      let [difference, length] = [0, 0];
      for (let y = Math.max(0, -rows); y < Math.min(height, height - rows); y++) {
        for (let x = Math.max(0, -columns); x < Math.min(width, width - columns); x++) {
          const here = attribution.data[y * width + x]!;
          difference += (again.map.data[(y + rows) * width + x + columns]! - here) ** 2;
          length += here ** 2;
        }
      }
      if (length > 0) changes.push(Math.sqrt(difference / length));
    }
    if (changes.length === 0) return undefinedBecause('every shift changes the prediction, or has no map to compare');
    const { mean, ...spread } = spreadOf(changes);
    const details = {
      shifts: changes.length,
      flippedShare: flipped / shifts.length,
      missingShare: missing / shifts.length,
    };
    return { value: mean, ...(spread.error === undefined ? {} : { error: spread.error }), details };
  },
});

/** Shifts in whole pixels, none of them nothing. */
function drawShifts(rng: Rng, count: number, [rows, columns]: readonly [number, number]): [number, number][] {
  const shifts: [number, number][] = [];
  while (shifts.length < count) {
    const [y, x] = [rng.int(2 * rows + 1) - rows, rng.int(2 * columns + 1) - columns];
    if (y !== 0 || x !== 0) shifts.push([y, x]);
  }
  return shifts;
}
