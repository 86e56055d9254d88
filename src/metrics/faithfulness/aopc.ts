import { z } from 'zod';
import { isUndefined, undefinedBecause } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { fingerprint } from '../../core/fingerprint.ts';
import { windowEnds } from '../../core/image/window.ts';
import { areaUnder } from '../../core/perturbation/curve.ts';
import { priorityField, rankByField } from '../../core/perturbation/order.ts';
import { elementMeans, patches } from '../../core/perturbation/partition.ts';
import { sequenceOf } from '../../core/perturbation/path.ts';
import { removalKey, removalPath } from '../../core/perturbation/removal.ts';
import { logOdds } from '../../core/predicts.ts';
import { planar, tensor } from '../../core/tensor.ts';
import { imageScore, scoresOf } from '../shared/patches.ts';
import { expectedSteps, followGrids } from './shared/follow-grid.ts';
import { precisionOption } from './shared/options.ts';
import { allSame } from './shared/outcome.ts';

const options = z.strictObject({
  regions: z.int().min(1).max(100_000).default(100).describe('regions that are perturbed, one after the other'),
  side: z.int().min(1).default(9).describe('side of a region, pixels'),
  fill: z
    .enum(['noise', 'baseline'])
    .default('noise')
    .describe('what stands in a perturbed region: uniform noise over the card’s window, or the baseline'),
  against: z
    .enum(['nothing', 'least-first'])
    .default('nothing')
    .describe('less the same for the reversed order (the area between perturbation curves), or not'),
  score: z.enum(['margin', 'logit', 'probability']).default('margin').describe('score that is followed'),
  precision: precisionOption,
});

/**
 * Area over the perturbation curve (Samek et al. 2017, equation 12): the mean, over k = 0 … L, of how much the score has
 * fallen when the k most relevant regions of a grid are perturbed. It covers the first L regions only: 100 of 9 × 9
 * pixels are 16 % of an image of 224². Details: `regions` perturbed, `share` of the image they cover, and with
 * `against: least-first` the two areas.
 */
export const aopc = defineMetric({
  name: 'aopc',
  title: 'Area over the perturbation curve',
  summary: 'Mean fall of the score while the most relevant regions are replaced by noise, one after the other.',
  cite: 'Samek et al., Evaluating the visualization of what a deep neural network has learned, TNNLS 2017, arXiv:1509.06321',
  category: 'faithfulness',
  better: 'higher',
  range: [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
  undefinedWhen:
    'the score is infinite or the same whatever is perturbed, the image is one region, or it does not vary, so that the window’s range is ' +
    'unknown',
  criticism:
    'Most relevant regions only: noise anywhere may make the score fall, so that the value of a random map is not 0; ' +
    'against: least-first takes it off. Quantus gives the curve without its first point.',
  criticismSource: 'Blücher et al. 2024, arXiv:2401.06654; the code of Quantus 0.6.0',
  needs: ['model'],
  needsClasses: ({ score }) =>
    score === 'probability' ? 'it follows a probability. Set options: { score: logit } to follow the value' : undefined,
  baseline: 'air',
  options,
  presets: {
    abpc: { options: { against: 'least-first' } },
    quantus: { options: { side: 8, score: 'probability' } },
  },
  checks: { options: { side: 3, regions: 10 } },
  cost: ({ regions, side, against, precision }, { spatial }) => {
    const [h, w] = planar(spatial);
    const steps = expectedSteps(Math.min(regions, Math.ceil(h / side) * Math.ceil(w / side)), precision);
    return { forward: 1 + steps * (against === 'nothing' ? 1 : 2), backward: 0 };
  },
  async evaluate(context) {
    const { attribution, image, options: o, rng, target } = context;
    const size = planar(attribution.shape);
    const elements = patches(size, [o.side, o.side]);
    const count = elements.start.length - 1;
    const steps = Math.min(o.regions, count);
    if (count < 2) return undefinedBecause('the image is one region, so that all maps have the same value');
    let removal: Parameters<typeof removalPath>[0] = context;
    if (o.fill === 'noise') {
      const ends = windowEnds(context);
      if (ends === null) return undefinedBecause('the image does not vary, so that the window’s range is unknown');
      const draws = rng.fork('uniform noise');
      const noise = tensor(image.shape);
      for (let p = 0; p < size[0] * size[1]; p++) {
        const level = draws.next();
        ends.forEach(([low, high], k) => {
          noise.data[p * ends.length + k] = low + level * (high - low);
        });
      }
      removal = { image, baseline: noise };
    }
    const field = priorityField(count, rng.fork('ties', count, 0));
    const { order } = rankByField(elementMeans(attribution, elements), field);
    const scored = { ...context, options: { ...o, patch: 1 } };
    const before = await imageScore(scored);
    if (typeof before !== 'number') return before;
    const orders = o.against === 'nothing' ? [order] : [order, order.slice().reverse()];
    const paths = orders.map(each => sequenceOf(elements, each));
    const name = ['perturbed', fingerprint(attribution), o.side, removalKey(removal), target.class];
    const [toRaw, fromRaw] =
      o.score === 'probability' ? [logOdds, (raw: number) => 1 / (1 + Math.exp(-raw))] : [same, same];
    const x = Array.from({ length: steps + 1 }, (_, k) => k / steps);
    const grids = paths.map(({ pixels, ends }, p) => ({
      x,
      known: new Map([[0, toRaw(before)]]),
      look: async (index: readonly number[]) => {
        const after = await scoresOf(scored, [...name, p, index.join()].join('/'), () =>
          removalPath(
            removal,
            'removed',
            pixels,
            index.map(k => ends[k]!),
          ),
        );
        return isUndefined(after) ? after : after.map(toRaw);
      },
    }));
    const unit = o.score === 'probability' ? 'own' : 'range';
    const followed = await followGrids(grids, { precision: o.precision, unit }, fromRaw);
    if (isUndefined(followed)) return followed;
    const falls = followed.curves.map(({ raw }) => raw.map(v => before - fromRaw(v)));
    if (allSame(falls.flat().map(fall => before - fall))) {
      return undefinedBecause('the score is the same whatever is perturbed');
    }
    // The mean over all steps of straight lines between those that were looked at.
    const [mostFirst, leastFirst] = followed.curves.map((curve, p) => {
      const last = falls[p]!.at(-1)!;
      return (steps * areaUnder(curve.x, falls[p]!) + last / 2) / (steps + 1);
    });
    const covered = paths[0]!.ends[steps]! / (size[0] * size[1]);
    return {
      value: mostFirst! - (leastFirst ?? 0),
      ...(followed.error === undefined ? {} : { error: followed.error }),
      details: {
        regions: steps,
        share: covered,
        ...(leastFirst === undefined ? {} : { mostFirst: mostFirst!, leastFirst }),
      },
    };
  },
});

const same = (v: number): number => v;
