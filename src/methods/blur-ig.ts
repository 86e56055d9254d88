import { z } from 'zod';
import { imageBatch } from '../core/batch.ts';
import type { ExplainContext } from '../core/contracts/index.ts';
import { defineExplainer } from '../core/define.ts';
import { gaussianBlur } from '../core/image/blur.ts';
import { channelSum } from '../core/image/channels.ts';
import { sidesOf } from '../core/image/sides.ts';
import type { Tensor } from '../core/tensor.ts';
import { costOfPath, pathOptions, spendOnPath, untilComplete } from './shared/path.ts';

/** The step in σ, pixels, that PAIR takes for the derivative of the blur. */
const PAIR_STEP = 0.01;

const options = z.strictObject({
  ...pathOptions,
  steps: pathOptions.steps.default(100),
  sigma: z.number().positive().default(50).describe('standard deviation of the widest blur, in `unit`'),
  unit: z
    .enum(['mm', 'pixels'])
    .default('mm')
    .describe('of sigma; mm are taken from an image 350 mm wide where the spacing is unknown'),
  spacing: z
    .enum(['quadratic', 'even'])
    .default('quadratic')
    .describe('how sigma grows: finer steps where the image is sharp, or all the same'),
  border: z.enum(['nearest', 'zero']).default('nearest').describe('what lies beyond the edge'),
  rule: z
    .enum(['midpoint', 'pair'])
    .default('midpoint')
    .describe('gradients at the middle of each step, or at its sharper end, as PAIR takes them'),
});

type Context = ExplainContext<readonly ['gradients'], z.output<typeof options>>;

/**
 * Blur integrated gradients: −∫ ∇f(x_σ) ∂x_σ/∂σ dσ along the image x_σ blurred by a Gaussian, from the widest to none
 * (Xu et al. 2020, equation 8). It needs no baseline, and brings in no edges that the image does not have. Additive:
 * values sum to f(x) − f(x at the widest blur).
 *
 * By default the path goes straight from each blurred image to the next, so that both ends are met exactly.
 */
export const blurIg = defineExplainer({
  name: 'blur-ig',
  title: 'Blur integrated gradients',
  summary: 'Gradients summed along the image as it comes into focus.',
  advice: 'For questions about fine detail, since the path goes from blurred to sharp; it needs no baseline.',
  cite: 'Xu et al. 2020, arXiv:2004.03383',
  kind: 'additive',
  requires: ['gradients'],
  options,
  presets: {
    pair: {
      options: {
        ...{ score: 'logit', sigma: 50, unit: 'pixels', steps: 100, maxSteps: 100 },
        ...{ spacing: 'even', border: 'zero', rule: 'pair' },
      },
    },
  },
  checks: { options: { sigma: 8 } },
  cost: costOfPath,
  spend: spendOnPath,

  async explain(context) {
    const { model, image, target, options: o, signal } = context;
    const blurred = blurOf(context);
    const score = { class: target.class, score: o.score };
    const [at = 0, before = 0] = await model.score(imageBatch(image, blurred(1)), score, { signal });
    return untilComplete(o, at - before, steps => integrate(context, blurred, steps));
  },
});

/** The image blurred by a share of the widest blur. */
type Blurred = (share: number) => Tensor;

function blurOf({ image, spacing, options: o }: Context): Blurred {
  const [rows, columns] = sigmaPixels(image.shape, o, spacing);
  return share => (share > 0 ? gaussianBlur(image, [share * rows, share * columns], { border: o.border }) : image);
}

/** The widest blur in pixels along rows and columns. */
function sigmaPixels(
  shape: readonly number[],
  { sigma, unit }: Pick<Context['options'], 'sigma' | 'unit'>,
  spacing: readonly number[] | undefined,
): readonly [number, number] {
  if (unit === 'pixels') return [sigma, sigma];
  const [down, across] = sidesOf({ shape }, spacing);
  return [sigma / down, sigma / across];
}

/** The sum over steps, from sharp to blurred, of the gradient times what the step takes away, channels summed. */
async function integrate(context: Context, blurred: Blurred, steps: number): Promise<Tensor> {
  const { model, image, target, options: o, signal } = context;
  const shareAt = (i: number) => (o.spacing === 'even' ? i / steps : (i / steps) ** 2);
  const [widest] = sigmaPixels(image.shape, o, context.spacing);
  const taken = new Map<number, Float32Array>();
  let sharper = image;
  const write = (i: number, out: Float32Array) => {
    const width = shareAt(i + 1) - shareAt(i);
    // PAIR goes by the derivative at the sharper end, a difference quotient.
    const softer = blurred(o.rule === 'pair' ? shareAt(i) + PAIR_STEP / widest : shareAt(i + 1));
    const scale = o.rule === 'pair' ? width / (PAIR_STEP / widest) : 1;
    const from = sharper.data;
    out.set(o.rule === 'pair' ? from : from.map((v, k) => (v + softer.data[k]!) / 2));
    taken.set(
      i,
      from.map((v, k) => scale * (v - softer.data[k]!)),
    );
    sharper = o.rule === 'pair' ? blurred(shareAt(i + 1)) : softer;
  };
  const sum = new Float64Array(image.data.length);
  await model.gradients(
    { count: steps, write },
    { class: target.class, score: o.score },
    (i, gradient) => {
      const step = taken.get(i)!;
      taken.delete(i);
      for (let k = 0; k < sum.length; k++) sum[k]! += gradient[k]! * step[k]!;
    },
    { signal },
  );
  return channelSum({ shape: image.shape, data: sum });
}
