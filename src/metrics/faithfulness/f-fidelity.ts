import { z } from 'zod';
import {
  isUndefined,
  type MetricContext,
  type ModelVariant,
  type Undefined,
  undefinedBecause,
} from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { priorityField, rankByField } from '../../core/perturbation/order.ts';
import { removalBatch } from '../../core/perturbation/removal.ts';
import { predictsByProbability } from '../../core/predicts.ts';
import { patchSizeOptions } from '../shared/patch-options.ts';
import { type Patches, patchesOf } from '../shared/patches.ts';

const options = z.strictObject({
  weights: z
    .string()
    .min(1)
    .optional()
    .describe(
      'file of weights that were trained further on images with random masks; none: what `ct-xai train --further` keeps beside the model',
    ),
  shares: z
    .array(z.number().min(0.01).max(0.99))
    .min(1)
    .max(50)
    .default([0.1, 0.2, 0.3, 0.4, 0.5])
    .describe('shares of the patches that are called the explanation'),
  draws: z
    .int()
    .min(1)
    .max(10_000)
    .default(10)
    .describe('random removals for each share, from the explanation and the rest'),
  alpha: z
    .number()
    .positive()
    .max(1)
    .default(0.5)
    .describe('share of the smaller of explanation and rest that is removed'),
  beta: z
    .number()
    .positive()
    .max(1)
    .default(0.1)
    .describe('share of all patches that is removed at most: as many as masks hid while the weights were trained'),
  ...patchSizeOptions,
});

type Options = z.output<typeof options>;

const MASKED: ModelVariant = { kind: 'trained', training: 'masked' };

/** Probabilities that differ by less are the same but for rounding. */
const ROUNDING = 1e-6;

/**
 * What random parts of the explanation do to the score, beyond what as many patches of the rest do (Zheng et al. 2024):
 * FFid⁺ − FFid⁻, the mean of p(x without k patches of the rest) − p(x without k patches of the explanation), on a copy of
 * the model that was trained further on images with random masks, so that removals are nothing new to it. Explanations
 * are the first patches of the map, for several shares s; k = min(α s, α (1 − s), β) of all patches, the same for both
 * sides (in the paper each side has its own), so that a map that knows nothing has 0.
 *
 * Details: `positive`, FFid⁺; `negative`, FFid⁻; `probability` p(x) of the copy.
 */
export const fFidelity = defineMetric({
  name: 'f-fidelity',
  title: 'F-fidelity',
  summary: 'What random parts of the explanation do to a model that was trained on masks, beyond as many of the rest.',
  cite: 'Zheng et al., F-Fidelity: a robust framework for faithfulness evaluation of explainable AI, 2024, arXiv:2410.02970',
  category: 'faithfulness',
  better: 'higher',
  range: [-1, 1],
  chance: 0,
  undefinedWhen:
    'there are no weights trained on random masks, or their AUC is lower by more than 0.02; the copy does not predict the class explained, or no removal changes its score',
  criticism:
    'It judges the map by another model than the one explained: training further may change what is used. The fine-tuned ' +
    'copy knows masks of one size and fill only.',
  criticismSource: 'by algebra; Hooker et al. 2019, arXiv:1806.10758, meet the same objection by training again',
  needs: ['weights'],
  needsClasses: 'it follows a probability',
  baseline: 'air',
  options,
  checks: {
    options: { draws: 4, patchPixels: 4 },
    skip: {
      'prefers a right map to random ones': 'the other weights there are another network, of which nothing is known',
    },
  },
  cost: ({ shares, draws }) => ({
    forward: 1 + 2 * shares.length * draws,
    backward: 0,
    atMost: true,
  }),
  async evaluate(context) {
    const { weights } = context.options;
    const copy = weights === undefined ? MASKED : { kind: 'file' as const, file: weights };
    const patches = patchesOf(context);
    if (patches.count < 4) return undefinedBecause('the image has fewer than four patches');
    const designs = designsOf(context, patches);
    const scored = await context.onVariant(copy, model => scores(context, patches, designs, model));
    if (isUndefined(scored)) return scored;
    const [probability, ...after] = scored;
    if (Math.max(...scored) - Math.min(...scored) < ROUNDING) {
      return undefinedBecause('no removal changes the score of the copy');
    }
    const mean = (start: number) => {
      const values = after.filter((_, i) => i % 2 === start);
      return values.reduce((a, b) => a + b, 0) / values.length;
    };
    const [explanation, rest] = [mean(0), mean(1)];
    return {
      value: rest - explanation,
      details: { positive: probability! - explanation, negative: probability! - rest, probability: probability! },
    };
  },
});

/** [removals, patches]: in turn from the explanation and from the rest; 0 where a patch is removed. */
function designsOf({ options: o, rng }: MetricContext<Options>, { count, sums, elements }: Patches): Uint8Array {
  const means = sums.map((sum, e) => sum / (elements.start[e + 1]! - elements.start[e]!));
  const { order } = rankByField(means, priorityField(count, rng.fork('ties', count, 0)));
  const rows: Uint8Array[] = [];
  for (const share of o.shares) {
    const first = Math.min(count - 1, Math.max(1, Math.round(share * count)));
    const smaller = Math.min(first, count - first);
    const size = Math.max(1, Math.min(smaller, Math.round(Math.min(o.alpha * smaller, o.beta * count))));
    for (let d = 0; d < o.draws; d++) {
      for (const [start, end] of [
        [0, first],
        [first, count],
      ] as const) {
        const ranks = Array.from({ length: end - start }, (_, i) => start + i);
        const row = new Uint8Array(count).fill(1);
        // Drawn by rank: the same for all maps.
        for (const r of rng.fork('removals', share, d, start).shuffle(ranks).slice(0, size)) row[order[r]!] = 0;
        rows.push(row);
      }
    }
  }
  const design = new Uint8Array(rows.length * count);
  rows.forEach((row, i) => {
    design.set(row, i * count);
  });
  return design;
}

/** The copy's probability of the image, and after each removal. */
async function scores(
  context: MetricContext<Options>,
  { elements, count }: Patches,
  design: Uint8Array,
  model: MetricContext<Options>['model'],
): Promise<number[] | Undefined> {
  const { target, signal } = context;
  const whole = new Uint8Array(count).fill(1);
  const batch = removalBatch(context, elements, Uint8Array.from([...whole, ...design]));
  const { data } = await model.scores(batch, { as: 'probability', signal });
  const classes = model.classes.length;
  const predicted = predictsByProbability(model, data.subarray(0, classes), target.class);
  if (!predicted) return undefinedBecause('the copy does not predict the class explained');
  const found = Array.from({ length: batch.count }, (_, i) => data[i * classes + target.class]!);
  return found.every(Number.isFinite) ? found : undefinedBecause('the copy gives no finite probability');
}
