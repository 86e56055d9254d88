import { describe, expect, it } from 'vitest';
import { analyticModel } from '../../src/conformance/analytic.ts';
import { smoothModel } from '../../src/conformance/models.ts';
import { type Subject, subjectFor } from '../../src/conformance/subject.ts';
import { smoothMasks } from '../../src/core/perturbation/smooth-masks.ts';
import { createRng } from '../../src/core/rng.ts';
import { filled } from '../../src/core/tensor.ts';
import { binaryHsic, hsic } from '../../src/methods/hsic.ts';
import { rise } from '../../src/methods/rise.ts';
import { coarseGrid } from '../../src/methods/shared/coarse-grid.ts';
import { sobol } from '../../src/methods/sobol.ts';
import { mapOf, reasonOf, relativeL2, sum } from './helpers.ts';

const logit = { score: 'logit' };

/** A model of an image of ones before a baseline of zeros: z₀ = value of the pixels as they are shown. */
function shown(spatial: [number, number], value: (x: Float32Array) => number): Subject {
  const model = analyticModel({
    id: 'shown',
    spatial,
    channels: 1,
    classes: ['a', 'b'],
    logits: x => Float64Array.of(value(x), 0),
  });
  const subject = subjectFor(model, 0);
  return { ...subject, image: filled(subject.image.shape, 1), baseline: filled(subject.image.shape, 0) };
}

describe('smooth masks', () => {
  const masks = smoothMasks({ height: 20, width: 13, cells: 4, keep: 0.5, count: 400 }, createRng('masks'));
  const rendered = Array.from({ length: 400 }, (_, i) => {
    const out = new Float32Array(260);
    masks.render(i, out);
    return out;
  });

  it('lie in 0…1, with a mean of keep at every pixel', () => {
    for (const mask of rendered) for (const v of mask) expect(v >= 0 && v <= 1).toBe(true);
    const means = rendered[0]!.map((_, p) => sum(rendered.map(m => m[p]!)) / 400);
    for (const mean of means) expect(Math.abs(mean - 0.5)).toBeLessThan(0.1);
  });

  it('are a grid enlarged as torch does it, cropped', () => {
    // One cell more than the grid has, of 5 × 4 pixels: 25 × 20.
    const coins = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    const draws = coins.map(c => (c === 1 ? 0 : 0.9));
    const rng = { ...createRng(0), next: () => draws.shift()!, int: () => 0 };
    const one = smoothMasks({ height: 20, width: 16, cells: 4, keep: 0.5, count: 1 }, rng);
    const out = new Float32Array(320);
    one.render(0, out);
    const at = (y: number, x: number) => {
      const clamp = (v: number) => Math.min(3, Math.max(0, v));
      const [v, u] = [clamp(((y + 0.5) * 4) / 25 - 0.5), clamp(((x + 0.5) * 4) / 20 - 0.5)];
      const [y0, x0] = [Math.floor(v), Math.floor(u)];
      const [y1, x1] = [Math.min(3, y0 + 1), Math.min(3, x0 + 1)];
      const [b, a] = [v - y0, u - x0];
      const top = (1 - a) * coins[4 * y0 + x0]! + a * coins[4 * y0 + x1]!;
      const bottom = (1 - a) * coins[4 * y1 + x0]! + a * coins[4 * y1 + x1]!;
      return (1 - b) * top + b * bottom;
    };
    for (let p = 0; p < 320; p++) expect(out[p]).toBeCloseTo(at(Math.floor(p / 16), p % 16), 6);
  });
});

