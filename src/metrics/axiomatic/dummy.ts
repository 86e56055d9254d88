import { z } from 'zod';
import { undefinedBecause } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { inHalf } from '../../core/image/halves.ts';
import { planar } from '../../core/tensor.ts';

/**
 * The share of the map's magnitude on pixels that the model cannot see: its first operator puts 0 in place of one half of
 * the image, and the map is that of the class explained by this blinded model. Mean over the halves. 0 for an explainer
 * that works pixel by pixel (the dummy axiom, Sundararajan et al. 2017, section 3); what knows nothing of the model has
 * the half's share of the map. Details: the share for each half, `left` and so on.
 */
export const dummy = defineMetric({
  name: 'dummy',
  title: 'Dummy pixels',
  summary: 'Share of the map that lies on pixels which the model cannot see.',
  cite: 'Sundararajan, Taly & Yan, Axiomatic attribution for deep networks, ICML 2017, arXiv:1703.01365, section 3',
  category: 'axiomatic',
  better: 'lower',
  range: [0, 1],
  chance: 'image',
  undefinedWhen: 'the engine makes no blinded model, or the explainer has no map of any',
  criticism:
    'Only explainers that work pixel by pixel can have 0: windows, segments and enlarged layers straddle the edge of what ' +
    'the model sees. Half a chest is like no image of the training; whether the map is right there is not asked.',
  criticismSource: 'by algebra',
  needs: ['weights'],
  options: z.strictObject({
    halves: z
      .array(z.enum(['top', 'bottom', 'left', 'right']))
      .min(1)
      .default(['left', 'right'])
      .describe('halves of the image that the model is blinded to, one after the other'),
  }),
  variants: ({ halves }) => halves.map(half => ({ kind: 'blinded' as const, half })),
  async evaluate({ attribution, variantMaps }) {
    const size = planar(attribution.shape);
    const shares: Record<string, number> = {};
    const byChance: number[] = [];
    let reason = '';
    for (const { variant, map, reason: why } of variantMaps) {
      if (variant.kind !== 'blinded') continue;
      let [blind, all, pixels] = [0, 0, 0];
      map?.data.forEach((v, i) => {
        const unseen = inHalf(variant.half, i, size);
        all += Math.abs(v);
        if (unseen) blind += Math.abs(v);
        if (unseen) pixels++;
      });
      if (map && all > 0 && Number.isFinite(all)) {
        shares[variant.half] = blind / all;
        byChance.push(pixels / map.data.length);
      } else reason ||= why ?? 'the map is zero everywhere, or has NaN';
    }
    const found = Object.values(shares);
    if (found.length === 0) return undefinedBecause(`there is no map of a blinded model: ${reason || 'none was made'}`);
    const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
    return { value: mean(found), chance: mean(byChance), details: shares };
  },
});
