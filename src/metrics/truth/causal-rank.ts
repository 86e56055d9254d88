import { isUndefined, undefinedBecause } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { truthNumbers } from '../../core/truth/effects.ts';
import { localFactors, pixelsOf, sumOver, winOf } from './shared/regions-of.ts';
import { sameTexture } from './shared/same-texture.ts';

/** Random maps of the same texture that chance is taken from. */
const RANDOM_MAPS = 40;

/**
 * Whether the map's sums over the factors' regions are in the order of the effects: over pairs with |φ_j − φ_k| > τ,
 * Σ w [in order + ½ tie] / Σ w, w = |φ_j − φ_k|. Sums, not means: of effects 2 and 1 on 400 and 100 pixels, the truth
 * itself has the means 0.005 and 0.01.
 *
 * Larger regions have larger sums and often larger effects, so chance is not a half: it is the mean over random maps of
 * the same texture. Details: `pairs`, `chance`, and the numbers of the image's truth.
 */
export const causalRank = defineMetric({
  name: 'causal-rank',
  title: 'Causal rank',
  summary: 'Whether factors with more effect on the score have more of the map, weighted by how much more.',
  cite: 'This project; after Hesse et al. 2023, FunnyBirds, arXiv:2308.06248',
  category: 'truth',
  better: 'higher',
  range: [0, 1],
  chance: 'image',
  needs: ['effects'],
  undefinedWhen: 'nothing is known by intervention, or no two factors differ in effect',
  criticism:
    'Maps that follow size alone have an advantage where large lesions do more; compare with the chance given.',
  criticismSource: 'this project, by simulation',
  async evaluate({ attribution, effects, rng }) {
    const known = localFactors(effects);
    if (isUndefined(known)) return known;
    const { factors, threshold } = known;
    const pixels = factors.map(pixelsOf);
    const pairs: { readonly more: number; readonly less: number; readonly weight: number }[] = [];
    for (let j = 0; j < factors.length; j++) {
      for (let k = 0; k < factors.length; k++) {
        const weight = factors[j]!.effect - factors[k]!.effect;
        if (weight > threshold) pairs.push({ more: j, less: k, weight });
      }
    }
    if (pairs.length === 0) return undefinedBecause('no two factors differ in what they do to the score');
    const all = pairs.reduce((sum, { weight }) => sum + weight, 0);
    const orderOf = (map: Float32Array): number => {
      const sums = pixels.map(region => sumOver(map, region));
      return pairs.reduce((sum, { more, less, weight }) => sum + weight * winOf(sums[more]!, sums[less]!), 0) / all;
    };
    const random = Array.from({ length: RANDOM_MAPS }, () => orderOf(sameTexture(attribution, rng).data));
    const chance = random.reduce((a, b) => a + b, 0) / RANDOM_MAPS;
    const details = { pairs: pairs.length, chance, ...truthNumbers(effects!) };
    return { value: Math.min(1, orderOf(attribution.data)), chance, details };
  },
});
