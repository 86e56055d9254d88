import { z } from 'zod';
import { isUndefined, undefinedBecause } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { priorityField } from '../../core/perturbation/order.ts';
import { sequenceOf } from '../../core/perturbation/path.ts';
import { removalPath } from '../../core/perturbation/removal.ts';
import { patchCount, patchOptions } from '../shared/patch-options.ts';
import { patchesOf, scoresOf } from '../shared/patches.ts';

/** Increments closer together than this, relative to the largest score on the way, are equal. */
const ROUNDING = 1e-6;

/**
 * Patches are put into the baseline from the one that the map gives least to the one that it gives most: the share of
 * neighbouring steps of which the later one raises the score by more, equal ones counting half (after Arya et al. 2019
 * and Luss et al. 2019, who ask whether every step raises the score: that share is the same for every order where
 * patches add up). 1 for a right map of patches that add up, 0.5 for a random one, 0 for an inverted one. Patches that
 * are as in the baseline change nothing, and are left out. Detail: `steps`.
 */
export const monotonicity = defineMetric({
  name: 'monotonicity',
  title: 'Monotonicity of increments',
  summary:
    'Share of steps that raise the score by more than the step before, as patches are put in from least to most.',
  cite: 'Arya et al., One explanation does not fit all, 2019, arXiv:1909.03012; Luss et al. 2019, arXiv:1905.12698',
  category: 'faithfulness',
  better: 'higher',
  range: [0, 1],
  chance: 0.5,
  undefinedWhen: 'fewer than three patches differ from the baseline, or putting them in never changes the score',
  criticism:
    'Steps of patches that interact need not grow in any order. In Quantus the starting image is filled with the value ' +
    'that it already has, so that the curve is constant and every map is monotonic.',
  criticismSource: 'by algebra; the code of Quantus 0.6.0',
  needs: ['model'],
  baseline: 'air',
  options: z.strictObject(patchOptions),
  checks: { options: { patchPixels: 4 } },
  cost: (options, input) => ({ forward: 1 + patchCount(options, input), backward: 0, atMost: true }),
  async evaluate(context) {
    const { image, baseline, fill, rng } = context;
    const { elements, count, sums, key } = patchesOf(context);
    const channels = image.shape.at(-1)!;
    const differs = (e: number): boolean =>
      fill !== undefined ||
      elements.pixels.subarray(elements.start[e]!, elements.start[e + 1]!).some(p => {
        for (let k = p * channels; k < (p + 1) * channels; k++) if (image.data[k] !== baseline.data[k]) return true;
        return false;
      });
    const field = priorityField(count, rng.fork('ties of patches', count));
    const order = field.filter(differs).sort((a, b) => sums[a]! - sums[b]!);
    if (order.length < 3) return undefinedBecause('fewer than three patches differ from the baseline');
    const all = Uint32Array.from([...field.filter(e => !differs(e)), ...order]);
    const { pixels, ends } = sequenceOf(elements, all);
    const counts = [...ends.subarray(count - order.length)];
    const name = `put in/${key}/${[...all].join(' ')}`;
    const scores = await scoresOf({ ...context, memo: context.mapMemo }, name, () =>
      removalPath(context, 'kept', pixels, counts),
    );
    if (isUndefined(scores)) return scores;
    const increments = scores.slice(1).map((score, i) => score - scores[i]!);
    const equal = ROUNDING * scores.reduce((most, s) => Math.max(most, Math.abs(s)), 1);
    if (increments.every(d => Math.abs(d) <= equal)) return undefinedBecause('no patch changes the score');
    const rises = increments.slice(1).map((d, i): number => {
      const gain = d - increments[i]!;
      return Math.abs(gain) <= equal ? 0.5 : Number(gain > 0);
    });
    return { value: rises.reduce((a, b) => a + b, 0) / rises.length, details: { steps: increments.length } };
  },
});
