import { z } from 'zod';
import { imageBatch } from '../../core/batch.ts';
import { isUndefined, type MetricContext, undefinedBecause } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { fingerprint } from '../../core/fingerprint.ts';
import { mapDefect } from '../../core/tensor.ts';
import { likeness, meanOf } from './shared/variants.ts';

/**
 * How like the map is to the explainer's maps of other classes (Sixt et al. 2020): structural similarity of the
 * magnitudes, each map as a share of its largest; mean over up to `classes` classes drawn at random. Undefined on two
 * classes unless the explainer explains a logit, and of those the model has two: the margin of one class is minus the
 * margin of the other, and one sigmoid has minus its logit for the other class, so that the other map is minus this one
 * by algebra. Details: `spearman` of the signed maps, `classes` compared.
 */
export const randomLogit = defineMetric({
  name: 'random-logit',
  title: 'Random logit',
  summary: 'How like the map stays when another class is explained.',
  cite: 'Sixt, Granz & Landgraf, When explanations lie, ICML 2020, arXiv:1912.09818',
  category: 'randomisation',
  better: 'lower',
  range: [-1, 1],
  undefinedWhen:
    'there are two classes and the explainer explains no logit, or the model has one sigmoid for both, or other classes ' +
    'have no map',
  criticism:
    'On two classes it says nothing: the other map is minus this one for every explainer that is linear in the gradient. ' +
    'Classes that look at one place have like maps rightly. Quantus compares flattened maps, whose windows cross rows.',
  criticismSource: 'by algebra; the code of Quantus 0.6.0',
  needs: ['model', 'explain'],
  needsClasses: 'it explains another class',
  options: z.strictObject({
    classes: z.int().min(1).max(100).default(3).describe('other classes that are explained, at most'),
  }),
  cost: ({ classes }, { classes: all = classes + 1 }, explanation) => ({
    forward: (all === 2 ? 1 : 0) + Math.min(classes, all - 1) * explanation.forward,
    backward: Math.min(classes, all - 1) * explanation.backward,
    atMost: true,
  }),
  async evaluate(context) {
    const { attribution, claim, image, model, options, rng, target } = context;
    const others = model.classes.map((_, c) => c).filter(c => c !== target.class);
    if (others.length < 2 && claim?.score !== 'logit') {
      return undefinedBecause('there are two classes: unless a logit is explained, the other map is minus this one');
    }
    if (others.length === 1 && (await hasOneSigmoid(context))) {
      return undefinedBecause('the model has one sigmoid for both classes: the other map is minus this one');
    }
    const drawn = rng.fork('other classes').shuffle(others).slice(0, options.classes);
    const likenesses = [];
    let reason = '';
    for (const other of drawn) {
      const again = await context.explain({ image, key: 'the image', class: other });
      if (isUndefined(again)) reason ||= again.undefined;
      else if (mapDefect(again.map) === null) likenesses.push(likeness(attribution, again.map));
    }
    const similar = likenesses.filter(l => l.ssim !== null).map(l => l.ssim!);
    if (similar.length === 0)
      return undefinedBecause(`no other class has a map to compare: ${reason || 'all are constant'}`);
    const ranks = likenesses.filter(l => l.spearman !== null).map(l => l.spearman!);
    return {
      value: meanOf(similar),
      details: { ...(ranks.length > 0 ? { spearman: meanOf(ranks) } : {}), classes: similar.length },
    };
  },
});

/** Whether the two logits are one with either sign. */
async function hasOneSigmoid({ image, memo, model, signal }: MetricContext<unknown>): Promise<boolean> {
  const [first, second] = await memo(`scores/logit/${fingerprint(image)}`, async () => [
    ...(await model.scores(imageBatch(image), { as: 'logit', signal })).data,
  ]);
  return first !== 0 && first === -second!;
}
