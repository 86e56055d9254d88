import { z } from 'zod';
import type { ModelVariant, VariantMap } from '../../../core/contracts/index.ts';
import { ssim } from '../../../core/image/ssim.ts';
import { spearman } from '../../../core/statistics/correlation.ts';
import { mapDefect, type Tensor, tensor } from '../../../core/tensor.ts';

/** How many times weights are redrawn. */
export const seedsOption = z.int().min(1).max(50).default(3).describe('times that the weights are redrawn');

/** Weights redrawn from the output down to each of `depths` equal shares of the depth; the last is all of it. */
export function randomisedVariants(depths: number, seeds: number): ModelVariant[] {
  return Array.from({ length: depths }, (_, d) =>
    Array.from({ length: seeds }, (_, seed) => ({ kind: 'randomised' as const, depth: (d + 1) / depths, seed })),
  ).flat();
}

/** A map that can be compared, under weights that were redrawn. */
export interface RandomisedMap {
  readonly depth: number;
  readonly map: Tensor;
}

/** Maps under redrawn weights, without those that are constant or missing, and the reason of the first that is. */
export function randomisedMaps(variants: readonly VariantMap[]): { maps: RandomisedMap[]; reason: string } {
  const maps: RandomisedMap[] = [];
  let reason = '';
  for (const { variant, map, reason: why } of variants) {
    if (variant.kind !== 'randomised') continue;
    const defect = map ? mapDefect(map) : (why ?? 'there is none');
    if (map && defect === null) maps.push({ depth: variant.depth, map });
    else reason ||= defect ?? '';
  }
  return { maps, reason: reason || 'no map under other weights was made' };
}

/** Magnitudes as a share of the largest: what structural similarity compares. */
export function magnitudes(map: Tensor): Tensor {
  const largest = map.data.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  return tensor(
    map.shape,
    map.data.map(v => Math.abs(v) / largest),
  );
}

/** How alike two maps are: structural similarity of the magnitudes, and rank correlation of the signed values. */
export function likeness(a: Tensor, b: Tensor): { readonly ssim: number | null; readonly spearman: number | null } {
  return { ssim: ssim(magnitudes(a), magnitudes(b)), spearman: spearman([...a.data], [...b.data]) };
}

export function meanOf(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
