import { z } from 'zod';
import { undefinedBecause } from '../core/contracts/index.ts';
import { defineExplainer } from '../core/define.ts';
import { segmentPixels } from '../core/image/segmentation.ts';
import { scoreOption } from './shared/options.ts';
import { expectedSegments, segmentLimit, segmentOptions, sharedSegments } from './shared/segments.ts';
import { segmentMap, switchedBatch } from './shared/switched.ts';

/**
 * Shapley values of segments by permutations: the mean, over random orders, of what the score gains when a segment is
 * switched on after those before it (Castro et al. 2009, algorithm 1; Štrumbelj and Kononenko 2010). The segments'
 * values sum to f(x) − f(b) whatever the number of permutations. By default every second order is the one before it
 * backwards, so that what two segments do together is halved between them exactly (antithetic sampling; Mitchell et al. 2022,
 * arXiv:2104.12199, section 4.1).
 *
 * Standard errors are those of the mean over the draws, which are orders or pairs of them; absent of one draw. Undefined with fewer than two segments, and where `samples` allows no
 * permutation.
 */
export const shapleySampling = defineExplainer({
  name: 'shapley-sampling',
  title: 'Shapley value sampling',
  summary: 'Shapley values of segments: the mean gain of switching a segment on, over random orders.',
  advice: 'For any classifier, as KernelSHAP with simple standard errors; slower to settle.',
  cite: 'Castro et al. 2009, doi:10.1016/j.cor.2008.04.004',
  kind: 'regional',
  draws: true,
  baseline: 'air',
  options: z.strictObject({
    permutations: z.int().min(1).max(100_000).default(25).describe('random orders of the segments'),
    orders: z
      .enum(['paired', 'independent'])
      .default('paired')
      .describe('an order and the same backwards, in turn; or each for itself'),
    samples: z.int().min(3).optional().describe('forward passes at most; default: what the permutations take'),
    ...segmentOptions,
    segments: segmentOptions.segments.default(50),
    score: scoreOption('margin'),
  }),
  presets: {
    captum: { options: { permutations: 25, orders: 'independent', score: 'logit' }, baseline: 'zero-input' },
  },
  checks: { options: { permutations: 5, segments: 12, kernelSize: 1 } },
  cost(o, { spatial }) {
    const forward = (segments: number) => 2 + o.permutations * (segments - 1);
    const most = o.samples ?? forward(segmentLimit(o, spatial));
    const expected = Math.min(most, forward(expectedSegments(o, spatial)));
    return { forward: most, backward: 0, atMost: true, expected: { forward: expected, backward: 0 } };
  },
  /** Fewer segments where there are few passes, so that there are several orders. */
  spend(passes, o) {
    const segments = Math.min(o.segments, Math.max(2, Math.floor((passes - 2) / 4)));
    return passes < 8 ? undefined : { ...o, segments, permutations: 100_000, samples: Math.floor(passes) };
  },

  async explain(context) {
    const { model, target, options: o, rng, signal } = context;
    const segmentation = await sharedSegments(context, o);
    const { count: n, labels } = segmentation;
    if (n < 2) return undefinedBecause(`the image has one segment only (${o.segmentation})`);
    const affordable = o.samples === undefined ? o.permutations : Math.floor((o.samples - 2) / (n - 1));
    const permutations = Math.min(o.permutations, affordable);
    if (permutations < 1) return undefinedBecause(`${o.samples} passes are no permutation of ${n} segments`);
    const together = o.orders === 'paired' ? 2 : 1;
    const draws = Math.ceil(permutations / together);
    const orders: Int32Array[] = [];
    for (let i = 0; i < permutations; i++) {
      const second = i % together === 1;
      orders.push(second ? orders[i - 1]!.toReversed() : rng.shuffle(Int32Array.from({ length: n }, (_, s) => s)));
    }
    // All and none first, then of each order its first 1 … n − 1 segments.
    const design = new Uint8Array((2 + permutations * (n - 1)) * n).fill(1, 0, n);
    orders.forEach((order, i) => {
      for (let k = 1; k < n; k++) {
        for (let j = 0; j < k; j++) design[(1 + i * (n - 1) + k) * n + order[j]!] = 1;
      }
    });
    const batch = switchedBatch(context, segmentPixels(segmentation), design);
    const scores = await model.score(batch, { class: target.class, score: o.score }, { signal });
    const after = (i: number, k: number) => scores[k === 0 ? 1 : k === n ? 0 : 1 + i * (n - 1) + k]!;

    /** What each draw adds to the sum over orders. */
    const gains = Array.from({ length: draws }, () => new Float64Array(n));
    orders.forEach((order, i) => {
      const own = gains[Math.floor(i / together)]!;
      order.forEach((s, k) => {
        own[s]! += after(i, k + 1) - after(i, k);
      });
    });
    const mean = Float64Array.from({ length: n }, (_, s) =>
      gains.reduce((sum, own) => sum + own[s]! / permutations, 0),
    );
    // The last pair may be one order.
    const size = (d: number) => Math.min(together, permutations - d * together);
    const variance = mean.map((middle, s) => {
      const spread = gains.reduce((sum, own, d) => sum + (own[s]! - size(d) * middle) ** 2, 0);
      return (spread / permutations ** 2) * (draws / (draws - 1));
    });
    return {
      map: segmentMap(segmentation, mean),
      regions: labels,
      ...(draws > 1 ? { standardErrors: segmentMap(segmentation, variance.map(Math.sqrt)) } : {}),
      diagnostics: { segments: n, permutations, difference: scores[0]! - scores[1]! },
    };
  },
});
