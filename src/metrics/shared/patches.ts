import {
  type Batch,
  type Cost,
  isUndefined,
  type MetricContext,
  type ModelFacts,
  type Undefined,
  undefinedBecause,
} from '../../core/contracts/index.ts';
import { CtXaiError } from '../../core/errors.ts';
import { fingerprint } from '../../core/fingerprint.ts';
import type { SegmentPixels } from '../../core/image/segmentation.ts';
import { patches } from '../../core/perturbation/partition.ts';
import { removalBatch, removalKey } from '../../core/perturbation/removal.ts';
import { pearson } from '../../core/statistics/correlation.ts';
import { planar } from '../../core/tensor.ts';
import { type PatchOptions, patchCount, patchSize, patchWork } from './patch-options.ts';

type Context = MetricContext<PatchOptions>;

/** An image cut into patches, and what the map gives to each. */
export interface Patches {
  readonly elements: SegmentPixels;
  readonly count: number;
  /** Names the patches in keys of shared work. */
  readonly key: string;
  /** The sum of the map over each patch. */
  readonly sums: Float64Array;
  /** 1 where a regional map came without its regions, so that pixels were summed as they are; else 0. */
  readonly unweighted: number;
}

export function patchesOf(context: MetricContext<Pick<PatchOptions, 'patch' | 'patchPixels'>>): Patches {
  const size = planar(context.attribution.shape);
  const side = patchSize(context.options, context.spacing);
  const elements = patches(size, side);
  const count = elements.start.length - 1;
  const { values, unweighted } = pixelShares(context);
  const sums = new Float64Array(count);
  for (let e = 0; e < count; e++) {
    for (let j = elements.start[e]!; j < elements.start[e + 1]!; j++) sums[e]! += values[elements.pixels[j]!]!;
  }
  return { elements, count, key: side.join('×'), sums, unweighted };
}

/**
 * What pixels add up by. A regional map shows its region's effect on each pixel, so that a pixel's share of it is the
 * value over the number of pixels in the region: else large regions would count by their area.
 */
function pixelShares({ attribution, kind, regions }: MetricContext<unknown>): {
  values: ArrayLike<number>;
  unweighted: number;
} {
  if (kind !== 'regional') return { values: attribution.data, unweighted: 0 };
  if (!regions) return { values: attribution.data, unweighted: 1 };
  const pixels = new Map<number, number>();
  for (const r of regions) pixels.set(r, (pixels.get(r) ?? 0) + 1);
  return { values: Float64Array.from(attribution.data, (v, i) => v / pixels.get(regions[i]!)!), unweighted: 0 };
}

/**
 * The target's score of each image of a batch, shared by all explainers and metrics of the image that name it alike.
 * Undefined where a score is infinite, as that of a saturated probability.
 * @throws CtXaiError MODEL if the model gives NaN
 */
export async function scoresOf(context: Context, key: string, batch: () => Batch): Promise<number[] | Undefined> {
  const { model, target, options, signal } = context;
  const scores = await context.memo(`${key}/${options.score}/${target.class}`, async () => [
    ...(await model.score(batch(), { class: target.class, score: options.score }, { signal })),
  ]);
  if (scores.some(Number.isNaN)) {
    throw new CtXaiError('MODEL', `the model's ${options.score} is not a number.`, {
      hint: 'Check the weights and the intensity steps of its card.',
    });
  }
  return scores.every(Number.isFinite) ? scores : undefinedBecause(`the model's ${options.score} is infinite here`);
}

/** The target's score of the image itself. */
export async function imageScore(context: Context): Promise<number | Undefined> {
  const { image } = context;
  const scores = await scoresOf(context, `image/${fingerprint(image)}`, () => ({
    count: 1,
    write: (_, out) => out.set(image.data),
  }));
  return isUndefined(scores) ? scores : scores[0]!;
}

