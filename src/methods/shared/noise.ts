import { z } from 'zod';
import {
  type Attribution,
  type Cost,
  type ExplainContext,
  type ImageContext,
  isUndefined,
  type Undefined,
  undefinedBecause,
} from '../../core/contracts/index.ts';
import { fingerprint } from '../../core/fingerprint.ts';
import { type Tensor, tensor } from '../../core/tensor.ts';
import { scoreOption } from './options.ts';
import { drawUntil, relativeError, samplingPrecision } from './sampling.ts';

/** Options of the explainers that average maps of noisy copies of the image. */
export const noiseOptions = {
  score: scoreOption('margin'),
  draws: z.int().min(1).max(100_000).default(50).describe('noisy copies of the image, at most'),
  precision: samplingPrecision,
  sigma: z.number().positive().default(0.15).describe('standard deviation of the noise, relative to `relativeTo`'),
  relativeTo: z
    .enum(['window', 'image', 'one'])
    .default('window')
    .describe("sigma is a share of the card's window, of the image's own range, or a value in input space"),
  includeImage: z.boolean().default(false).describe('the last copy is the image without noise'),
};

export type NoisyMapOptions = z.output<z.ZodObject<typeof noiseOptions>>;

/** The gradient, signed: what is averaged unless a suite names another explainer. */
export const signedGradient = ({ score }: NoisyMapOptions) => ({ score, signed: true });

/** As many explanations of the wrapped explainer as there are draws. */
export const costOfDraws = ({ draws, precision }: NoisyMapOptions, { expected: _, ...inner }: Cost): Cost => ({
  ...inner,
  ...(precision !== 'exact' && { atMost: true }),
  forward: draws * inner.forward,
  backward: draws * inner.backward,
});

/** The draws that a number of passes pays for, at least `least`. */
export function spendOnDraws<O extends NoisyMapOptions>(passes: number, o: O, inner: Cost, least = 1): O | undefined {
  const draws = Math.min(100_000, Math.floor(passes / Math.max(1, inner.forward + inner.backward)));
  return draws < least ? undefined : { ...o, draws, precision: 'exact' };
}

/** Power means of a pixel's value over the draws: E[g], E[g²], and the third and fourth central moments. */
interface NoisyMaps {
  readonly draws: number;
  readonly shape: readonly number[];
  /** E[g] */
  readonly mean: Float64Array;
  /** Population variance. */
  readonly variance: Float64Array;
  readonly third: Float64Array;
  readonly fourth: Float64Array;
  /** Largest standard deviation of the noise over channels, in input space. */
  readonly sigma: number;
}

/** How a map, and the variance of its error, follow from the moments, pixel by pixel. */
interface FromMoments {
  value(maps: NoisyMaps, p: number): number;
  errorVariance(maps: NoisyMaps, p: number): number;
}

/** How many explanations are asked for at once. */
const AT_ONCE = 8;
/** Draws before the first look at the error. */
const FIRST_LOOK = 16;

/**
 * The map of maps of x + N(0, σ²), drawn pixel by pixel and copy by copy from `rng`, from its moments over the copies,
 * which the explainers of one family share through the memo. Standard errors are the roots of the error variance, where
 * draws are independent and more than one; with a number as `precision` they say when to stop.
 */
export async function mapOfNoisyMaps(
  context: ExplainContext<readonly [], NoisyMapOptions>,
  from: FromMoments,
  reject: (maps: NoisyMaps) => Undefined | undefined = () => undefined,
): Promise<Attribution | Undefined> {
  const { image, target, options: o, rng, memo, innerKey } = context;
  const { sigma, relativeTo, includeImage } = o;
  const scale = scales(context, relativeTo).map(range => sigma * range);
  // The first number of a fork tells the stream; drawing from the stream itself would change it.
  const stream = rng.fork('noisy-maps').next();
  const key = ['noisy-maps', fingerprint(image), innerKey, target.class, stream, sigma, relativeTo];
  const draw = drawing(context, scale);
  const seen: { sums?: MomentSums; failed?: Undefined } = {};
  const maps = (): NoisyMaps => ({ ...momentsOf(seen.sums!), sigma: Math.max(...scale) });
  const valuesOf = (found: NoisyMaps) => found.mean.map((_, p) => from.value(found, p));
  const errorsOf = (found: NoisyMaps) => found.mean.map((_, p) => Math.sqrt(Math.max(0, from.errorVariance(found, p))));

  const { draws, ...reached } = await drawUntil(
    // A copy without noise is no independent draw.
    { most: o.draws, precision: includeImage ? 'exact' : o.precision, first: FIRST_LOOK },
    async (first, end) => {
      if (seen.failed) return;
      const before = seen.sums;
      const compute = () => draw(before, first, end);
      const name = JSON.stringify([...key, end, includeImage && o.draws]);
      const found = await (innerKey === undefined ? compute() : memo(name, compute));
      if (isUndefined(found)) seen.failed = found;
      else seen.sums = found;
    },
    {
      error: () => (seen.failed ? undefined : relativeError(errorsOf(maps()), valuesOf(maps()))),
      values: () => (seen.failed ? undefined : valuesOf(maps())),
    },
  );
  if (seen.failed) return seen.failed;
  const found = maps();
  const rejected = reject(found);
  if (rejected) return rejected;
  const map = (values: Float64Array) => tensor(found.shape, Float32Array.from(values));
  return {
    map: map(valuesOf(found)),
    ...(draws > 1 && !includeImage ? { standardErrors: map(errorsOf(found)) } : {}),
    diagnostics: { draws, sigma: found.sigma, ...reached },
  };
}

