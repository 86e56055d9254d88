import { z } from 'zod';
import type { AttentionBlock, AttentionOnImage, Attribution, Undefined } from '../../core/contracts/index.ts';
import { tensor } from '../../core/tensor.ts';
import { finishCam } from './cam.ts';

/** Whose view of the other tokens is shown, as an option. */
export const rowOption = z
  .enum(['auto', 'class-token', 'mean'])
  .default('auto')
  .describe('whose row is shown: the class token’s, the mean of all tokens’, or by what the model has');

/** Weights of tokens that add up to 1, for the first or for all of them. */
export function startRow(row: 'class-token' | 'mean', tokens: number): Float64Array {
  if (row === 'mean') return new Float64Array(tokens).fill(1 / tokens);
  const start = new Float64Array(tokens);
  start[0] = 1;
  return start;
}

/** The mean over heads of a function of each weight and its gradient (0 where there is none), [tokens, tokens]. */
export function headMean(
  { weights, gradients }: AttentionBlock,
  value: (weight: number, gradient: number) => number,
): Float64Array {
  const [heads = 1, tokens = 0] = weights.shape;
  const size = tokens * tokens;
  const mean = new Float64Array(size);
  for (let i = 0; i < weights.data.length; i++) {
    mean[i % size]! += value(weights.data[i]!, gradients?.data[i] ?? 0) / heads;
  }
  return mean;
}

/** row · matrix, of a row-major square matrix. */
export function rowTimes(row: Float64Array, matrix: Float64Array): Float64Array {
  const n = row.length;
  const out = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    if (row[i] === 0) continue;
    for (let j = 0; j < n; j++) out[j]! += row[i]! * matrix[i * n + j]!;
  }
  return out;
}

/** What a row says of the patches, as a map; tokens beside the patches have no place on it. */
export function patchMap(
  row: Float64Array,
  { grid, extraTokens }: AttentionOnImage,
  spatial: readonly number[],
): Attribution | Undefined {
  const map = tensor(grid, Float32Array.from(row.subarray(extraTokens)));
  return finishCam([{ layer: 'self-attention', map }], spatial, { relu: false });
}
