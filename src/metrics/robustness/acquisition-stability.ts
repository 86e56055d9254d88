import { z } from 'zod';
import { imageBatch } from '../../core/batch.ts';
import { isUndefined, undefinedBecause } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { predicts } from '../../core/predicts.ts';
import { spearman } from '../../core/statistics/correlation.ts';

/**
 * The mean rank correlation of the map with the maps of the same patient under another acquisition (kernel, dose,
 * thickness, window), as far as the data offer such versions. A version weighs 1 / (1 + |Δf|), f the log-odds: where the
 * prediction itself drifts, the map may too. Versions that change whether the class explained is the one predicted are
 * left out. Details: `versions` compared, `drift`, the mean |Δf|, and `flippedShare`.
 */
export const acquisitionStability = defineMetric({
  name: 'acquisition-stability',
  title: 'Stability under another acquisition',
  summary:
    'Rank correlation of the map with the maps of the same patient at another dose, kernel, thickness or window.',
  cite: 'our own',
  category: 'robustness',
  better: 'higher',
  range: [-1, 1],
  undefinedWhen: 'the sample offers no other acquisition, or each changes the prediction or has no map',
  criticism:
    'An explainer that ignores the image’s detail is stable. The drift of the model is weighed, not taken off.',
  criticismSource: 'this project',
  needs: ['model', 'explain', 'variants'],
  options: z.strictObject({
    versions: z
      .array(z.string().min(1))
      .min(1)
      .default(['dose', 'kernel', 'thickness', 'window'])
      .describe('kinds of versions that are compared: what their names begin with'),
    most: z.int().min(1).max(100).default(8).describe('versions compared at most'),
  }),
  cost: ({ most }, _, explanation) => ({
    forward: 1 + most + most * explanation.forward,
    backward: most * explanation.backward,
    atMost: true,
  }),
  async evaluate(context) {
    const { attribution, image, model, options, signal, target } = context;
    const names = context.sampleVariants
      .filter(name => options.versions.includes(name.split(':')[0]!.trim()))
      .slice(0, options.most);
    const versions = [];
    for (const name of names) {
      const version = await context.sampleVariant(name);
      if (version) versions.push({ name, image: version.image });
    }
    if (versions.length === 0)
      return undefinedBecause('the sample offers no other acquisition; `acquisitions: true` under data offers some');
    const batch = imageBatch(image, ...versions.map(v => v.image));
    const scores = await context.memo(`margins of versions/${names.join('/')}`, async () => [
      ...(await model.scores(batch, { as: 'margin', signal })).data,
    ]);
    const classes = model.classes.length;
    const row = (i: number) => scores.slice(i * classes, (i + 1) * classes);
    const first = (i: number) => predicts(model, row(i), target.class);
    const compared: { rank: number; drift: number }[] = [];
    let flipped = 0;
    for (const [i, { name, image: other }] of versions.entries()) {
      if (first(i + 1) !== first(0)) {
        flipped++;
        continue;
      }
      const again = await context.explain({ image: other, key: `version ${name}` });
      const rank = isUndefined(again) ? null : spearman([...attribution.data], [...again.map.data]);
      const drift = Math.abs(row(i + 1)[target.class]! - row(0)[target.class]!);
      if (rank !== null && Number.isFinite(drift)) compared.push({ rank, drift });
    }
    if (compared.length === 0) {
      return undefinedBecause('every other acquisition changes the prediction, or has no map to compare');
    }
    const weight = ({ drift }: (typeof compared)[number]) => 1 / (1 + drift);
    const total = compared.reduce((sum, c) => sum + weight(c), 0);
    const mean = compared.reduce((sum, c) => sum + (weight(c) / total) * c.rank, 0);
    return {
      value: Math.min(1, mean),
      details: {
        versions: compared.length,
        drift: compared.reduce((sum, c) => sum + c.drift, 0) / compared.length,
        flippedShare: flipped / versions.length,
      },
    };
  },
});
