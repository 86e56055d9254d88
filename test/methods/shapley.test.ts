import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { analyticModel } from '../../src/conformance/analytic.ts';
import { linearModel } from '../../src/conformance/models.ts';
import { rememberingMemo } from '../../src/conformance/score.ts';
import { type Subject, subjectFor } from '../../src/conformance/subject.ts';
import type { Explainer } from '../../src/core/contracts/index.ts';
import { gridSegments } from '../../src/core/image/segmentation.ts';
import { createRng } from '../../src/core/rng.ts';
import { type Coalitions, independentCoalitions, pairedCoalitions } from '../../src/core/shapley/coalitions.ts';
import { shapleyRegression } from '../../src/core/shapley/shapley-regression.ts';
import { filled, tensor } from '../../src/core/tensor.ts';
import { kernelShap } from '../../src/methods/kernel-shap.ts';
import { lime } from '../../src/methods/lime.ts';
import { occlusion } from '../../src/methods/occlusion.ts';
import { partitionShap } from '../../src/methods/partition-shap.ts';
import { segmentAblation } from '../../src/methods/segment-ablation.ts';
import { shapleySampling } from '../../src/methods/shapley-sampling.ts';
import { mapOf, reasonOf, relativeL2, sum } from './helpers.ts';

const logit = { score: 'logit' };
const grid = { segmentation: 'grid', segments: 12 };

/** A model of a game on segments: z₀ = game of which segments show 1, on an image of ones before a baseline of zeros. */
function gameOf(spatial: [number, number], segments: number, game: (on: readonly boolean[]) => number): Subject {
  const { labels, count } = gridSegments(tensor(spatial), segments);
  const first = Array.from({ length: count }, (_, s) => labels.indexOf(s));
  const model = analyticModel({
    id: 'game',
    spatial,
    channels: 1,
    classes: ['a', 'b'],
    logits: x => Float64Array.of(game(first.map(p => x[p]! > 0.5)), 0),
  });
  const subject = subjectFor(model, 0);
  return { ...subject, image: filled(subject.image.shape, 1), baseline: filled(subject.image.shape, 0) };
}

/** Shapley values by the mean over all orders. */
function exactShapley(n: number, game: (on: readonly boolean[]) => number): number[] {
  const factorial = (k: number): number => (k < 2 ? 1 : k * factorial(k - 1));
  return Array.from({ length: n }, (_, player) => {
    let value = 0;
    for (let code = 0; code < 2 ** n; code++) {
      const on = Array.from({ length: n }, (_, s) => ((code >> s) & 1) === 1);
      if (on[player]) continue;
      const size = on.filter(Boolean).length;
      const weight = (factorial(size) * factorial(n - size - 1)) / factorial(n);
      value += weight * (game(on.with(player, true)) - game(on));
    }
    return value;
  });
}

/** A game of single effects, pairs and one triple, drawn from a seed. */
function randomGame(n: number, seed: number): (on: readonly boolean[]) => number {
  const rng = createRng(`game ${seed}`);
  const single = Array.from({ length: n }, () => rng.normal());
  const pairs = Array.from({ length: n }, () => [rng.int(n), rng.int(n), rng.normal()] as const);
  return on =>
    0.4 +
    sum(single.map((v, s) => (on[s] ? v : 0))) +
    sum(pairs.map(([a, b, v]) => (on[a] && on[b] ? v : 0))) +
    (on[0] && on[1] && on[n - 1] ? 2 : 0);
}

/** The value of each segment of a map. */
function bySegment(map: { data: Float32Array }, spatial: [number, number], segments: number): number[] {
  const { labels, count } = gridSegments(tensor(spatial), segments);
  return Array.from({ length: count }, (_, s) => map.data[labels.indexOf(s)]!);
}

