import { z } from 'zod';
import { undefinedBecause } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { likeness, meanOf, randomisedMaps, randomisedVariants, seedsOption } from './shared/variants.ts';

/**
 * Model parameter randomisation (Adebayo et al. 2018, section 3.1): structural similarity of the map and the map under
 * weights that are all redrawn, mean over seeds; magnitudes, each map as a share of its largest. An explainer that reads
 * the model gives another map then. The curve is the similarity over the share of the depth that is redrawn, from the
 * output down; the unrandomised model's 1 is its first point, and is in no mean.
 *
 * Details: `spearman`, the rank correlation of the signed maps; `seeds` that gave a map; `maps` over all depths.
 */
export const mprt = defineMetric({
  name: 'mprt',
  title: 'Model parameter randomisation',
  summary: 'How like the map stays when all weights of the model are redrawn: 1 where it does not depend on the model.',
  cite: 'Adebayo et al., Sanity checks for saliency maps, NeurIPS 2018, arXiv:1810.03292',
  category: 'randomisation',
  better: 'lower',
  range: [-1, 1],
  undefinedWhen: 'the model has no redrawn weights here, or the explainer no map under them',
  criticism:
    'Structural similarity is not near 0 for unrelated maps: it depends on their smoothness, so that values are compared ' +
    'with those of the same explainer’s maps of other patients (Hedström et al. 2024). Passing is necessary, not enough.',
  criticismSource: 'Hedström et al. 2024, arXiv:2401.06465; Binder et al. 2023, arXiv:2211.12486',
  needs: ['weights'],
  options: z.strictObject({
    depths: z.int().min(1).max(50).default(5).describe('shares of the depth that are redrawn, the last one all of it'),
    seeds: seedsOption,
  }),
  checks: { options: { depths: 2, seeds: 2 } },
  variants: ({ depths, seeds }) => randomisedVariants(depths, seeds),
  async evaluate({ attribution, variantMaps, options }) {
    const { maps, reason } = randomisedMaps(variantMaps);
    const compared = maps.map(({ depth, map }) => ({ depth, ...likeness(attribution, map) }));
    const at = (depth: number) => compared.filter(c => c.depth === depth && c.ssim !== null).map(c => c.ssim!);
    const depths = Array.from({ length: options.depths }, (_, d) => (d + 1) / options.depths);
    const redrawn = at(1);
    if (redrawn.length === 0) {
      return undefinedBecause(
        compared.some(c => c.depth === 1)
          ? 'the map is smaller than 3 × 3 pixels'
          : `there is no map under weights that are all redrawn: ${reason}`,
      );
    }
    const ranks = compared.filter(c => c.depth === 1 && c.spearman !== null).map(c => c.spearman!);
    const whole = depths.every(d => at(d).length > 0);
    return {
      value: meanOf(redrawn),
      ...(whole ? { curve: { fraction: [0, ...depths], score: [1, ...depths.map(d => meanOf(at(d)))] } } : {}),
      details: {
        ...(ranks.length > 0 ? { spearman: meanOf(ranks) } : {}),
        seeds: redrawn.length,
        maps: maps.length,
      },
    };
  },
});
