import { describe, expect, it } from 'vitest';
import { analyticModel } from '../../../src/conformance/index.ts';
import type { Metric } from '../../../src/core/contracts/index.ts';
import { createRng } from '../../../src/core/rng.ts';
import { pearson, spearman } from '../../../src/core/statistics/correlation.ts';
import { tensor } from '../../../src/core/tensor.ts';
import { deletion } from '../../../src/metrics/faithfulness/deletion.ts';
import { faithfulnessCorrelation } from '../../../src/metrics/faithfulness/faithfulness-correlation.ts';
import { faithfulnessEstimate } from '../../../src/metrics/faithfulness/faithfulness-estimate.ts';
import { infidelity } from '../../../src/metrics/faithfulness/infidelity.ts';
import { insertion } from '../../../src/metrics/faithfulness/insertion.ts';
import { monotonicity } from '../../../src/metrics/faithfulness/monotonicity.ts';
import { sensitivityN } from '../../../src/metrics/faithfulness/sensitivity-n.ts';
import { srg } from '../../../src/metrics/faithfulness/srg.ts';
import { areaOf, evaluate, map, type Scene, scoreOf } from '../scene.ts';

// Models whose pixels do not simply add up. Values come from formulas, or from every set of pixels that there is.
const SIDE = 4;
const N = SIDE * SIDE;
const A = [0, 1, 2, 3];
const B = [12, 13, 14, 15];
const mean = (x: ArrayLike<number>, of: readonly number[]) => of.reduce((sum, i) => sum + x[i]!, 0) / of.length;

/** The margin of the first class is a formula; the image is 1 everywhere, the baseline 0. */
function sceneOf(margin: (x: ArrayLike<number>) => number, attribution: readonly number[]): Scene {
  const model = analyticModel({
    id: 'formula',
    spatial: [SIDE, SIDE],
    channels: 1,
    classes: ['a', 'b'],
    logits: x => Float64Array.of(margin(x), 0),
  });
  return {
    model,
    image: tensor([SIDE, SIDE, 1], new Float32Array(N).fill(1)),
    baseline: tensor([SIDE, SIDE, 1]),
    attribution: map(SIDE, SIDE, attribution),
  };
}

const product = (x: ArrayLike<number>) => mean(x, A) * mean(x, B);
const either = (x: ArrayLike<number>) => Math.max(mean(x, A), mean(x, B));
/** 2 for the first region, 1 for the second, 0 elsewhere; a little less from pixel to pixel, so that none are tied. */
const firstA = Array.from({ length: N }, (_, i) => (A.includes(i) ? 2 : B.includes(i) ? 1 : 0) - i / 1000);
const alternating = Array.from({ length: N }, (_, i) => {
  const [a, b] = [A.indexOf(i), B.indexOf(i)];
  return a >= 0 ? 2 - a / 10 : b >= 0 ? 1.95 - b / 10 : -i / 1000;
});
const curve = { score: 'margin', steps: N, tieFields: 1 } as const;

describe('the product of two regions: both are needed', () => {
  it('insertion waits for the second region, deletion is over with the first', async () => {
    const scene = sceneOf(product, firstA);
    // (1 − k/4) for the first four of sixteen steps, then 0.
    expect(await areaOf(deletion, scene, curve)).toBeCloseTo(2 / 16, 6);
    // 0 for four steps, k/4 for four, then 1.
    expect(await areaOf(insertion, scene, curve)).toBeCloseTo((2 + 8) / 16, 6);
    // Least first: the eight that mean nothing, then the second region with the first still there, then nothing.
    expect(await areaOf(srg, scene, curve)).toBeCloseTo((8 + 2) / 16 - 2 / 16, 6);
  });

  it('an order that takes both in turn falls later, by (1 − i/4)(1 − j/4)', async () => {
    const heights = Array.from({ length: 9 }, (_, k) => (1 - Math.ceil(k / 2) / 4) * (1 - Math.floor(k / 2) / 4));
    const area = heights.slice(1).reduce((sum, h, k) => sum + (h + heights[k]!) / 2, 0) / N;
    expect(await areaOf(deletion, sceneOf(product, alternating), curve)).toBeCloseTo(area, 6);
    expect(area).toBeGreaterThan(2 / 16);
  });
});

describe('the maximum of two regions: one is enough', () => {
  it('no single pixel matters, and a metric that removes single ones says so', async () => {
    expect(await evaluate(faithfulnessEstimate, sceneOf(either, firstA), { patchPixels: 1 })).toHaveProperty(
      'undefined',
    );
  });

  it('deletion of one region changes nothing; the other carries the score to its end', async () => {
    // 1 for four steps, then 1 − k/4.
    expect(await areaOf(deletion, sceneOf(either, firstA), curve)).toBeCloseTo((4 + 2) / 16, 6);
    expect(await areaOf(insertion, sceneOf(either, firstA), curve)).toBeCloseTo((2 + 12) / 16, 6);
  });
});