describe('an additive game', () => {
  const [height, width] = [12, 8];
  const weights = [1, 2].map(c => Float64Array.from({ length: height * width }, (_, i) => Math.cos(c * i)));
  const subject = subjectFor(linearModel({ height, width, weights, bias: [0.7, 0] }), 5);
  const { labels, count } = gridSegments(subject.view, 12);
  const effects = new Float64Array(count);
  labels.forEach((s, p) => {
    effects[s]! += weights[0]![p]! * (subject.image.data[p]! - subject.baseline.data[p]!);
  });
  const expected = Float32Array.from(labels, s => effects[s]!);

  it.each([
    ['kernel-shap', kernelShap, { samples: 60 }],
    ['kernel-shap as Captum', kernelShap, { samples: 60, coalitions: 'independent' }],
    ['shapley-sampling', shapleySampling, { permutations: 1 }],
    ['segment-ablation', segmentAblation, {}],
  ] as [string, Explainer, object][])('%s is exact', async (_, explainer, options) => {
    const { map, regions, standardErrors } = await mapOf({
      explainer,
      subject,
      options: { ...grid, ...logit, ...options },
    });
    expect(relativeL2(map.data, expected)).toBeLessThan(1e-5);
    expect([...regions!]).toEqual([...labels]);
    for (const error of standardErrors?.data ?? []) expect(error).toBeLessThan(1e-4);
  });

  it('partition-shap is exact pixel by pixel where the budget reaches them, and sums to f(x) − f(b) before', async () => {
    const pixels = weights[0]!.map((w, p) => w * (subject.image.data[p]! - subject.baseline.data[p]!));
    const all = await mapOf({ explainer: partitionShap, subject, options: { ...logit, samples: 100_000 } });
    expect(relativeL2(all.map.data, pixels)).toBeLessThan(1e-4);
    for (const samples of [4, 20, 50]) {
      const { map, diagnostics } = await mapOf({ explainer: partitionShap, subject, options: { ...logit, samples } });
      expect(sum(map.data)).toBeCloseTo(sum(pixels), 4);
      expect(diagnostics).toMatchObject({ samples, difference: expect.closeTo(sum(pixels), 4) });
    }
  });
});