describe('RISE', () => {
  it('finds the slope of one pixel, within its standard error', async () => {
    const subject = shown([16, 16], x => 3 * x[5 * 16 + 6]! + 0.2);
    const { map, standardErrors, diagnostics } = await mapOf({ explainer: rise, subject, options: logit });
    const p = 5 * 16 + 6;
    expect(map.data[p]).toBeCloseTo(3, 3);
    expect(standardErrors!.data[p]).toBeLessThan(1e-3);
    expect(diagnostics!.meanScore).toBeCloseTo(1.7, 0);
    // Far from it masks are independent, but for the errors of sampling.
    expect(Math.abs(map.data[15 * 16 + 15]!)).toBeLessThan(4 * standardErrors!.data[15 * 16 + 15]!);
  });

  it('carries no offset of the score, which the mean of the paper does', async () => {
    const [low, high] = [0, 50].map(offset => shown([12, 12], x => x[30]! - x[100]! + offset));
    const maps = async (options: Readonly<Record<string, unknown>>) =>
      Promise.all([low, high].map(async s => (await mapOf({ explainer: rise, subject: s!, options })).map.data));
    const [a, b] = await maps(logit);
    expect(relativeL2(b!, a!)).toBeLessThan(1e-3);
    const [c, d] = await maps({ ...logit, estimator: 'mean' });
    expect(relativeL2(d!, c!)).toBeGreaterThan(10);
  });

  it('as in the paper and as in Xplique, on its own masks', async () => {
    const subject = subjectFor(smoothModel({ height: 9, width: 7, seed: 1 }), 1);
    const masks = smoothMasks({ height: 9, width: 7, cells: 3, keep: 0.4, count: 50 }, createRng('conformance'));
    const scores: number[] = [];
    const rendered: Float32Array[] = [];
    for (let i = 0; i < 50; i++) {
      const mask = new Float32Array(63);
      masks.render(i, mask);
      rendered.push(mask);
      const image = mask.map(
        (m, p) => subject.baseline.data[p]! + m * (subject.image.data[p]! - subject.baseline.data[p]!),
      );
      const { data } = await subject.model.scores(
        { count: 1, write: (_, out) => out.set(image) },
        { as: 'probability' },
      );
      scores.push(data[0]!);
    }
    const options = { samples: 50, cells: 3, keep: 0.4, score: 'probability' };
    for (const [estimator, by] of [
      ['mean', () => 50 * 0.4],
      ['normalised', (p: number) => sum(rendered.map(m => m[p]!))],
    ] as const) {
      const { map } = await mapOf({ explainer: rise, subject, options: { ...options, estimator } });
      const expected = map.data.map((_, p) => sum(rendered.map((m, i) => m[p]! * scores[i]!)) / by(p));
      expect(relativeL2(map.data, expected)).toBeLessThan(1e-5);
    }
  });

  it('has standard errors that the spread over seeds bears out', async () => {
    const subject = subjectFor(smoothModel({ height: 10, width: 10, seed: 2 }), 2);
    const options = { ...logit, samples: 150, cells: 4 };
    const maps = await Promise.all(
      Array.from({ length: 100 }, (_, i) => mapOf({ explainer: rise, subject, options, seed: `s${i}` })),
    );
    const spread = sum(
      maps[0]!.map.data.map((_, p) => {
        const mean = sum(maps.map(m => m.map.data[p]!)) / 100;
        return sum(maps.map(m => (m.map.data[p]! - mean) ** 2)) / 99;
      }),
    );
    const said = sum(maps.map(m => sum(m.standardErrors!.data.map(e => e ** 2)))) / 100;
    expect(said / spread).toBeGreaterThan(0.7);
    expect(said / spread).toBeLessThan(1.4);
  });

  it('is undefined where the score never changes', async () => {
    for (const explainer of [rise, hsic, sobol]) {
      expect(await reasonOf({ explainer, subject: shown([12, 12], () => 2), options: logit })).toMatch(/the same/);
    }
  });
});

