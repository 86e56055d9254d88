import { CtXaiError } from '../../core/errors.ts';
import type { NetworkRunner } from './network-runner.ts';

/** Raw outputs of some images in one pass: a row for each index. */
export type Run = (indices: readonly number[], images: readonly Float32Array[]) => Promise<Float32Array[]>;

/** Passes of a runner; one holds as many images as its micro-batch. */
export function runOf(runner: Pick<NetworkRunner, 'forward'>): Run {
  return async (indices, images) => {
    const rows: Float32Array[] = [];
    const batch = { count: indices.length, write: (i: number, out: Float32Array) => out.set(images[indices[i]!]!) };
    await runner.forward(batch, (i, raw) => {
      rows[i] = raw.slice();
    });
    return rows;
  };
}

/** Scores of each image alone. */
export async function eachAlone(run: Run, images: readonly Float32Array[]): Promise<Float32Array[]> {
  const rows: Float32Array[] = [];
  for (const i of images.keys()) rows.push((await run([i], images))[0]!);
  return rows;
}

/** A batch of `count` images, two or more, of four: the first one stands at the second place. */
export function mixedOrder(count: number): number[] {
  return Array.from({ length: count }, (_, i) => (3 * i + 1) % 4);
}

/** What images do to each other's scores, as shares of the largest score. */
export interface BesideOthers {
  /** By image, each run alone (or, where the batch is fixed, in a batch of copies). */
  readonly alone: readonly Float32Array[];
  /** How far scores in a batch are from those alone. */
  readonly batchError: number;
  /** How far an image's scores move when the others of its batch are replaced by images of a hundredfold contrast. */
  readonly neighbourError: number;
}

/**
 * Runs images in batches and compares their scores with those alone. The last batch is run again with neighbours of
 * other contrasts beside image 0: an operator over the batch may change nothing among ordinary images.
 * @param orders the images of each batch; the last one holds image 0
 */
export async function besideOthers(
  run: Run,
  images: readonly Float32Array[],
  alone: readonly Float32Array[],
  orders: readonly (readonly number[])[],
  contrasts: readonly number[],
): Promise<BesideOthers> {
  const scale = largest(alone);
  let [batchError, neighbourError] = [0, 0];
  for (const [k, rows] of orders.entries()) {
    const together = await run(rows, images);
    for (const [row, i] of rows.entries()) {
      batchError = Math.max(batchError, difference(together[row]!, alone[i]!) / scale);
    }
    if (k < orders.length - 1) continue;
    for (const contrast of contrasts) {
      const others = images.map((image, i) => (i === 0 ? image : image.map(v => contrast * v)));
      const beside = await run(rows, others);
      const moved = rows.map((i, row) => (i === 0 ? difference(beside[row]!, together[row]!) / scale : 0));
      neighbourError = Math.max(neighbourError, ...moved);
    }
  }
  return { alone, batchError, neighbourError };
}

/** What is judged, and what rounding may do, as shares of the largest score. */
export interface MixingLimits {
  readonly file: string;
  /** Images of a batch, where the file says so. */
  readonly fixed?: number | undefined;
  /** Kernels for one image and for several round differently, by less than this. */
  readonly independent: number;
  /** Beside other images, in a batch of the same size, scores have the same bits, or differ by less than this. */
  readonly unmoved: number;
}

/**
 * That images must be run one by one, as a warning; undefined where they need not.
 * @throws CtXaiError MODEL where they must be, and can't be or have no meaning alone
 */
export function mixingOf(
  { batchError, neighbourError, alone }: BesideOthers,
  { file, fixed, independent, unmoved }: MixingLimits,
): string | undefined {
  if (batchError <= independent && neighbourError <= unmoved) return undefined;
  const by = percent(Math.max(batchError, neighbourError));
  const what = `images of one batch change each other's scores, by up to ${by} of the largest score`;
  const hint =
    'Some operator works across the batch, such as a softmax, mean or minimum over dimension 0. Export the model so ' +
    'that it treats each image by itself.';
  if (fixed !== undefined) {
    throw new CtXaiError('MODEL', `${file}: ${what}, and its batch is fixed at ${fixed}.`, { hint });
  }
  if (alone.every(row => difference(row, alone[0]!) <= 1e-6 * largest(alone))) {
    throw new CtXaiError('MODEL', `${file}: ${what}, and alone every image gets the same scores.`, { hint });
  }
  return `In this model ${what}. Each image is therefore run in a batch of its own.`;
}

export function largest(rows: readonly Float32Array[]): number {
  return Math.max(1e-6, ...rows.flatMap(row => [...row].filter(Number.isFinite).map(Math.abs)));
}

/** The largest difference; NaN and infinities differ from all but themselves. */
export function difference(a: Float32Array, b: Float32Array): number {
  let most = a.length === b.length ? 0 : Number.POSITIVE_INFINITY;
  for (let i = 0; i < b.length; i++) {
    if (Object.is(a[i], b[i])) continue;
    const d = Math.abs(a[i]! - b[i]!);
    most = Math.max(most, Number.isNaN(d) ? Number.POSITIVE_INFINITY : d);
  }
  return most;
}

export const percent = (share: number) => `${Number((100 * share).toPrecision(2))} %`;