describe('games with interactions', () => {
  const spatial: [number, number] = [6, 6];

  it('KernelSHAP is exact where all coalitions are evaluated, and sums whatever is', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(1000), fc.constantFrom(4, 9), async (seed, n) => {
        const game = randomGame(n, seed);
        const subject = gameOf(spatial, n, game);
        const options = { ...logit, segmentation: 'grid', segments: n };
        const { map, diagnostics, standardErrors } = await mapOf({ explainer: kernelShap, subject, options });
        exactShapley(n, game).forEach((v, s) => {
          expect(bySegment(map, spatial, n)[s]).toBeCloseTo(v, 4);
        });
        expect(diagnostics).toMatchObject({ segments: n, coalitions: 2 ** n - 2 });
        expect(standardErrors).toBeUndefined();
        const few = await mapOf({ explainer: kernelShap, subject, options: { ...options, samples: 3 * n } });
        expect(sum(bySegment(few.map, spatial, n))).toBeCloseTo(few.diagnostics!.difference!, 4);
      }),
      { numRuns: 12 },
    );
  });

  it('KernelSHAP takes tens of thousands of coalitions of many segments', async () => {
    const subject = gameOf(spatial, 36, on => on.reduce((total, shown, s) => total + (shown ? s : 0), 0));
    const options = { ...logit, segmentation: 'grid', segments: 36, samples: 36_000 };
    const { map } = await mapOf({ explainer: kernelShap, subject, options });
    bySegment(map, spatial, 36).forEach((v, s) => {
      expect(v).toBeCloseTo(s, 3);
    });
  });

  it('permutations sum to f(x) − f(b) and come near, within their standard errors', async () => {
    const game = randomGame(9, 3);
    const subject = gameOf(spatial, 9, game);
    const options = { ...logit, segmentation: 'grid', segments: 9, permutations: 400 };
    const { map, standardErrors, diagnostics } = await mapOf({ explainer: shapleySampling, subject, options });
    const [values, errors] = [map, standardErrors!].map(t => bySegment(t, spatial, 9)) as [number[], number[]];
    expect(sum(values)).toBeCloseTo(diagnostics!.difference!, 4);
    exactShapley(9, game).forEach((v, s) => {
      expect(Math.abs(values[s]! - v)).toBeLessThan(4 * errors[s]! + 1e-5);
    });
  });

  it('an order and the same backwards are exact where segments act alone and in twos', async () => {
    const rng = createRng('twos');
    const alone = Array.from({ length: 9 }, () => rng.normal());
    const inTwos = Array.from({ length: 81 }, () => rng.normal());
    const twos = (on: readonly boolean[]) =>
      sum(on.map((a, i) => (a ? alone[i]! + sum(on.map((b, j) => (b && j > i ? inTwos[9 * i + j]! : 0))) : 0)));
    const subject = gameOf(spatial, 9, twos);
    const options = { ...logit, segmentation: 'grid', segments: 9, permutations: 2 };
    const exact = exactShapley(9, twos);
    const valuesBy = async (more: object) => {
      const { map } = await mapOf({ explainer: shapleySampling, subject, options: { ...options, ...more } });
      return bySegment(map, spatial, 9);
    };
    expect(relativeL2(await valuesBy({}), exact)).toBeLessThan(1e-5);
    expect(relativeL2(await valuesBy({ orders: 'independent' }), exact)).toBeGreaterThan(0.01);
  });

  it('standard errors are what the spread over seeds is', async () => {
    const subject = gameOf(spatial, 9, randomGame(9, 5));
    for (const [explainer, more] of [
      [kernelShap, { samples: 60 }],
      [kernelShap, { samples: 60, coalitions: 'independent' }],
      [shapleySampling, { permutations: 12 }],
      [shapleySampling, { permutations: 11 }],
      [shapleySampling, { permutations: 12, orders: 'independent' }],
    ] as const) {
      const options = { ...logit, segmentation: 'grid', segments: 9, ...more };
      const maps = await Promise.all(
        Array.from({ length: 200 }, (_, i) => mapOf({ explainer, subject, options, seed: `s${i}` })),
      );
      const values = maps.map(m => bySegment(m.map, spatial, 9));
      const errors = maps.map(m => bySegment(m.standardErrors!, spatial, 9));
      const spread = sum(
        Array.from({ length: 9 }, (_, s) => {
          const mean = sum(values.map(v => v[s]!)) / 200;
          return sum(values.map(v => (v[s]! - mean) ** 2)) / 199;
        }),
      );
      const said = sum(errors.flat().map(e => e ** 2)) / 200;
      expect(said / spread, explainer.name).toBeGreaterThan(0.6);
      expect(said / spread, explainer.name).toBeLessThan(1.5);
    }
  });

  it('partition-shap gives the halves of a pair their joint effect in equal parts', async () => {
    // Two pixels, worth 1 together and nothing alone.
    const model = analyticModel({
      id: 'and',
      spatial: [1, 2],
      channels: 1,
      classes: ['a', 'b'],
      logits: x => Float64Array.of(x[0]! * x[1]!, 0),
    });
    const subject = subjectFor(model, 0);
    const pair = { ...subject, image: filled([1, 2, 1], 1), baseline: filled([1, 2, 1], 0) };
    expect([...(await mapOf({ explainer: partitionShap, subject: pair, options: logit })).map.data]).toEqual([
      0.5, 0.5,
    ]);
  });
});

