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

/** Options of the explainers that average maps of noisy copies of the image. */
export const noiseOptions = {
  score: scoreOption('margin'),
  draws: z.int().min(1).max(100_000).default(50).describe('noisy copies of the image'),
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
export const costOfDraws = ({ draws }: NoisyMapOptions, inner: Cost): Cost => ({
  ...inner,
  forward: draws * inner.forward,
  backward: draws * inner.backward,
});

/** The draws that a number of passes pays for, at least `least`. */
export function spendOnDraws<O extends NoisyMapOptions>(passes: number, o: O, inner: Cost, least = 1): O | undefined {
  const draws = Math.min(100_000, Math.floor(passes / Math.max(1, inner.forward + inner.backward)));
  return draws < least ? undefined : { ...o, draws };
}

/** Power means of a pixel's value over the draws: E[g], E[g²], and the third and fourth central moments. */
export interface NoisyMaps {
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

/** How many explanations are asked for at once. */
const AT_ONCE = 8;

/**
 * Maps of x + N(0, σ²), drawn pixel by pixel and copy by copy from `rng`, as moments over the copies. Shared by the
 * explainers of one family through the memo.
 */
export function noisyMaps(context: ExplainContext<readonly [], NoisyMapOptions>): Promise<NoisyMaps | Undefined> {
  const { image, target, options: o, rng, memo, innerKey } = context;
  const compute = () => computeMoments(context);
  if (innerKey === undefined) return compute();
  // The first number of a fork tells the stream; drawing from the stream itself would change it.
  const stream = rng.fork('noisy-maps').next();
  const { draws, sigma, relativeTo, includeImage } = o;
  const key = ['noisy-maps', fingerprint(image), innerKey, target.class, stream];
  return memo(JSON.stringify([...key, draws, sigma, relativeTo, includeImage]), compute);
}

async function computeMoments(context: ExplainContext<readonly [], NoisyMapOptions>): Promise<NoisyMaps | Undefined> {
  const { image, options: o, rng, inner, signal } = context;
  const { draws } = o;
  const scale = scales(context, o.relativeTo).map(range => o.sigma * range);
  const noisy = (i: number): Tensor =>
    o.includeImage && i === draws - 1
      ? image
      : { shape: image.shape, data: image.data.map((v, k) => v + scale[k % scale.length]! * rng.normal()) };

  const sums = momentSums();
  for (let first = 0; first < draws; first += AT_ONCE) {
    signal.throwIfAborted();
    const images = Array.from({ length: Math.min(AT_ONCE, draws - first) }, (_, i) => noisy(first + i));
    const results: (Attribution | Undefined)[] = await Promise.all(images.map(inner));
    for (const result of results) {
      if (isUndefined(result)) return undefinedBecause(`a noisy copy has no map: ${result.undefined}`);
      sums.add(result.map);
    }
  }
  return { ...sums.moments(), draws, sigma: Math.max(...scale) };
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

type Moments = Pick<NoisyMaps, 'shape' | 'mean' | 'variance' | 'third' | 'fourth'>;

/** Moments of each pixel over the maps added, from Σ dᵏ of d = value − first value, which keeps cancellation small. */
function momentSums(): { add(map: Tensor): void; moments(): Moments } {
  const maps: { first?: Tensor; count: number } = { count: 0 };
  let sums: Float64Array[] = [];
  return {
    add(map) {
      maps.first ??= map;
      if (maps.count++ === 0) sums = Array.from({ length: 4 }, () => new Float64Array(map.data.length));
      for (let p = 0; p < map.data.length; p++) {
        const d = map.data[p]! - maps.first.data[p]!;
        for (let k = 0, power = d; k < 4; k++, power *= d) sums[k]![p]! += power;
      }
    },
    moments() {
      const { data, shape } = maps.first!;
      const raw = (k: number, p: number) => sums[k - 1]![p]! / maps.count;
      const by = (value: (m: number, p: number) => number) => Float64Array.from(data, (_, p) => value(raw(1, p), p));
      return {
        shape,
        mean: by((m, p) => data[p]! + m),
        variance: by((m, p) => Math.max(0, raw(2, p) - m * m)),
        third: by((m, p) => raw(3, p) - 3 * m * raw(2, p) + 2 * m ** 3),
        fourth: by((m, p) => Math.max(0, raw(4, p) - 4 * m * raw(3, p) + 6 * m * m * raw(2, p) - 3 * m ** 4)),
      };
    },
  };
}

/**
 * A map from moments, with what is said of it, and the standard errors √(error variance) where draws are independent
 * and more than one.
 */
export function fromMoments(
  { draws, sigma, shape, mean }: NoisyMaps,
  { includeImage }: NoisyMapOptions,
  value: (p: number) => number,
  errorVariance: (p: number) => number,
): Attribution {
  const per = (of: (p: number) => number) =>
    tensor(
      shape,
      Float32Array.from(mean, (_, p) => of(p)),
    );
  return {
    map: per(value),
    ...(draws > 1 && !includeImage ? { standardErrors: per(p => Math.sqrt(Math.max(0, errorVariance(p)))) } : {}),
    diagnostics: { draws, sigma },
  };
}
