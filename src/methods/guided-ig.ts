import { z } from 'zod';
import { imageBatch } from '../core/batch.ts';
import type { ExplainContext } from '../core/contracts/index.ts';
import { defineExplainer } from '../core/define.ts';
import { channelSum } from '../core/image/channels.ts';
import type { Tensor } from '../core/tensor.ts';
import { completeness } from './shared/completeness.ts';
import { inputGradient } from './shared/input-gradient.ts';
import { scoreOption } from './shared/options.ts';

/** How near to the wanted distance is near enough, relative and absolute, as PAIR has it. */
const NEAR = 1e-9;

const options = z.strictObject({
  score: scoreOption('margin'),
  steps: z.int().min(1).max(10_000).default(200).describe('steps from the baseline to the image, one after the other'),
  fraction: z.number().gt(0).max(1).default(0.25).describe('share of the values that move at once, the flattest first'),
  maxDistance: z
    .number()
    .min(0)
    .max(1)
    .default(0.02)
    .describe('how far a value may be from the straight path, as a share of it; 0: integrated gradients'),
});

type Context = ExplainContext<readonly ['gradients'], z.output<typeof options>>;

/**
 * Guided integrated gradients: at each step from the baseline to the image, the values with the smallest gradients move
 * first, within a band around the straight path, so that the path keeps out of steep places that have nothing to do
 * with the image (Kapishnikov et al. 2021, algorithm 1). Additive: values sum to f(x) − f(b), up to the completeness
 * gap, which the diagnostics give; it can be large, since every step goes by the gradient at its beginning.
 */
export const guidedIg = defineExplainer({
  name: 'guided-ig',
  title: 'Guided integrated gradients',
  summary: 'Gradients summed along a path from the baseline to the image that keeps away from steep places.',
  advice: 'For those to whom integrated gradients looks noisy; check the completeness gap that it reports.',
  cite: 'Kapishnikov et al. 2021, arXiv:2106.09788',
  kind: 'additive',
  followsPath: true,
  requires: ['gradients'],
  baseline: 'air',
  dimensions: [2, 3],
  options,
  presets: { pair: { options: { score: 'logit' }, baseline: 'zero-input' } },
  checks: { options: { steps: 30 } },
  cost: ({ steps }) => ({ forward: steps + 2, backward: steps }),
  spend(passes, o) {
    const steps = Math.min(10_000, Math.floor((passes - 2) / 2));
    return steps < 1 ? undefined : { ...o, steps };
  },

  async explain(context) {
    const { model, image, baseline, target, options: o, signal } = context;
    const score = { class: target.class, score: o.score };
    const [at = 0, before = 0] = await model.score(imageBatch(image, baseline), score, { signal });
    const map = channelSum({ shape: image.shape, data: await followPath(context) });
    return { map, diagnostics: { steps: o.steps, ...completeness(map, at - before) } };
  },
});

/** Σ over all moves of the gradient times the move, [...spatial, channels]. */
async function followPath(context: Context): Promise<Float64Array> {
  const { image, baseline, options: o } = context;
  const path = new GuidedPath(image, baseline, o);
  const sum = new Float64Array(image.data.length);
  for (let step = 1; step <= o.steps; step++) {
    const at: Tensor = { shape: image.shape, data: Float32Array.from(path.at) };
    const gradient = (await inputGradient({ ...context, image: at }, o.score)).data;
    const from = path.at.slice();
    path.advance(gradient, step / o.steps);
    for (let k = 0; k < sum.length; k++) sum[k]! += gradient[k]! * (path.at[k]! - from[k]!);
  }
  return sum;
}

/** A point on its way from the baseline to the image. */
class GuidedPath {
  /** Where it is. */
  readonly at: Float64Array;
  readonly #image: Float32Array;
  readonly #baseline: Float32Array;
  readonly #options: Context['options'];
  readonly #length: number;

  constructor(image: Tensor, baseline: Tensor, options: Context['options']) {
    this.#image = image.data;
    this.#baseline = baseline.data;
    this.#options = options;
    this.at = Float64Array.from(baseline.data);
    this.#length = this.#distance();
  }

  /** Moves values, those of the smallest gradients first, until the share `alpha` of the L1 distance is behind it. */
  advance(gradient: ArrayLike<number>, alpha: number): void {
    const { fraction, maxDistance } = this.#options;
    const [low, high] = [Math.max(0, alpha - maxDistance), Math.min(1, alpha + maxDistance)];
    const target = this.#length * (1 - alpha);
    const size = Float64Array.from({ length: this.at.length }, (_, k) => Math.abs(gradient[k]!));
    for (;;) {
      this.#catchUp(low);
      const left = this.#distance() - target;
      if (left <= NEAR * Math.max(this.#length, 1)) return;
      // What has reached the end of the band takes no part.
      for (let k = 0; k < size.length; k++)
        if (this.at[k] === this.#between(k, high)) size[k] = Number.POSITIVE_INFINITY;
      const threshold = lowerQuantile(size, fraction);
      const moving = Array.from(size.keys()).filter(k => size[k]! <= threshold && size[k]! < Number.POSITIVE_INFINITY);
      const reach = moving.reduce((sum, k) => sum + Math.abs(this.#between(k, high) - this.at[k]!), 0);
      if (moving.length === 0) return;
      const share = left / reach;
      for (const k of moving) {
        const end = this.#between(k, high);
        this.at[k] = share < 1 ? this.at[k]! + share * (end - this.at[k]!) : end;
      }
      if (share <= 1) return;
    }
  }

  /** Brings what fell behind the band to its beginning. */
  #catchUp(low: number): void {
    for (let k = 0; k < this.at.length; k++) {
      const whole = this.#image[k]! - this.#baseline[k]!;
      if (whole !== 0 && (this.at[k]! - this.#baseline[k]!) / whole < low) this.at[k] = this.#between(k, low);
    }
  }

  /** Value `k` at a share of the straight path. */
  #between(k: number, share: number): number {
    return this.#baseline[k]! + share * (this.#image[k]! - this.#baseline[k]!);
  }

  /** L1 distance to the image. */
  #distance(): number {
    return this.at.reduce((sum, v, k) => sum + Math.abs(this.#image[k]! - v), 0);
  }
}

/** The largest value that a share of the values does not exceed, counted as numpy's quantile by the method 'lower'. */
function lowerQuantile(values: Float64Array, share: number): number {
  return values.slice().sort()[Math.floor((values.length - 1) * share)]!;
}
