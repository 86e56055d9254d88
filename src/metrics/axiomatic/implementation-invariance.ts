import { z } from 'zod';
import { undefinedBecause } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { distance, norm } from '../../core/norm.ts';

const REWRITES = ['split-convolutions', 'split-relu', 'unfolded-scale'] as const;

/**
 * Whether the map depends on how the function is written down (Sundararajan et al. 2017, section 2.2): the largest
 * ‖a′ − a‖ / ‖a‖ over graphs of the same function in which convolutions are split in two, x is relu(x) − relu(−x), or a
 * scale stands by itself. 0 for gradients, integrated gradients and Shapley values; not for rules that look at the
 * graph's operators. Details: the distance for each graph, `split-convolutions` and so on.
 */
export const implementationInvariance = defineMetric({
  name: 'implementation-invariance',
  title: 'Implementation invariance',
  summary: 'How far the map moves when the same function is written as another graph.',
  cite: 'Sundararajan, Taly & Yan, Axiomatic attribution for deep networks, ICML 2017, arXiv:1703.01365',
  category: 'axiomatic',
  better: 'lower',
  range: [0, Number.POSITIVE_INFINITY],
  undefinedWhen: 'the engine makes no other graph of the model, or the explainer has no map of any',
  criticism:
    'An explainer that ignores the model is invariant. Explainers that read a layer depend on what the layer is, so that ' +
    'a difference is no fault by itself.',
  criticismSource: 'by algebra',
  needs: ['weights'],
  options: z.strictObject({
    graphs: z
      .array(z.enum(REWRITES))
      .min(1)
      .default([...REWRITES])
      .describe('other graphs of the same function'),
  }),
  variants: ({ graphs }) => graphs.map(rewrite => ({ kind: 'rewritten' as const, rewrite })),
  async evaluate({ attribution, variantMaps }) {
    const length = norm(attribution.data);
    const distances: Record<string, number> = {};
    let reason = '';
    for (const { variant, map, reason: why } of variantMaps) {
      if (variant.kind !== 'rewritten') continue;
      const far = map ? distance(map.data, attribution.data) / length : Number.NaN;
      if (Number.isFinite(far)) distances[variant.rewrite] = far;
      else reason ||= why ?? 'the map has NaN';
    }
    const all = Object.values(distances);
    if (all.length === 0) return undefinedBecause(`there is no map of another graph: ${reason || 'none was made'}`);
    return { value: Math.max(...all), details: distances };
  },
});
