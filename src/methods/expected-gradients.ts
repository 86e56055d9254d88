import { z } from 'zod';
import { imageBatch } from '../core/batch.ts';
import { type Batch, undefinedBecause } from '../core/contracts/index.ts';
import { defineExplainer } from '../core/define.ts';
import type { Rng } from '../core/rng.ts';
import { type Tensor, tensor } from '../core/tensor.ts';
import { completeness } from './shared/completeness.ts';
import { scoreOption } from './shared/options.ts';
import { between } from './shared/path.ts';
import { drawUntil, portionOf, relativeError, samplingPrecision } from './shared/sampling.ts';

/**
 * Expected gradients: E over training images x′ and α of (x − x′) ∇f(x′ + α (x − x′)), channels summed (Erion et al.
 * 2021, equation 3): integrated gradients averaged over baselines, and what shap and Captum call GradientSHAP. Additive:
 * values sum to f(x) − E f(x′), up to chance.
 *
 * α is stratified, one draw in each of n equal parts of 0 … 1, and every training image is drawn equally often.
 * Standard errors are s / √n over the draws, which stratifying makes a little too large. With a `precision` it stops at
 * the first look at which they are small enough, or at which the pixels are in nearly the order of half as many draws; its draws are then a random share of the strata. Undefined without
 * training images.
 */
export const expectedGradients = defineExplainer({
  name: 'expected-gradients',
  title: 'Expected gradients',
  summary: 'Integrated gradients averaged over training images as baselines.',
  advice: 'For those who have training images and no single image that means ‘nothing there’.',
  cite: 'Erion et al. 2021, doi:10.1038/s42256-021-00343-w; Lundberg and Lee 2017, arXiv:1705.07874',
  kind: 'additive',
  draws: true,
  requires: ['gradients'],
  needs: ['training-images'],
  dimensions: [2, 3],
  options: z.strictObject({
    score: scoreOption('margin'),
    draws: z
      .int()
      .min(1)
      .max(100_000)
      .default(200)
      .describe('points, each between the image and a training image; at most'),
    precision: samplingPrecision,
    background: z.int().min(1).max(1000).default(50).describe('training images to draw from, at most'),
  }),
  presets: {
    shap: { options: { score: 'logit', draws: 200 } },
    captum: { options: { score: 'logit', draws: 5 } },
  },
  checks: { options: { draws: 60 } },
  cost: ({ draws, background }) => ({ forward: draws + background + 1, backward: draws, atMost: true }),
  spend(passes, o) {
    const background = Math.min(o.background, Math.max(1, Math.floor((passes - 1) / 4)));
    const draws = Math.min(100_000, Math.floor((passes - 1 - background) / 2));
    return draws < 1 ? undefined : { ...o, draws, background, precision: 'exact' };
  },

  async explain({ model, image, target, options: o, rng, trainingImages, signal }) {
    const references = await trainingImages(o.background);
    if (references.length === 0) return undefinedBecause('there are no training images to compare with');
    const { chosen, alphas } = drawPoints(o.draws, references.length, rng);
    const reference = (i: number): Tensor => references[chosen[i]!]!;

    const map = tensor(image.shape.slice(0, -1));
    const [sum, squares] = [new Float64Array(map.data.length), new Float64Array(map.data.length)];
    const channels = image.shape.at(-1)!;
    const as = { class: target.class, score: o.score };
    const batch: Batch = { count: o.draws, write: (i, out) => between(image, reference(i), alphas[i]!, out) };
    const add = (i: number, gradient: Float32Array) => {
      const from = reference(i).data;
      for (let p = 0; p < sum.length; p++) {
        let value = 0;
        for (let k = p * channels; k < (p + 1) * channels; k++) value += gradient[k]! * (image.data[k]! - from[k]!);
        sum[p]! += value;
        squares[p]! += value ** 2;
      }
    };
    const errors = (n: number) => standardErrors(map, sum, squares, n);
    const { draws, ...reached } = await drawUntil(
      { most: o.draws, precision: o.precision, first: FIRST_LOOK },
      (from, to) =>
        model.gradients(portionOf(batch, from, to), as, (i, gradient) => add(from + i, gradient), { signal }),
      {
        error: n =>
          n > 1
            ? relativeError(
                errors(n).data,
                sum.map(v => v / n),
              )
            : undefined,
        values: () => sum.slice(),
      },
    );
    map.data.set(sum.map(v => v / draws));
    const [at = 0, ...before] = await model.score(imageBatch(image, ...references), as, { signal });
    const difference = at - before.reduce((a, b) => a + b, 0) / before.length;
    return {
      map,
      ...(draws > 1 ? { standardErrors: errors(draws) } : {}),
      diagnostics: { draws, background: references.length, difference, ...completeness(map, difference), ...reached },
    };
  },
});

/** Draws before the first look at the error. */
const FIRST_LOOK = 30;

/** Which training image each draw takes, and how far it goes from there to the image. */
function drawPoints(draws: number, references: number, rng: Rng) {
  const chosen = rng.shuffle(Int32Array.from({ length: draws }, (_, i) => i % references));
  const strata = rng.shuffle(Int32Array.from({ length: draws }, (_, i) => i));
  return { chosen, alphas: Float64Array.from(strata, stratum => (stratum + rng.next()) / draws) };
}

function standardErrors({ shape }: Tensor, sum: Float64Array, squares: Float64Array, n: number): Tensor {
  const error = (p: number) => Math.sqrt(Math.max(0, squares[p]! - sum[p]! ** 2 / n) / (n * (n - 1)));
  return tensor(
    shape,
    Float32Array.from(sum, (_, p) => error(p)),
  );
}
