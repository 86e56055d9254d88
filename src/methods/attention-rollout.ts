import { z } from 'zod';
import { imageBatch } from '../core/batch.ts';
import { defineExplainer } from '../core/define.ts';
import { headMean, patchMap, rowOption, rowTimes, startRow } from './shared/attention.ts';

/**
 * Attention rollout: the product of ½ E_heads[A] + ½ I over all blocks, rows normalised, the last block leftmost; shown is
 * the class token's row, or the mean row where there is no class token (Abnar and Zuidema 2020, section 3). It knows
 * nothing of the class, and takes attention for flow of information, which values and dense layers also steer.
 */
export const attentionRollout = defineExplainer({
  name: 'attention-rollout',
  title: 'Attention rollout',
  summary: 'Where the attention of all blocks together comes from: the same map for every class.',
  advice: 'For comparison with older work on vision transformers; it is the same for every class.',
  cite: 'Abnar and Zuidema 2020, arXiv:2005.00928',
  kind: 'ranking',
  classBlind: true,
  requires: ['attention'],
  options: z.strictObject({ row: rowOption }),
  cost: () => ({ forward: 1, backward: 0 }),

  async explain({ model, image, options, signal }) {
    const found = await model.attention(imageBatch(image), undefined, { signal });
    const tokens = found.blocks[0]!.weights.shape[1]!;
    const byModel = found.extraTokens > 0 ? 'class-token' : 'mean';
    let row = startRow(options.row === 'auto' ? byModel : options.row, tokens);
    for (const block of found.blocks.toReversed()) row = rowTimes(row, mixed(headMean(block, weight => weight)));
    return patchMap(row, found, model.input.spatial);
  },
});

/** ½ A + ½ I, rows to a sum of 1. */
function mixed(mean: Float64Array): Float64Array {
  const n = Math.sqrt(mean.length);
  for (let i = 0; i < n; i++) {
    const row = mean.subarray(i * n, (i + 1) * n);
    row[i]! += 1;
    const total = row.reduce((a, b) => a + b, 0);
    for (let j = 0; j < n; j++) row[j]! /= total;
  }
  return mean;
}
