import { z } from 'zod';
import { isUndefined, undefinedBecause } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { fingerprint } from '../../core/fingerprint.ts';
import { bodyMask } from '../../core/image/body.ts';
import { HoleEquations } from '../../core/image/hole-equations.ts';
import { imputeLinearly } from '../../core/image/linear-imputation.ts';
import { windowEnds } from '../../core/image/window.ts';
import { noiseLevel } from '../../core/perturbation/noise.ts';
import { priorityField, rankByField } from '../../core/perturbation/order.ts';
import { allScores } from './shared/all-scores.ts';
import { allSame } from './shared/outcome.ts';

/** Shares of the pixels that are removed. */
const SHARES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];

/**
 * Remove and debias (Rong et al. 2022), least relevant first minus most relevant first: the mean, over 10 … 90 % of the
 * pixels, of whether the class explained still comes first when the least relevant are removed, minus the same for the
 * most relevant. Removed pixels are the weighted means of their neighbours, with noise as strong as the image's own on
 * top (else the smooth hole shows). A percentage of images that keep the class is the mean over images.
 *
 * Details: `leastFirst` and `mostFirst`, the two means; `probabilityGap`, the same difference in probabilities. The
 * curve is the gap at each share; 0 at both ends, where both orders are one.
 */
export const road = defineMetric({
  name: 'road',
  title: 'ROAD',
  summary: 'Whether the class survives imputing the least relevant pixels longer than imputing the most relevant ones.',
  cite: 'Rong et al., A consistent and efficient evaluation strategy for attribution methods, ICML 2022, arXiv:2202.00449',
  category: 'faithfulness',
  better: 'higher',
  range: [-1, 1],
  chance: 0,
  undefinedWhen:
    'the class explained is not the one predicted, its probability is the same whatever is removed, or the image has fewer than six pixels',
  criticism:
    'Imputed pixels are smooth, so that smooth maps, whose removed regions hang together, look different from scattered ' +
    'ones at equal content. Quantus gives the accuracy for most relevant first only, of the last batch.',
  criticismSource: 'arXiv:2304.13836, which finds that ROAR and ROAD reward blurred maps; the code of Quantus 0.6.0',
  needs: ['model'],
  needsClasses: 'it follows the class predicted, or a probability',
  options: z.strictObject({
    follow: z
      .enum(['class', 'probability'])
      .default('class')
      .describe('whether the class comes first, or its probability'),
    noise: z
      .union([z.literal('acquisition'), z.number().min(0)])
      .default('acquisition')
      .describe('standard deviation of the noise on imputed pixels: that of the image, or a number, in input space'),
  }),
  presets: { paper: { options: { noise: 0.01 } } },
  cost: () => ({ forward: 1 + 2 * SHARES.length, backward: 0 }),
  async evaluate(context) {
    const { attribution, image, options: o, rng, view, target } = context;
    const count = attribution.data.length;
    const ends = windowEnds(context);
    if (o.noise === 'acquisition' && ends === null) {
      return undefinedBecause('the image does not vary, so that the window’s range is unknown');
    }
    if (Math.round(SHARES.at(-1)! * count) === count) return undefinedBecause('the image has too few pixels');
    const level = noiseLevel(view, bodyMask(view));
    const channels = image.shape.at(-1)!;
    const strength = Array.from({ length: channels }, (_, k) =>
      o.noise === 'acquisition' ? level * Math.abs(ends![k]![1] - ends![k]![0]) : o.noise,
    );
    const draws = rng.fork('noise on imputed pixels');
    const field = Float32Array.from({ length: count }, () => draws.normal());
    const { order } = rankByField(attribution.data, priorityField(count, rng.fork('ties', count, 0)));
    const states = [order, order.slice().reverse()].flatMap(each => SHARES.map(share => removedOf(each, share)));
    const equations = new HoleEquations(image.shape[0]!, image.shape[1]!);
    const name = `imputed/${fingerprint(attribution)}/${o.noise}`;
    const before = await allScores(context, `image/${fingerprint(image)}`, {
      count: 1,
      write: (_, out) => out.set(image.data),
    });
    if (isUndefined(before)) return before;
    if (!before[0]!.first) return undefinedBecause('the class explained is not the one predicted');
    const after = await allScores({ ...context, memo: context.mapMemo }, `${name}/${target.class}`, {
      count: states.length,
      write(i, out) {
        const removed = states[i]!;
        out.set(imputeLinearly(image, removed, equations)!.data);
        for (let k = 0; k < out.length; k++) {
          const pixel = Math.floor(k / channels);
          if (removed[pixel]) out[k]! += strength[k % channels]! * field[pixel]!;
        }
      },
    });
    if (isUndefined(after)) return after;
    const n = SHARES.length;
    const kept = after.map(s => (s.first ? 1 : 0));
    const probability = after.map(s => s.probability);
    if (allSame([before[0]!.probability, ...probability])) {
      return undefinedBecause('the probability is the same whatever is removed');
    }
    const [most, least] = [kept.slice(0, n), kept.slice(n)];
    const probabilityGap = mean(probability.slice(n)) - mean(probability.slice(0, n));
    const followed = o.follow === 'class' ? kept : probability;
    const gaps = SHARES.map((_, i) => followed[n + i]! - followed[i]!);
    return {
      value: mean(gaps),
      curve: { fraction: [0, ...SHARES, 1], score: [0, ...gaps, 0] },
      details: { leastFirst: mean(least), mostFirst: mean(most), probabilityGap },
    };
  },
});

/** 1 for the first share of an order. */
function removedOf(order: Uint32Array, share: number): Uint8Array {
  const removed = new Uint8Array(order.length);
  for (const pixel of order.subarray(0, Math.round(share * order.length))) removed[pixel] = 1;
  return removed;
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
