import { z } from 'zod';
import {
  type Cost,
  isUndefined,
  type MetricContext,
  type ModelFacts,
  type Undefined,
  undefinedBecause,
} from '../../../core/contracts/index.ts';
import { type PatchOptions, patchCount, patchOptions, patchWork } from '../../shared/patch-options.ts';
import { type Drops, dropsOf, imageScore, type Patches, randomSets } from '../../shared/patches.ts';

/** Shares of the patches that are removed at once; a tenth is what faithfulness correlation removes. */
const SHARES: readonly number[] = [0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8];

/** What the metrics have in common that read random sets of patches of many sizes. */
export const sizesOptions = z.strictObject({
  subsets: z.int().min(3).max(100_000).default(100).describe('random sets of each size'),
  shares: z
    .array(z.number().positive().max(0.99))
    .min(1)
    .max(50)
    .default([...SHARES])
    .describe('sizes of the sets, as shares of the patches'),
  ...patchOptions,
});

export type SizesOptions = z.output<typeof sizesOptions>;

/** Patches in a set. */
const sizeOf = (share: number, count: number): number => Math.min(count - 1, Math.max(1, Math.round(share * count)));

/** One pass for the image, and one for each set of each size. */
export function sizesCost(options: SizesOptions, input: ModelFacts): Cost {
  const { subsets } = options;
  const count = patchCount(options, input);
  const sizes = [...new Set(options.shares.map(share => sizeOf(share, count)))];
  return {
    forward: 1 + subsets * sizes.length,
    backward: 0,
    atMost: true,
    shared: [
      { key: `image/${options.score}`, per: 'image', forward: 1, backward: 0 },
      ...sizes.map(size => ({
        key: `${subsets} sets of ${size}/${patchWork(options)}`,
        ...{ per: 'image' as const, forward: subsets, backward: 0 },
      })),
    ],
  };
}

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
  const sizes = new Set(shares.map(share => sizeOf(share, count)));
  const found: SetsOfSize[] = [];
  for (const size of [...sizes].sort((a, b) => a - b)) {
    const design = randomSets(context, count, size, draws);
    const sets = await dropsOf(context, patches, `${draws} sets of ${size}`, design, score);
    if (isUndefined(sets)) return sets;
    found.push({ ...sets, size });
  }
  return found;
}
