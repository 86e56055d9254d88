import { z } from 'zod';
import { isUndefined, undefinedBecause } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { bodyMask } from '../../core/image/body.ts';
import { distanceTo } from '../../core/image/distance.ts';
import { planar, type Tensor } from '../../core/tensor.ts';
import { truthNumbers } from '../../core/truth/effects.ts';
import { type LocalFactor, localFactors } from './shared/regions-of.ts';
import { sameTexture } from './shared/same-texture.ts';

/** Random maps of the same texture that chance is taken from. */
const RANDOM_MAPS = 40;

/**
 * How well the map shares itself out among the causes: v = 1 − ½ Σ |m − t|, where m are the shares of the positive values
 * that lie in each cause's region and in the rest of the body, and t ∝ φ⁺ over the causes (φ > τ), nothing for the rest.
 * With one cause it is the relevance mass of the body in its region. As a skill over chance, (v − c) / (1 − c), c the mean of v over
 * random maps of the same texture. Regions may be dilated; where they then overlap, the pixel is split.
 *
 * Details: `mass` v, `chance` c, `skill`, `causes`, and the numbers of the image's truth.
 */
export const causalMass = defineMetric({
  name: 'causal-mass',
  title: 'Causal mass',
  summary: 'How well the positive relevance is shared out as the effects are, beyond chance.',
  cite: 'This project; with one cause Arras et al. 2022, doi:10.1016/j.inffus.2021.11.008',
  category: 'truth',
  better: 'higher',
  range: [Number.NEGATIVE_INFINITY, 1],
  chance: 0,
  needs: ['effects'],
  undefinedWhen: 'nothing is known by intervention, no factor speaks for the class, or the map has no positive value',
  criticism: 'Takes for granted that relevance is proportional to effects, which maps that only rank do not claim.',
  criticismSource: 'by algebra',
  options: z.strictObject({
    skill: z.boolean().default(true).describe('beyond chance; false: the share itself, 0 to 1'),
    dilate: z.number().min(0).max(20).default(0).describe('millimetres by which regions are widened: 0, 5 or 10'),
  }),
  async evaluate({ attribution, effects, view, spacing, options: { skill: asSkill, dilate }, rng }) {
    const known = localFactors(effects);
    if (isUndefined(known)) return known;
    if (dilate > 0 && !spacing)
      return undefinedBecause('the image has no spacing, and regions are widened by millimetres');
    const causes = known.factors.filter(f => f.effect > known.threshold);
    if (causes.length === 0) return undefinedBecause('no factor moves the score toward the class explained');
    const within = causes.map(cause => widened(cause, dilate, spacing));
    const cells = Int8Array.from({ length: attribution.data.length }, (_, p) =>
      within.reduce((sum, inside) => sum + inside[p]!, 0),
    );
    const body = bodyMask(view).data;
    const total = causes.reduce((sum, { effect }) => sum + effect, 0);
    const shareOf = (map: Float32Array): number | undefined => {
      const mass = new Float64Array(causes.length + 1);
      let all = 0;
      for (let p = 0; p < map.length; p++) {
        const value = map[p]!;
        if (!(value > 0) || (cells[p] === 0 && body[p]! < 0.5)) continue;
        all += value;
        if (cells[p] === 0) mass[causes.length]! += value;
        else
          within.forEach((inside, j) => {
            if (inside[p] === 1) mass[j]! += value / cells[p]!;
          });
      }
      if (all === 0) return undefined;
      const misplaced = mass.reduce((sum, m, j) => sum + Math.abs(m / all - (causes[j]?.effect ?? 0) / total), 0);
      return Math.min(1, Math.max(0, 1 - misplaced / 2));
    };
    const mass = shareOf(attribution.data);
    if (mass === undefined) return undefinedBecause('the map has no positive value in the body');
    const random: number[] = [];
    for (let k = 0; k < RANDOM_MAPS; k++) {
      const share = shareOf(sameTexture(attribution, rng).data);
      if (share !== undefined) random.push(share);
    }
    if (random.length === 0) return undefinedBecause('no random map of this texture meets the body');
    const chance = random.reduce((a, b) => a + b, 0) / random.length;
    if (chance === 1) return undefinedBecause('a map that knows nothing is as good as can be: there is no skill');
    const skill = (mass - chance) / (1 - chance);
    const details = {
      mass,
      chance,
      skill,
      causes: causes.length,
      ...truthNumbers(effects!),
    };
    return { value: asSkill ? skill : mass, chance: asSkill ? 0 : chance, details };
  },
});

/** 1 in the region, and within so many millimetres of it. */
function widened({ region }: LocalFactor, mm: number, spacing: readonly number[] | undefined): Uint8Array {
  const inside = (t: Tensor) => Uint8Array.from(t.data, v => (v >= 0.5 ? 1 : 0));
  if (mm === 0) return inside(region);
  return Uint8Array.from(distanceTo(region, planar(spacing!)), d => (d <= mm ? 1 : 0));
}