describe('HSIC', () => {
  it('is tr(K H L H) / n² of whole matrices', () => {
    const rng = createRng('hsic');
    const n = 20;
    const design = Uint8Array.from({ length: 3 * n }, () => rng.int(2));
    const scores = Array.from({ length: n }, (_, i) => rng.normal() + 2 * design[3 * i]!);
    const distances = scores.flatMap((a, i) => scores.slice(0, i).map(b => Math.abs(a - b))).sort((a, b) => a - b);
    const width = (distances[94]! + distances[95]!) / 2;
    const centre = (m: number[][]) => {
      const rows = m.map(r => sum(r) / n);
      return m.map((r, i) => r.map((v, j) => v - rows[i]! - rows[j]! + sum(rows) / n));
    };
    const matrix = (k: (i: number, j: number) => number) =>
      Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => k(i, j)));
    const l = centre(matrix((i, j) => Math.exp(-((scores[i]! - scores[j]!) ** 2) / (2 * width ** 2))));
    const expected = [0, 1, 2].map(c => {
      const k = matrix((i, j) => 0.5 - (design[3 * i + c]! - design[3 * j + c]!) ** 2);
      return sum(k.map((row, i) => sum(row.map((v, j) => v * l[i]![j]!)))) / n ** 2;
    });
    binaryHsic(design, 3, scores)!.values.forEach((v, c) => {
      expect(v).toBeCloseTo(expected[c]!, 9);
    });
    // An offset of all scores changes nothing, and neither does a factor.
    const moved = binaryHsic(
      design,
      3,
      scores.map(s => 5 * s - 100),
    )!;
    expect(relativeL2(moved.values, expected)).toBeLessThan(1e-9);
  });

  it('finds the cell that the score depends on, also where it does not depend in the mean', async () => {
    const subject = shown([16, 16], x => 2 * x[3 * 16 + 9]! + x[0]!);
    const { map, regions } = await mapOf({ explainer: hsic, subject, options: logit });
    const largest = map.data.indexOf(Math.max(...map.data));
    expect(regions![largest]).toBe(regions![3 * 16 + 9]);
    expect(Math.min(...map.data)).toBeGreaterThanOrEqual(0);
  });
});

describe('Sobol indices', () => {
  it('of an additive game are its shares of variance, and sum to 1', async () => {
    const weights = [4, -2, 1, 0, 1, 3, 0, 0, -1];
    const grid = coarseGrid([9, 9], 3, 64);
    const at = weights.map((_, s) => grid.labels.indexOf(s));
    const subject = shown([9, 9], x => sum(weights.map((w, s) => w * x[at[s]!]!)));
    const { map } = await mapOf({ explainer: sobol, subject, options: { ...logit, cells: 3, designs: 2048 } });
    const total = sum(weights.map(w => w * w));
    weights.forEach((w, s) => {
      expect(map.data[at[s]!]).toBeCloseTo((w * w) / total, 1);
    });
    expect(sum(at.map(p => map.data[p]!))).toBeCloseTo(1, 1);
  });

  it('count an interaction for each of its cells', async () => {
    // z = u v of two uniform masks: variance 7/144; total index of each (1/36 + … ) = 1/36 · … = 4/7.
    const grid = coarseGrid([8, 8], 2, 64);
    const [a, b] = [0, 1].map(s => grid.labels.indexOf(s)) as [number, number];
    const subject = shown([8, 8], x => x[a]! * x[b]!);
    const { map, diagnostics } = await mapOf({
      explainer: sobol,
      subject,
      options: { ...logit, cells: 2, designs: 4096 },
    });
    expect(diagnostics!.variance).toBeCloseTo(7 / 144, 3);
    for (const p of [a, b]) expect(map.data[p]).toBeCloseTo(4 / 7, 1);
  });
});

it('a coarse grid keeps within its limit, whatever the image’s form', () => {
  for (const spatial of [
    [224, 224],
    [144, 256],
    [32, 512],
    [500, 20],
  ]) {
    const { count } = coarseGrid(spatial, 8, 64);
    expect(count).toBeLessThanOrEqual(64);
    expect(count).toBeGreaterThan(30);
  }
});