/** Σ wᵢ xᵢ + Σ qᵢⱼ xᵢ xⱼ over neighbours in a ring. */
const rng = createRng('quadratic form');
const w = Array.from({ length: N }, () => rng.normal());
const q = Array.from({ length: N }, () => rng.normal());
const quadratic = (x: ArrayLike<number>) =>
  w.reduce((sum, v, i) => sum + v * x[i]! + q[i]! * x[i]! * x[(i + 1) % N]!, 0);
/** Each pixel's Shapley value: its own worth, and half of each product. */
const shapley = w.map((v, i) => v + (q[i]! + q[(i + N - 1) % N]!) / 2);
/** What removing it alone takes: its own worth, and both products. */
const alone = w.map((v, i) => v + q[i]! + q[(i + N - 1) % N]!);

/** All sets of `size` pixels: the map's sum over each, and by how much the score falls without it. */
function everySet(size: number, attribution: readonly number[]): { readonly u: number[]; readonly v: number[] } {
  const whole = quadratic(new Float64Array(N).fill(1));
  const sets = Array.from({ length: 2 ** N }, (_, bits) =>
    Array.from({ length: N }, (_, i) => i).filter(i => (bits >> i) & 1),
  ).filter(set => set.length === size);
  return {
    u: sets.map(set => set.reduce((sum, i) => sum + attribution[i]!, 0)),
    v: sets.map(set => whole - quadratic(Float64Array.from({ length: N }, (_, i) => (set.includes(i) ? 0 : 1)))),
  };
}

describe('a quadratic form: neighbours interact', () => {
  it('the estimate is 1 for what each pixel takes alone, and its correlation with Shapley values for these', async () => {
    const of = (attribution: readonly number[]) =>
      areaOf(faithfulnessEstimate, sceneOf(quadratic, attribution), { patchPixels: 1 });
    expect(await of(alone)).toBeCloseTo(1, 6);
    expect(await of(shapley)).toBeCloseTo(pearson(shapley, alone)!, 6);
    expect(await of(alone.map(v => -3 * v))).toBeCloseTo(-1, 6);
  });

  it('random sets tend to what all sets give', async () => {
    const subsets = 3000;
    const each = [2, 4, 8].map(size => ({ size, ...everySet(size, shapley) }));
    const scene = sceneOf(quadratic, shapley);
    const options = { patchPixels: 1, subsets };
    const four = pearson(each[1]!.u, each[1]!.v)!;
    expect(await areaOf(faithfulnessCorrelation, scene, { ...options, share: 4 / N })).toBeCloseTo(four, 1.5);
    const ranks = spearman(each[1]!.u, each[1]!.v)!;
    const byRank = { ...options, share: 4 / N, correlation: 'spearman' };
    expect(await areaOf(faithfulnessCorrelation, scene, byRank)).toBeCloseTo(ranks, 1.5);
    const shares = each.map(({ size }) => size / N);
    const meanOf = each.reduce((sum, { u, v }) => sum + pearson(u, v)!, 0) / each.length;
    expect(await areaOf(sensitivityN, scene, { ...options, shares })).toBeCloseTo(meanOf, 1.5);
    // Sizes count alike, however many sets of a size there are.
    const spread = (of: (s: (typeof each)[number]) => number) => each.reduce((sum, s) => sum + of(s), 0);
    const covariance = (x: readonly number[], y: readonly number[]) => {
      const [mx, my] = [x, y].map(values => values.reduce((a, b) => a + b, 0) / values.length);
      return x.reduce((sum, value, i) => sum + (value - mx!) * (y[i]! - my!), 0) / x.length;
    };
    const rho =
      spread(s => covariance(s.u, s.v)) /
      Math.sqrt(spread(s => covariance(s.u, s.u)) * spread(s => covariance(s.v, s.v)));
    expect(await areaOf(infidelity, scene, { ...options, shares })).toBeCloseTo(1 - rho ** 2, 1.5);
  });
});

describe('pixels that add up, each by a curve of its own', () => {
  it('only what a pixel is worth between baseline and image counts, whatever its gradient', async () => {
    // Worth 1 … 16, by powers whose gradients at 1 run the other way.
    const worth = Array.from({ length: N }, (_, i) => (i + 1) / N);
    const power = worth.map(v => 2 / v ** 2);
    const margin = (x: ArrayLike<number>) => worth.reduce((sum, v, i) => sum + v * x[i]! ** power[i]!, 0);
    const gradients = worth.map((v, i) => v * power[i]!);
    const value = (metric: Metric, attribution: readonly number[]) =>
      scoreOf(metric, sceneOf(margin, attribution), { patchPixels: 1 }).then(s => s.value);
    expect(await value(faithfulnessEstimate, worth)).toBeCloseTo(1, 6);
    expect(await value(monotonicity, worth)).toBe(1);
    expect(await value(monotonicity, gradients)).toBe(0);
    expect(await value(faithfulnessEstimate, gradients)).toBeCloseTo(pearson(gradients, worth)!, 6);
  });
});