/** Sets of patches that were removed, and by how much the score fell. */
export interface Drops {
  /** The score of the image. */
  readonly score: number;
  /** [sets, patches]: 0 where a patch was removed, else 1. */
  readonly design: Uint8Array;
  readonly drops: readonly number[];
}

/**
 * Removes each row of a design.
 * @param key names the design
 * @param score of the image, as `imageScore` gives it
 */
export async function dropsOf(
  context: Context,
  { elements, key: patchKey }: Patches,
  key: string,
  design: Uint8Array,
  score: number,
): Promise<Drops | Undefined> {
  const after = await scoresOf(context, `removed/${key}/${patchKey}/${removalKey(context)}`, () =>
    removalBatch(context, elements, design),
  );
  return isUndefined(after) ? after : { score, design, drops: after.map(s => score - s) };
}

/** Random sets of `size` patches, the same for all explainers. */
export function randomSets(context: Context, count: number, size: number, draws: number): Uint8Array {
  const rng = context.rng.fork('sets of patches', count, size);
  const design = new Uint8Array(draws * count).fill(1);
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  for (let d = 0; d < draws; d++) {
    for (let i = 0; i < size; i++) {
      const j = i + rng.int(count - i);
      [order[i], order[j]] = [order[j]!, order[i]!];
      design[d * count + order[i]!] = 0;
    }
  }
  return design;
}

/** Each patch alone, row after row. */
function singleSets(count: number): Uint8Array {
  return Uint8Array.from({ length: count * count }, (_, i) => (i % (count + 1) === 0 ? 0 : 1));
}

/** The map's patches, and what removing each of them alone takes from the score; undefined where that is always the same. */
export async function dropsOfEach(
  context: Context,
): Promise<{ readonly patches: Patches; readonly drops: readonly number[] } | Undefined> {
  const patches = patchesOf(context);
  const score = await imageScore(context);
  if (typeof score !== 'number') return score;
  const found = await dropsOf(context, patches, 'each alone', singleSets(patches.count), score);
  if (isUndefined(found)) return found;
  return flatness(found.drops, score) ?? { patches, drops: found.drops };
}

/** What `dropsOfEach` costs. */
export function costOfEach(options: PatchOptions, input: ModelFacts): Cost {
  const count = patchCount(options, input);
  return {
    forward: 1 + count,
    backward: 0,
    shared: [
      { key: `image/${options.score}`, per: 'image', forward: 1, backward: 0 },
      { key: `each alone/${patchWork(options)}`, per: 'image', forward: count, backward: 0 },
    ],
  };
}

/** What the map gives to the patches that each row of a design removes. */
export function removedSums(design: Uint8Array, sums: Float64Array): number[] {
  const n = sums.length;
  return Array.from({ length: design.length / n }, (_, d) => {
    let sum = 0;
    for (let e = 0; e < n; e++) if (design[d * n + e] === 0) sum += sums[e]!;
    return sum;
  });
}

/** Below this spread of the drops, relative to the score, they are rounding. */
const ROUNDING = 1e-5;

/** Why drops can't be compared with anything; undefined where they can. */
export function flatness(drops: readonly number[], scale: number): Undefined | undefined {
  const [low, high] = [Math.min(...drops), Math.max(...drops)];
  if (high - low > ROUNDING * Math.max(1, Math.abs(scale))) return undefined;
  return undefinedBecause('removing patches changes the score by nothing, or always by the same');
}

/** Values closer together than this share of the largest are equal. */
const EQUAL = 1e-9;

/** A correlation, or null where one side does not vary but by rounding. */
export function correlate(
  x: readonly number[],
  y: readonly number[],
  by: (x: readonly number[], y: readonly number[]) => number | null = pearson,
): number | null {
  const varies = (values: readonly number[]): boolean => {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    return high - low > EQUAL * Math.max(Math.abs(low), Math.abs(high));
  };
  return varies(x) && varies(y) ? by(x, y) : null;
}