/** Adds the maps of the copies `first` … `end` − 1 to sums, which stay as they are. */
function drawing(context: ExplainContext<readonly [], NoisyMapOptions>, scale: readonly number[]) {
  const { image, options: o, rng, inner, signal } = context;
  let drawn = 0;
  const noisy = (i: number): Tensor => {
    // Copies whose maps another explainer has made are drawn all the same, so that the next are what they would be.
    for (; drawn < i; drawn++) for (let k = 0; k < image.data.length; k++) rng.normal();
    if (o.includeImage && i === o.draws - 1) return image;
    drawn++;
    return { shape: image.shape, data: image.data.map((v, k) => v + scale[k % scale.length]! * rng.normal()) };
  };
  return async (before: MomentSums | undefined, first: number, end: number): Promise<MomentSums | Undefined> => {
    let sums = before;
    for (let at = first; at < end; at += AT_ONCE) {
      signal.throwIfAborted();
      const images = Array.from({ length: Math.min(AT_ONCE, end - at) }, (_, i) => noisy(at + i));
      const results: (Attribution | Undefined)[] = await Promise.all(images.map(inner));
      for (const result of results) {
        if (isUndefined(result)) return undefinedBecause(`a noisy copy has no map: ${result.undefined}`);
        sums = withMap(sums, result.map, sums === before);
      }
    }
    return sums!;
  };
}

/** Per channel, the range that sigma is a share of. */
function scales({ image, windowRange }: ImageContext, relativeTo: NoisyMapOptions['relativeTo']): readonly number[] {
  if (relativeTo === 'one') return [1];
  if (relativeTo === 'window' && windowRange) return windowRange.map(Math.abs);
  let [low, high] = [Infinity, -Infinity];
  for (const v of image.data) {
    if (v < low) low = v;
    if (v > high) high = v;
  }
  return [high - low];
}

/** For each pixel Σ dᵏ, k = 1 … 4, over the maps added, of d = value − first value, which keeps cancellation small. */
interface MomentSums {
  readonly first: Tensor;
  readonly count: number;
  readonly powers: readonly Float64Array[];
}

/** The sums with one map more. `copy`: those given are kept for others. */
function withMap(sums: MomentSums | undefined, map: Tensor, copy: boolean): MomentSums {
  const first = sums?.first ?? map;
  const powers = Array.from({ length: 4 }, (_, k) => {
    const known = sums?.powers[k];
    return known ? (copy ? known.slice() : known) : new Float64Array(map.data.length);
  });
  for (let p = 0; p < map.data.length; p++) {
    const d = map.data[p]! - first.data[p]!;
    for (let k = 0, power = d; k < 4; k++, power *= d) powers[k]![p]! += power;
  }
  return { first, count: (sums?.count ?? 0) + 1, powers };
}

function momentsOf({ first, count, powers }: MomentSums): Omit<NoisyMaps, 'sigma'> {
  const { data, shape } = first;
  const raw = (k: number, p: number) => powers[k - 1]![p]! / count;
  const by = (value: (m: number, p: number) => number) => Float64Array.from(data, (_, p) => value(raw(1, p), p));
  return {
    draws: count,
    shape,
    mean: by((m, p) => data[p]! + m),
    variance: by((m, p) => Math.max(0, raw(2, p) - m * m)),
    third: by((m, p) => raw(3, p) - 3 * m * raw(2, p) + 2 * m ** 3),
    fourth: by((m, p) => Math.max(0, raw(4, p) - 4 * m * raw(3, p) + 6 * m * m * raw(2, p) - 3 * m ** 4)),
  };
}
