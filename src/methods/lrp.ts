import { z } from 'zod';
import { type Undefined, undefinedBecause } from '../core/contracts/index.ts';
import { defineExplainer } from '../core/define.ts';
import { channelSum } from '../core/image/channels.ts';
import { backwardPass } from './shared/backward-pass.ts';
import { inputBox } from './shared/input-box.ts';
import { scoreOption } from './shared/options.ts';

const COMPOSITES = [
  'epsilon-plus-flat',
  'epsilon-plus',
  'epsilon',
  'epsilon-gamma-box',
  'alpha2-beta1',
  'gamma',
] as const;

/**
 * Layer-wise relevance propagation: the score is handed back layer by layer, each element getting its share of what it
 * helped to make; the rules of the layers are a composite (Bach et al. 2015; Kohlbrenner et al. 2020). Channels summed.
 * Attention and layer normalisation have the rules of AttnLRP with every composite (Achtibat et al. 2024): softmax by its
 * first-order Taylor expansion, half to each factor of a product of two, and all to what a normalisation divides.
 *
 * Biases, stabilisers, softmax and normalisations keep or add relevance, so that values sum to the score only about:
 * `conservation` is Σ map / R_out; `conservationLowest` and `conservationHighest` are the same below the layer where it is
 * lowest and highest, which the notes name.
 */
export const lrp = defineExplainer({
  name: 'lrp',
  title: 'Layer-wise relevance propagation',
  summary: 'The score handed back through the layers, to each pixel the share that it contributed.',
  advice:
    'For those who want to follow relevance through the layers of a network, a transformer’s too; report the composite, since the map depends on it.',
  cite: 'Bach et al. 2015, doi:10.1371/journal.pone.0130140; attention: Achtibat et al. 2024, arXiv:2402.05602',
  kind: 'additive',
  requires: ['backward-rules'],
  rules: ({ score: _, low, high, ...others }) => ({
    name: 'lrp',
    options: { ...others, ...(low === undefined ? {} : { low }), ...(high === undefined ? {} : { high }) },
  }),
  dimensions: [2, 3],
  options: z.strictObject({
    score: scoreOption('margin'),
    composite: z
      .enum(COMPOSITES)
      .default('epsilon-plus-flat')
      .describe('rules for first layer, convolutions, dense layers'),
    epsilon: z.number().min(0).default(1e-6).describe('dense layers: absorbs weak and contradictory relevance'),
    gamma: z
      .number()
      .min(0)
      .default(0.25)
      .describe('epsilon-gamma-box, gamma: how far positive weights of convolutions are favoured'),
    denseGamma: z
      .number()
      .min(0)
      .default(0.05)
      .describe('gamma: how far positive weights of dense layers are favoured'),
    low: z.number().optional().describe("epsilon-gamma-box: lowest input value; default: the card's window"),
    high: z.number().optional().describe("epsilon-gamma-box: highest input value; default: the card's window"),
    batchNorm: z
      .enum(['linear', 'pass'])
      .default('linear')
      .describe('batch normalisation without a layer before it: a linear layer, or left out'),
    attention: z
      .enum(['halves', 'values'])
      .default('halves')
      .describe('attention times values: half to each (AttnLRP), or all to the values (CP-LRP)'),
    seed: z.enum(['score', 'one']).default('score').describe('what the relevance at the output is'),
  }),
  presets: {
    zennit: { options: { score: 'logit', batchNorm: 'pass', seed: 'one' } },
    attnlrp: { options: { score: 'logit', composite: 'gamma' } },
  },
  cost: () => ({ forward: 1, backward: 1 }),

  async explain(context) {
    const { score, low, high, ...others } = context.options;
    const box = others.composite === 'epsilon-gamma-box' ? inputBox(context, { low, high }) : {};
    if ('undefined' in box) return box as Undefined;
    const { values, sums } = await backwardPass(context, score, { name: 'lrp', options: { ...others, ...box } });
    const map = channelSum(values);
    const start = sums['scores'];
    if (start === undefined || start === 0) return undefinedBecause('the relevance at the scores is zero');
    const total = map.data.reduce((a, b) => a + b, 0);
    const layers = Object.entries(sums).sort(([, a], [, b]) => a / start - b / start);
    const [[lowest, least], [highest, most]] = [layers[0]!, layers.at(-1)!];
    return {
      map,
      diagnostics: {
        conservation: total / start,
        conservationLowest: least / start,
        conservationHighest: most / start,
      },
      notes: { lowestAt: lowest, highestAt: highest },
    };
  },
});