describe('coalitions', () => {
  it('are all of the smallest and largest sizes, then pairs', () => {
    const { design, weights, draw, complete } = pairedCoalitions(10, 200, createRng(1));
    expect(complete).toBe(false);
    expect(weights).toHaveLength(200);
    const sizes = Array.from(weights, (_, i) => sum(design.subarray(10 * i, 10 * i + 10)));
    expect(sizes.filter(s => s === 1)).toHaveLength(10);
    expect(sizes.filter(s => s === 9)).toHaveLength(10);
    expect(sum(weights)).toBeCloseTo(1, 9);
    // Every drawn row's complement is there too, of the same draw (but for the middle size and the end of the budget).
    const rows = new Map(Array.from(weights, (_, i) => [design.subarray(10 * i, 10 * i + 10).join(''), i]));
    const alone = Array.from(draw.keys()).filter(i => {
      const other = rows.get(Array.from(design.subarray(10 * i, 10 * i + 10), v => 1 - v).join(''));
      return draw[i]! >= 0 && sizes[i] !== 5 && (other === undefined || draw[other] !== draw[i]);
    });
    expect(alone.length).toBeLessThanOrEqual(1);
  });

  it('are complete where the budget allows, with the Shapley kernel', () => {
    const { design, weights, complete, times } = pairedCoalitions(5, 1000, createRng(1));
    expect(complete).toBe(true);
    expect(times).toEqual([]);
    expect(weights).toHaveLength(30);
    const size = (i: number) => sum(design.subarray(5 * i, 5 * i + 5));
    const kernel = (k: number) => 4 / ([1, 5, 10, 10, 5][k]! * k * (5 - k));
    const ratio = weights.map((w, i) => w / kernel(size(i)));
    expect(Math.max(...ratio) / Math.min(...ratio)).toBeCloseTo(1, 9);
  });

  it('of Captum are one by one', () => {
    const { weights, times } = independentCoalitions(8, 50, createRng(2));
    expect(weights.length).toBeLessThanOrEqual(50);
    expect(sum(times)).toBe(50);
    expect(sum(weights)).toBeCloseTo(50, 9);
  });

  it('that say nothing of a player have no solution', () => {
    const coalitions: Coalitions = {
      design: Uint8Array.of(1, 0, 0, 1, 0, 0),
      weights: Float64Array.of(1, 1),
      draw: Int32Array.of(0, 1),
      times: [1, 1],
      complete: false,
    };
    expect(shapleyRegression(coalitions, [1, 1], { whole: 2, nothing: 0 })).toBeNull();
  });
});

describe('all that switch segments', () => {
  const subject = subjectFor(linearModel({ height: 16, width: 16 }), 0);
  const flat = { ...subject, view: tensor([16, 16]) };

  it('are undefined with one segment, and with fewer coalitions than segments', async () => {
    for (const explainer of [kernelShap, shapleySampling, segmentAblation]) {
      const options = { segmentation: 'quickshift' };
      expect(await reasonOf({ explainer, subject: flat, options })).toMatch(/one segment only/);
    }
    expect(await reasonOf({ explainer: kernelShap, subject, options: { samples: 5 } })).toMatch(/raise samples/);
    expect(await reasonOf({ explainer: shapleySampling, subject, options: { samples: 10 } })).toMatch(/no permutation/);
  });

  it('segment once for all', async () => {
    const memo = rememberingMemo();
    const keys: string[] = [];
    const watched: typeof memo = (key, compute) => {
      keys.push(key);
      return memo(key, compute);
    };
    for (const [explainer, options] of [
      [lime, { segments: 50, samples: 60 }],
      [kernelShap, { samples: 300 }],
      [segmentAblation, {}],
    ] as const) {
      await mapOf({ explainer, subject, options, memo: watched });
    }
    expect(new Set(keys.filter(key => key.startsWith('segments'))).size).toBe(1);
  });

  it('ask a filler for what stands in the place of a segment', async () => {
    const removed: number[] = [];
    const fill = (pixels: Uint8Array) => {
      removed.push(sum(pixels));
      return { ...subject.image, data: subject.image.data.map((v, i) => (pixels[i] ? 7 : v)) };
    };
    const options = { ...grid, segments: 4, ...logit };
    const filled7 = { ...subject, baseline: filled(subject.image.shape, 7) };
    const plain = await mapOf({ explainer: segmentAblation, subject: filled7, options });
    const byFiller = await mapOf({ explainer: segmentAblation, subject: { ...subject, fill }, options });
    expect([...byFiller.map.data]).toEqual([...plain.map.data]);
    expect(removed).toEqual([64, 64, 64, 64]);
  });
});

it('occlusion and segment ablation agree where windows are segments', async () => {
  const subject = subjectFor(linearModel({ height: 16, width: 16 }), 0);
  const windows = await mapOf({ explainer: occlusion, subject, options: { ...logit, window: 4, stride: 4 } });
  const segments = await mapOf({ explainer: segmentAblation, subject, options: { ...grid, segments: 16, ...logit } });
  expect(relativeL2(windows.map.data, segments.map.data)).toBeLessThan(1e-5);
});
