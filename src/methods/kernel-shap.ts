import { z } from 'zod';
import { undefinedBecause } from '../core/contracts/index.ts';
import { defineExplainer } from '../core/define.ts';
import { segmentPixels } from '../core/image/segmentation.ts';
import { type Coalitions, independentCoalitions, pairedCoalitions } from '../core/shapley/coalitions.ts';
import { shapleyRegression } from '../core/shapley/shapley-regression.ts';
import { scoreOption } from './shared/options.ts';
import { portionOf, relativeError, sampleUntil, samplingPrecision } from './shared/sampling.ts';
import { segmentOptions, sharedSegments } from './shared/segments.ts';
import { segmentMap, switchedBatch } from './shared/switched.ts';

/**
 * KernelSHAP: Shapley values of segments, as the constrained weighted regression of the score in coalitions of
 * segments; they sum to f(x) − f(b) (Lundberg and Lee 2017, theorem 2). A pixel's value is its segment's, so pixels do
 * not sum. Exact where every coalition is evaluated, which `samples` allows up to 11 segments.
 *
 * Standard errors are a sandwich estimate over the coalitions drawn. With a `precision` it stops at the first look at
 * which their root mean square is small enough beside the spread of the segments' values, or at which the values are in nearly
 * the order of those of half as many coalitions, unless every coalition can be had. Undefined with fewer than two segments, with fewer coalitions than segments, and where coalitions do not determine the values.
 */
export const kernelShap = defineExplainer({
  name: 'kernel-shap',
  title: 'KernelSHAP',
  summary: 'Shapley values of segments, by a weighted regression of the score in coalitions of segments.',
  advice: 'For any classifier, where fair shares of segments are wanted that sum to the score’s difference.',
  cite: 'Lundberg and Lee 2017, arXiv:1705.07874',
  kind: 'regional',
  draws: true,
  baseline: 'air',
  options: z.strictObject({
    // shap's 2 S + 2048 for 50 segments.
    samples: z
      .int()
      .min(2)
      .max(1_000_000)
      .default(2148)
      .describe('coalitions evaluated, besides none and all; at most'),
    precision: samplingPrecision,
    ...segmentOptions,
    segments: segmentOptions.segments.default(50),
    coalitions: z
      .enum(['paired', 'independent'])
      .default('paired')
      .describe('small and large ones completely and the rest in pairs (shap), or all drawn one by one (Captum)'),
    score: scoreOption('margin'),
  }),
  presets: {
    // Captum counts the two ends among its 25, and holds them by a weight of 1e6.
    captum: { options: { samples: 23, coalitions: 'independent', score: 'logit' }, baseline: 'zero-input' },
    dianna: { options: { segments: 100, compactness: 10, sigma: 0, score: 'probability' } },
  },
  checks: { options: { samples: 100, segments: 8, kernelSize: 1 } },
  cost: ({ samples }) => ({ forward: samples + 2, backward: 0, atMost: true }),
  spend: (passes, o) =>
    passes < 4 ? undefined : { ...o, samples: Math.min(1_000_000, Math.floor(passes) - 2), precision: 'exact' },

  async explain(context) {
    const { model, target, options: o, rng, signal } = context;
    const segmentation = await sharedSegments(context, o);
    const { count, labels } = segmentation;
    if (count < 2) return undefinedBecause(`the image has one segment only (${o.segmentation})`);
    const coalitions = (o.coalitions === 'paired' ? pairedCoalitions : independentCoalitions)(count, o.samples, rng);
    if (coalitions.weights.length < count && !coalitions.complete) {
      return undefinedBecause(`${o.samples} coalitions are fewer than the ${count} segments; raise samples`);
    }
    // All on, all off, then the coalitions.
    const design = new Uint8Array(2 * count + coalitions.design.length).fill(1, 0, count);
    design.set(coalitions.design, 2 * count);
    const batch = switchedBatch(context, segmentPixels(segmentation), design);
    const fitTo = ([whole = 0, nothing = 0, ...scores]: Iterable<number>, of: Coalitions) =>
      shapleyRegression(of, scores, { whole, nothing });
    const { scores, ...reached } = await sampleUntil(
      { most: batch.count, precision: coalitions.complete ? 'exact' : o.precision },
      (from, to) => model.score(portionOf(batch, from, to), { class: target.class, score: o.score }, { signal }),
      {
        error: known => {
          const found = fitTo(known, coalitions.first(known.length - 2));
          return found?.standardErrors && relativeError(found.standardErrors, found.values);
        },
        values: known => fitTo(known, coalitions.first(known.length - 2))?.values,
      },
    );
    const rows = scores.length - 2;
    const fit = fitTo(scores, rows === coalitions.weights.length ? coalitions : coalitions.first(rows));
    if (!fit) return undefinedBecause('the coalitions do not determine the values; raise samples');
    const { values, standardErrors } = fit;
    return {
      map: segmentMap(segmentation, values),
      regions: labels,
      ...(standardErrors ? { standardErrors: segmentMap(segmentation, standardErrors) } : {}),
      diagnostics: { segments: count, coalitions: rows, difference: scores[0]! - scores[1]!, ...reached },
    };
  },
});
