import { z } from 'zod';
import { isUndefined, undefinedBecause } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { fingerprint } from '../../core/fingerprint.ts';
import { segmentPixels } from '../../core/image/segmentation.ts';
import { slic } from '../../core/image/slic.ts';
import { areaUnder } from '../../core/perturbation/curve.ts';
import { priorityField, rankByField } from '../../core/perturbation/order.ts';
import { elementMeans } from '../../core/perturbation/partition.ts';
import { equalEdges, sequenceOf } from '../../core/perturbation/path.ts';
import { removalKey, removalPath } from '../../core/perturbation/removal.ts';
import { logOdds } from '../../core/predicts.ts';
import { tensor } from '../../core/tensor.ts';
import { imageScore, scoresOf } from '../shared/patches.ts';
import { expectedSteps, followGrids } from './shared/follow-grid.ts';
import { precisionOption } from './shared/options.ts';
import { allSame } from './shared/outcome.ts';

/** Below this probability of the image, shares of it have no meaning. */
const LEAST = 0.01;

/**
 * Iterative removal of features (Rieger and Hansen 2020): 1 − the area under p_k / p₀ over the share of segments that
 * are removed, most relevant (by the map's mean) first, k = 0 included; p₀ is the image's probability. A rising
 * probability makes it negative, down to 1 − 1 / p₀. A probability that never changes says nothing of the map. Details: `segments`, `image` p₀.
 */
export const irof = defineMetric({
  name: 'irof',
  title: 'Iterative removal of features',
  summary: 'How soon the probability falls as segments are removed, those with the highest mean relevance first.',
  cite: 'Rieger & Hansen, IROF: a low resource evaluation metric for explanation methods, 2020, arXiv:2003.08747',
  category: 'faithfulness',
  better: 'higher',
  range: [1 - 1 / LEAST, 1],
  undefinedWhen:
    'the probability of the class explained is under 0.01 or the same whatever is removed, or the image is one segment',
  criticism:
    'Most relevant segments only; segments follow the edges of the image, not of the lesion. Quantus does not divide by ' +
    'the number of segments, so that a model that looks at nothing scores 1, and takes its mean over the batch of images.',
  criticismSource: 'by algebra; the code of Quantus 0.6.0',
  needs: ['model'],
  needsClasses: 'it follows a probability',
  baseline: 'air',
  options: z.strictObject({
    segments: z.int().min(2).max(10_000).default(300).describe('segments of the image (SLIC), about'),
    compactness: z.number().positive().default(0.1).describe('of SLIC: how much nearness counts against likeness'),
    fill: z
      .enum(['mean', 'baseline'])
      .default('mean')
      .describe('what stands in a removed segment: the mean of the image, or the baseline'),
    precision: precisionOption,
  }),
  checks: { options: { segments: 20 } },
  cost: ({ segments, precision }) => ({
    forward: 1 + expectedSteps(segments, precision),
    backward: 0,
    atMost: precision === 'exact',
  }),
  async evaluate(context) {
    const { attribution, image, options: o, rng, view } = context;
    const segmentation = await context.memo(`slic of irof/${o.segments}/${o.compactness}`, async () =>
      slic(view, { segments: o.segments, compactness: o.compactness, sigma: 0 }),
    );
    const { count } = segmentation;
    if (count < 2) return undefinedBecause('the image is one segment');
    const elements = segmentPixels(segmentation);
    const field = priorityField(count, rng.fork('ties of segments', count));
    const { pixels, ends } = sequenceOf(elements, rankByField(elementMeans(attribution, elements), field).order);
    const removal = o.fill === 'mean' ? { image, baseline: meanImage(image) } : context;
    const edges = equalEdges(count, o.segments);
    const fraction = edges.map(e => e / count);
    const scored = { ...context, options: { patch: 1, score: 'probability' as const } };
    const before = await imageScore(scored);
    if (typeof before !== 'number') return before;
    if (before < LEAST) {
      return undefinedBecause(`the probability of the class explained is ${before.toPrecision(2)}, less than ${LEAST}`);
    }
    const name = `segments removed/${o.segments}/${o.compactness}/${fingerprint(attribution)}/${removalKey(removal)}`;
    const probabilities = new Map([[0, before]]);
    const look = async (index: readonly number[]) => {
      const scores = await scoresOf(scored, `${name}/${index.join()}`, () =>
        removalPath(
          removal,
          'removed',
          pixels,
          index.map(i => ends[edges[i]!]!),
        ),
      );
      if (isUndefined(scores)) return scores;
      for (const [j, i] of index.entries()) probabilities.set(i, scores[j]!);
      return scores.map(logOdds);
    };
    const share = (raw: number) => 1 / (1 + Math.exp(-raw)) / before;
    const followed = await followGrids(
      [{ x: fraction, known: new Map([[0, logOdds(before)]]), look }],
      { precision: o.precision, unit: 'own' },
      share,
    );
    if (isUndefined(followed)) return followed;
    const { index } = followed.curves[0]!;
    const score = index.map(i => probabilities.get(i)!);
    if (allSame(score)) return undefinedBecause('the probability is the same whatever is removed');
    const seen = index.map(i => fraction[i]!);
    return {
      value:
        1 -
        areaUnder(
          seen,
          score.map(p => p / before),
        ),
      ...(followed.error === undefined ? {} : { error: followed.error }),
      curve: { fraction: seen, score },
      details: { segments: count, image: before },
    };
  },
});

/** The mean of each channel everywhere. */
function meanImage(image: Parameters<typeof elementMeans>[0]): ReturnType<typeof tensor> {
  const channels = image.shape.at(-1)!;
  const sums = new Float64Array(channels);
  image.data.forEach((v, k) => {
    sums[k % channels]! += v;
  });
  return tensor(
    image.shape,
    image.data.map((_, k) => (sums[k % channels]! * channels) / image.data.length),
  );
}
