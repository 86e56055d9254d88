import { z } from 'zod';
import { type Effects, isUndefined, type Undefined, undefinedBecause } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { truthNumbers } from '../../core/truth/effects.ts';
import { changeOver, deepest, localFactors, pixelsOf, sumOver, winOf } from './shared/regions-of.ts';

/**
 * Whether the map prefers what the model uses to what is merely visible. Pairs: a factor that moves the score toward
 * the class explained (φ > τ) against one that leaves it alone (|φ| ≤ τ). What counts is what the model does with a
 * factor, not whether it is a lesion or a distractor by name; placebos take no part. The map's sums over both regions are
 * compared, the larger region cut to the area of the smaller, by the pixels deepest in it. A pair counts if the Σ|ΔHU| over
 * the pixels compared differ by a factor of at most `ratio`: of lesions that overlap, which are one factor, a part as large
 * as the distractor is as visible as that. With `idle`, what does at most that share of what the cause does is compared
 * with it as well: a map that gives it more is as wrong. The value is the share of pairs in which the cause has more, ties counted half.
 *
 * Where the run has another model, the same map is also compared with what that one uses on the same image: `other` is its
 * value by the other model's truth, `swap` the value less that one. Of a map that does not look at the model, the swaps on
 * two models cancel.
 *
 * Details: `pairs`, `causes`, `other`, `swap`, and the numbers of the image's truth.
 */
export const causalContrast = defineMetric({
  name: 'causal-contrast',
  title: 'Causal contrast',
  summary: 'How often what the model uses has more of the map than an equally visible distractor that it does not use.',
  cite: 'This project; after Adebayo et al. 2022, arXiv:2212.04629, and Arras et al. 2022, CLEVR-XAI',
  category: 'truth',
  better: 'higher',
  range: [0, 1],
  chance: 0.5,
  needs: ['effects', 'other-effects'],
  undefinedWhen:
    'nothing is known by intervention, nothing in the image speaks for the class, or nothing as visible is without effect on the score',
  criticism:
    'Says which of two regions has more, not how much it should have; known where factors can be switched off, so on ' +
    'phantoms and counterfactual pairs only.',
  criticismSource: 'this project',
  options: z.strictObject({
    ratio: z
      .number()
      .min(1)
      .default(1.5)
      .describe('how far apart the Σ|ΔHU| of a pair may be, over the pixels compared, as a factor'),
    idle: z
      .number()
      .min(0)
      .max(0.5)
      .default(0)
      .describe('what does at most this share of what a cause does counts as idle beside it; 0: only what is chance'),
  }),
  async evaluate({ attribution, effects, otherEffects, options }) {
    const own = contrastOf(attribution.data, effects, options);
    if (isUndefined(own)) return own;
    const other = otherEffects && contrastOf(attribution.data, otherEffects, options);
    const swapped = other && !isUndefined(other) ? { other: other.value, swap: own.value - other.value } : {};
    const { value, pairs, causes } = own;
    return { value, details: { pairs, causes, ...swapped, ...truthNumbers(effects!) } };
  },
});

interface PairOptions {
  readonly ratio: number;
  readonly idle: number;
}

interface Contrast {
  readonly value: number;
  readonly pairs: number;
  readonly causes: number;
}

/** The share of pairs in which the cause has more of the map. */
function contrastOf(
  map: ArrayLike<number>,
  effects: Effects | undefined,
  { ratio, idle: share }: PairOptions,
): Contrast | Undefined {
  const known = localFactors(effects);
  if (isUndefined(known)) return known;
  const { factors, threshold } = known;
  const visible = factors.filter(f => f.role !== 'placebo');
  const causes = visible.filter(f => f.effect > threshold);
  if (causes.length === 0) return undefinedBecause('no factor moves the score toward the class explained');
  const pairs = causes.flatMap(cause =>
    visible
      .filter(f => Math.abs(f.effect) <= Math.max(threshold, share * cause.effect))
      .map(other => ({ cause, other })),
  );
  if (pairs.length === 0)
    return undefinedBecause(
      'nothing to compare with: everything visible that can be taken out of the image changes the score',
    );
  const wins: number[] = [];
  for (const { cause, other } of pairs) {
    const area = Math.min(pixelsOf(cause).length, pixelsOf(other).length);
    const [used, seen] = [deepest(cause, area), deepest(other, area)];
    const changes = [changeOver(cause, used), changeOver(other, seen)];
    if (Math.max(...changes) > ratio * Math.min(...changes)) continue;
    wins.push(winOf(sumOver(map, used), sumOver(map, seen)));
  }
  if (wins.length === 0)
    return undefinedBecause(
      'nothing to compare with: what changes the score and what does not differ too much in how visible they are (Σ|ΔHU|)',
    );
  return { value: wins.reduce((a, b) => a + b, 0) / wins.length, pairs: wins.length, causes: causes.length };
}
