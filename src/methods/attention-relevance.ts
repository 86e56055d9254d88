import { z } from 'zod';
import { imageBatch } from '../core/batch.ts';
import { type AttentionBlock, isUndefined, undefinedBecause } from '../core/contracts/index.ts';
import { defineExplainer } from '../core/define.ts';
import { headMean, patchMap, rowOption, rowTimes, startRow } from './shared/attention.ts';
import { scoreOption } from './shared/options.ts';

/**
 * Relevance through attention: R ← R + E_heads[(A ⊙ ∂s/∂A)⁺] R from the first block to the last, R = I at first; shown
 * is the row of the token that the score is read from, without that token itself (Chefer et al. 2021, equations 5, 6 and
 * 10). By default these are the tokens whose attention the score depends on in the last block, which is measured: the
 * class token alone, or all where the model averages them; several are averaged.
 *
 * Undefined where no weight of attention speaks for the class.
 */
export const attentionRelevance = defineExplainer({
  name: 'attention-relevance',
  title: 'Attention relevance',
  summary: 'How much of the score comes from each patch of a vision transformer, through its attention blocks.',
  advice:
    'For vision transformers, where class activation maps have no layer; it shows what speaks for the class only.',
  cite: 'Chefer et al. 2021, arXiv:2103.15679',
  kind: 'ranking',
  requires: ['attention'],
  options: z.strictObject({ score: scoreOption('margin'), row: rowOption }),
  presets: { paper: { options: { score: 'logit', row: 'class-token' } } },
  cost: () => ({ forward: 1, backward: 1 }),

  async explain({ model, image, target, options, signal }) {
    const asked = { class: target.class, score: options.score };
    const found = await model.attention(imageBatch(image), asked, { signal });
    const last = found.blocks.at(-1)!;
    let row = options.row === 'auto' ? readRow(last) : startRow(options.row, last.weights.shape[1]!);
    if (!row) return undefinedBecause('the score does not depend on the attention of the last block');
    // Σ of one row of products, from the last factor on: what a row needs of R, and no more.
    for (const block of found.blocks.toReversed()) {
      const added = rowTimes(
        row,
        headMean(block, (weight, gradient) => Math.max(0, weight * gradient)),
      );
      row = row.map((v, j) => v + added[j]!);
    }
    const map = patchMap(row, found, model.input.spatial);
    return isUndefined(map) ? undefinedBecause('no weight of attention speaks for the class') : map;
  },
});

/** The tokens whose attention the score depends on, each alike; undefined where there are none. */
function readRow({ gradients }: AttentionBlock): Float64Array | undefined {
  const tokens = gradients!.shape[1]!;
  const reads = new Float64Array(tokens);
  gradients!.data.forEach((g, i) => {
    const token = Math.floor(i / tokens) % tokens;
    reads[token] = Math.max(reads[token]!, Math.abs(g));
  });
  const most = Math.max(...reads);
  const chosen = reads.map(v => (v > 1e-6 * most ? 1 : 0));
  const count = chosen.reduce((a, b) => a + b, 0);
  return count === 0 ? undefined : chosen.map(v => v / count);
}
