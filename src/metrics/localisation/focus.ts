import { z } from 'zod';
import { isUndefined, undefinedBecause } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { fingerprint } from '../../core/fingerprint.ts';
import { mosaicOf, quarterOf } from '../../core/image/mosaic.ts';
import { predicts } from '../../core/predicts.ts';
import { planar } from '../../core/tensor.ts';

/**
 * Focus (Arias-Duarte et al. 2022, equation 1): the share of the positive relevance that lies on the two quarters of a
 * mosaic that show the class explained. The mosaic has this image and another patient's that the model gives the class,
 * and two other patients' that it does not, in a random order; training patients. Detail: `imagesTried`, training
 * images whose class was asked.
 */
export const focus = defineMetric({
  name: 'focus',
  title: 'Focus',
  summary: 'Share of the positive relevance on the two images of a mosaic of four that show the class explained.',
  cite: 'Arias-Duarte et al., Focus! Rating XAI methods and finding biases, 2022, arXiv:2109.15035',
  category: 'localisation',
  better: 'higher',
  range: [0, 1],
  chance: 0.5,
  undefinedWhen:
    'the class explained is not the one predicted, training images lack two patients of other classes and one of it, or the image has one row or column',
  criticism:
    'A mosaic of four small chests is like no image that the model has seen. Judges the explainer on the mosaic, not the ' +
    'map of the image.',
  criticismSource: 'this project',
  needs: ['model', 'explain', 'training-images'],
  needsClasses: 'it joins images of two classes',
  options: z.strictObject({
    candidates: z.int().min(3).max(1000).default(16).describe('training images whose class is asked'),
  }),
  checks: {
    skip: { 'prefers a right map to random ones': 'it explains a mosaic, and leaves the map of the image aside' },
  },
  cost: ({ candidates }, _, explanation) => ({
    forward: 1 + candidates + explanation.forward,
    backward: explanation.backward,
    atMost: true,
  }),
  async evaluate(context) {
    const { image, model, target, options, rng, signal } = context;
    if (planar(image.shape.slice(0, -1)).some(side => side < 2)) {
      return undefinedBecause('the image is too small for a mosaic');
    }
    const training = await context.trainingImages(options.candidates);
    const others = training.filter(t => fingerprint(t) !== fingerprint(image));
    const predicted = await context.memo(`predicted of training images/${options.candidates}`, async () => {
      const batch = {
        count: others.length + 1,
        write: (i: number, out: Float32Array) => out.set((i === 0 ? image : others[i - 1]!).data),
      };
      const { data } = await model.scores(batch, { as: 'margin', signal });
      const classes = model.classes.length;
      return Array.from({ length: batch.count }, (_, i) => {
        return predicts(model, data.subarray(i * classes, (i + 1) * classes), target.class);
      });
    });
    if (!predicted[0]) return undefinedBecause('the class explained is not the one predicted');
    const alike = others.filter((_, i) => predicted[i + 1]);
    const unlike = others.filter((_, i) => !predicted[i + 1]);
    if (alike.length < 1 || unlike.length < 2) {
      return undefinedBecause('too few training images are predicted to be of this class, or of others');
    }
    const order = rng.fork('mosaic').shuffle([0, 1, 2, 3]);
    const pictures = [image, alike[0]!, unlike[0]!, unlike[1]!];
    const mosaic = mosaicOf(order.map(i => pictures[i]!));
    const again = await context.explain({ image: mosaic, key: `mosaic of ${options.candidates}` });
    if (isUndefined(again)) return undefinedBecause(`the mosaic has no map: ${again.undefined}`);
    const grid = again.map.shape as [number, number];
    let [right, total] = [0, 0];
    again.map.data.forEach((v, i) => {
      const positive = Math.max(0, v);
      total += positive;
      if (order[quarterOf(i, grid)]! < 2) right += positive;
    });
    if (!(total > 0)) return undefinedBecause('the map of the mosaic has no positive value');
    return { value: right / total, details: { imagesTried: others.length } };
  },
});
