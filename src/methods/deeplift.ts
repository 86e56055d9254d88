import { z } from 'zod';
import { imageBatch } from '../core/batch.ts';
import { type BackwardRules, undefinedBecause } from '../core/contracts/index.ts';
import { defineExplainer } from '../core/define.ts';
import { type Tensor, tensor } from '../core/tensor.ts';
import { type BackwardPass, backwardPasses } from './shared/backward-pass.ts';
import { completeness, SMALL_DIFFERENCE } from './shared/completeness.ts';
import { scoreOption } from './shared/options.ts';

/**
 * DeepLIFT, rescale rule: multipliers m of the image against a reference image b, map m·(x − b), channels summed
 * (Shrikumar et al. 2017). Additive: values sum to f(x) − f(b), also through products, quotients, maxima, softmax and
 * normalisations, for which the paper has no rules. With a `background`, the mean over as many training images in the
 * baseline's place (DeepLIFT-SHAP, Lundberg and Lee 2017).
 *
 * Where the sum is more than 1e-4 off, since products hand their factors far more than they are worth and it would have to
 * cancel, the map is made again with multipliers of products that stay small, and says so.
 *
 * A network with an operator that has no exact multiplier is skipped.
 */
export const deeplift = defineExplainer({
  name: 'deeplift',
  title: 'DeepLIFT',
  summary: 'How each pixel’s difference from the baseline carries the score’s difference through the network.',
  advice:
    'For those who need a map that sums to the score’s difference at the price of one pass, on networks whose operators it knows.',
  cite: 'Shrikumar et al. 2017, arXiv:1704.02685',
  kind: 'additive',
  followsPath: true,
  requires: ['backward-rules'],
  rules: rulesWith('means'),
  needs: o => (o.background > 0 ? ['training-images'] : []),
  baseline: 'air',
  dimensions: [2, 3],
  options: z.strictObject({
    score: scoreOption('margin'),
    background: z
      .int()
      .min(0)
      .max(1000)
      .default(0)
      .describe('training images instead of the baseline; 0: the baseline'),
  }),
  presets: {
    paper: { options: { score: 'logit' } },
    captum: { options: { score: 'logit' }, baseline: 'zero-input' },
  },
  // Twice as many where the sum is off at first.
  cost({ background }) {
    const once = { forward: 2 * Math.max(1, background), backward: Math.max(1, background) };
    return { forward: 2 * once.forward, backward: 2 * once.backward, atMost: true, expected: once };
  },

  async explain(context) {
    const { image, baseline, options, trainingImages } = context;
    const references = options.background > 0 ? await trainingImages(options.background) : [baseline];
    if (references.length === 0) return undefinedBecause('there are no training images for a background');
    const explained = async (products: Products) => {
      const passes = await backwardPasses(context, {
        count: references.length,
        score: options.score,
        rules: rulesWith(products),
        reference: imageBatch(...references),
      });
      const map = meanMap(image, references, passes);
      const before = passes.reduce((sum, { sums }) => sum + sums['reference score']!, 0) / passes.length;
      return { map, diagnostics: completeness(map, passes[0]!.score - before) };
    };
    const first = await explained('means');
    if (gapOf(first) < LARGEST_GAP) return first;
    const second = await explained('bounded');
    if (!(gapOf(second) < gapOf(first) / 2)) return first;
    return { ...second, notes: { products: BOUNDED } };
  },
});

type Products = 'means' | 'bounded';

function rulesWith(products: Products): BackwardRules {
  return { name: 'deeplift', options: { products } };
}

/** Share of the score's difference by which the sum may miss it. */
const LARGEST_GAP = 1e-4;

const BOUNDED =
  'products of two by multipliers of the size of the product: by means of both factors, float32 would lose the sum';

/** How far the sum is off, as a share of the score's difference or, where that is small, of SMALL_DIFFERENCE. */
function gapOf({ diagnostics }: { readonly diagnostics: Readonly<Record<string, number>> }): number {
  const { completenessGap, completenessGapAbsolute = Number.POSITIVE_INFINITY } = diagnostics;
  return completenessGap ?? completenessGapAbsolute / SMALL_DIFFERENCE;
}

/** The mean over references of Σ_c m·(x − b). */
function meanMap(image: Tensor, references: readonly Tensor[], passes: readonly BackwardPass[]): Tensor {
  const map = tensor(image.shape.slice(0, -1));
  const channels = image.shape.at(-1)!;
  const sums = new Float64Array(map.data.length);
  passes.forEach(({ values }, i) => {
    const reference = references[i]!.data;
    values.data.forEach((m, k) => {
      sums[Math.floor(k / channels)]! += (m * (image.data[k]! - reference[k]!)) / passes.length;
    });
  });
  map.data.set(sums);
  return map;
}
