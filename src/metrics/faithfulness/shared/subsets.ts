import { isUndefined, type MetricContext, type Undefined, undefinedBecause } from '../../../core/contracts/index.ts';
import type { PatchOptions } from '../../shared/patch-options.ts';
import { type Drops, dropsOf, imageScore, type Patches, randomSets } from '../../shared/patches.ts';

/** Shares of the patches that are removed at once; a tenth is what faithfulness correlation removes. */
export const SHARES: readonly number[] = [0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8];

/** Random sets of one size. */
export interface SetsOfSize extends Drops {
  readonly size: number;
}

/**
 * Random sets of the sizes that some shares of the patches make, each size once, from the smallest. All metrics that ask
 * for as many sets of one size read the same ones.
 */
export async function setsOfSizes(
  context: MetricContext<PatchOptions>,
  patches: Patches,
  shares: readonly number[],
  draws: number,
): Promise<SetsOfSize[] | Undefined> {
  const { count } = patches;
  if (count < 3) return undefinedBecause('the image has fewer than three patches');
  const score = await imageScore(context);
  if (typeof score !== 'number') return score;
  const sizes = new Set(shares.map(share => Math.min(count - 1, Math.max(1, Math.round(share * count)))));
  const found: SetsOfSize[] = [];
  for (const size of [...sizes].sort((a, b) => a - b)) {
    const design = randomSets(context, count, size, draws);
    const sets = await dropsOf(context, patches, `${draws} sets of ${size}`, design, score);
    if (isUndefined(sets)) return sets;
    found.push({ ...sets, size });
  }
  return found;
}
