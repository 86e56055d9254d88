import { describe, expect, it } from 'vitest';
import { linearModel } from '../../../src/conformance/index.ts';
import { rememberingMemo } from '../../../src/conformance/score.ts';
import { createRng } from '../../../src/core/rng.ts';
import { tensor } from '../../../src/core/tensor.ts';
import { faithfulnessCorrelation } from '../../../src/metrics/faithfulness/faithfulness-correlation.ts';
import { faithfulnessEstimate } from '../../../src/metrics/faithfulness/faithfulness-estimate.ts';
import { infidelity } from '../../../src/metrics/faithfulness/infidelity.ts';
import { monotonicity } from '../../../src/metrics/faithfulness/monotonicity.ts';
import { monotonicityCorrelation } from '../../../src/metrics/faithfulness/monotonicity-correlation.ts';
import { sensitivityN } from '../../../src/metrics/faithfulness/sensitivity-n.ts';
import { additiveScene, areaOf, counted, evaluate, map, type Scene, scoreOf } from '../scene.ts';

const SIDE = 16;
const N = SIDE * SIDE;
const rng = createRng('shares');
const shares = Array.from({ length: N }, () => rng.normal());
/** Patches of 2 × 2: 64 of them. */
const patched = { patchPixels: 2 };
/** The margin is the sum of the shares of the pixels that are there. */
const right = additiveScene(SIDE, SIDE, shares);
const shuffled = (seed: string) => createRng(seed).shuffle([...shares]);
const withMap = (values: readonly number[], more: Partial<Scene> = {}): Scene => ({
  ...right,
  attribution: map(SIDE, SIDE, values),
  ...more,
});
const scaled = withMap(shares.map(v => 3 * v));
const inverted = withMap(shares.map(v => -v));

describe('an additive game, in which the right map is known', () => {
  it('correlations are 1 for its shares in any unit, −1 for the inverted map, about 0 for a random one', async () => {
    for (const metric of [faithfulnessCorrelation, faithfulnessEstimate, sensitivityN]) {
      expect(await areaOf(metric, right, patched), metric.name).toBeCloseTo(1, 6);
      expect(await areaOf(metric, scaled, patched), metric.name).toBeCloseTo(1, 6);
      expect(await areaOf(metric, inverted, patched), metric.name).toBeCloseTo(-1, 6);
      let sum = 0;
      for (let s = 0; s < 8; s++) sum += await areaOf(metric, withMap(shuffled(`${s}`)), patched);
      expect(Math.abs(sum / 8), metric.name).toBeLessThan(0.25);
    }
  });

  it('infidelity is 0 for its shares in any unit, 1 for the inverted map (Captum’s free scale calls it right), about 1 for a random one', async () => {
    expect(await areaOf(infidelity, right, patched)).toBeCloseTo(0, 6);
    expect(await areaOf(infidelity, scaled, patched)).toBeCloseTo(0, 6);
    expect(await areaOf(infidelity, inverted, patched)).toBe(1);
    expect(await areaOf(infidelity, withMap(shuffled('x')), patched)).toBeGreaterThan(0.9);
    // Raw: 0 for the shares, E[(3u − u)²] = 4 E[u²] for three times them.
    const [one, three] = [await scoreOf(infidelity, right, patched), await scoreOf(infidelity, scaled, patched)];
    expect(one.details!['raw']).toBeCloseTo(0, 6);
    expect(three.details!['raw']).toBeGreaterThan(1);
  });

  it('an even map explains nothing, though larger sets have larger sums and larger falls', async () => {
    // All shares are positive, so that the fall grows with the set.
    const positive = additiveScene(
      SIDE,
      SIDE,
      shares.map(v => 5 + v),
    );
    const even = {
      ...positive,
      attribution: map(
        SIDE,
        SIDE,
        shares.map((_, i) => (i % 2 === 0 ? 1 : 1 + 1e-7)),
      ),
    };
    expect(await areaOf(infidelity, positive, patched)).toBeCloseTo(0, 6);
    expect(await evaluate(infidelity, even, patched)).toEqual({
      undefined: 'the map gives all sets of one size the same',
    });
    expect(await evaluate(faithfulnessCorrelation, even, patched)).toEqual({
      undefined: 'the map gives all sets of patches the same',
    });
  });

  it('steps of increments all rise in the right order, none in the reversed one, half in a random one', async () => {
    expect(await areaOf(monotonicity, right, patched)).toBe(1);
    expect(await areaOf(monotonicity, scaled, patched)).toBe(1);
    expect(await areaOf(monotonicity, inverted, patched)).toBe(0);
    let sum = 0;
    for (let s = 0; s < 20; s++) sum += await areaOf(monotonicity, withMap(shuffled(`${s}`)), patched);
    expect(Math.abs(sum / 20 - 0.5)).toBeLessThan(0.05);
  });

  it('the share of steps that rise, as Arya et al. have it, is the same for the right, a random and the reversed order', async () => {
    const rising = (order: readonly number[]) => order.filter(i => shares[i]! > 0).length;
    const orders = [shares.map((_, i) => i), shuffled('order').map((_, i) => i), shares.map((_, i) => N - 1 - i)];
    expect(new Set(orders.map(rising)).size).toBe(1);
  });

  it('monotonicity correlation is 1 for the magnitudes of the weights, and does not see signs', async () => {
    const values = Array.from({ length: N }, (_, i) => 0.5 + 0.4 * Math.sin(i));
    const varied: Scene = {
      ...right,
      image: tensor([SIDE, SIDE, 1], Float32Array.from(values)),
      view: map(SIDE, SIDE, values),
    };
    const single = { patchPixels: 1, draws: 200 };
    const found = await areaOf(monotonicityCorrelation, { ...varied, attribution: map(SIDE, SIDE, shares) }, single);
    // E Δf² is w² times E (value − x)², which differs from pixel to pixel by the image.
    expect(found).toBeGreaterThan(0.8);
    const signless = await areaOf(
      monotonicityCorrelation,
      {
        ...varied,
        attribution: map(
          SIDE,
          SIDE,
          shares.map(v => -v),
        ),
      },
      single,
    );
    expect(signless).toBeCloseTo(found, 12);
    const random = await areaOf(
      monotonicityCorrelation,
      { ...varied, attribution: map(SIDE, SIDE, shuffled('r')) },
      single,
    );
    expect(Math.abs(random)).toBeLessThan(0.25);
  });
});

describe('regional maps', () => {
  // Four regions of unlike size; each shows its whole effect on each of its pixels, as LIME's segments do.
  const region = (i: number) => (i % SIDE < 2 ? 0 : i % SIDE < 6 ? 1 : i < N / 2 ? 2 : 3);
  const effects = [4, -1, 3, 1];
  const regions = Int32Array.from({ length: N }, (_, i) => region(i));
  const sizes = effects.map((_, r) => regions.filter(v => v === r).length);
  const game = additiveScene(
    SIDE,
    SIDE,
    [...regions].map(r => effects[r]! / sizes[r]!),
  );
  const regional = {
    ...game,
    attribution: map(
      SIDE,
      SIDE,
      [...regions].map(r => effects[r]!),
    ),
  };

  it('are weighed by their regions: exactly right where each effect is even over its region', async () => {
    const given = { kind: 'regional' as const, regions };
    for (const metric of [faithfulnessCorrelation, faithfulnessEstimate, sensitivityN]) {
      const { value, details } = await scoreOf(metric, regional, patched, given);
      expect(value, metric.name).toBeCloseTo(1, 6);
      expect(details!['unweighted']).toBe(0);
    }
    expect(await areaOf(infidelity, regional, patched, given)).toBeCloseTo(0, 6);
  });

  it('are flagged without them, and are then less right', async () => {
    const { value, details } = await scoreOf(faithfulnessEstimate, regional, patched, { kind: 'regional' });
    expect(details!['unweighted']).toBe(1);
    expect(value).toBeLessThan(0.9);
  });
});

describe('shared work', () => {
  it('correlation, sensitivity-n and infidelity read one set of perturbations, and other explainers the same', async () => {
    const { model, passes } = counted(right.model);
    const memo = rememberingMemo();
    for (const attribution of [right.attribution, inverted.attribution]) {
      for (const metric of [sensitivityN, infidelity, faithfulnessCorrelation]) {
        await scoreOf(metric, { ...right, model, attribution }, patched, { memo });
      }
    }
    // 64 patches: seven sizes of 1, 1, 3, 6, 13, 26 and 51, of which one is double.
    expect(passes.forward).toBe(1 + 6 * 100);
  });
});

describe('no number where there is no meaning', () => {
  const blind = linearModel({ height: SIDE, width: SIDE, weights: [new Array(N).fill(0), new Array(N).fill(0)] });

  it('a model that looks at nothing', async () => {
    for (const metric of [faithfulnessCorrelation, faithfulnessEstimate, sensitivityN, infidelity, monotonicity]) {
      const result = await evaluate(metric, withMap(shares, { model: blind }), patched);
      expect(result, metric.name).toHaveProperty('undefined');
    }
  });

  it('an infinite score', async () => {
    const infinite = { ...blind, score: async () => Float32Array.of(Number.POSITIVE_INFINITY) };
    const result = await evaluate(faithfulnessCorrelation, withMap(shares, { model: infinite }), patched);
    expect(result).toEqual({ undefined: "the model's margin is infinite here" });
  });

  it('NaN is an error', async () => {
    const broken = { ...blind, score: async () => Float32Array.of(Number.NaN) };
    await expect(evaluate(faithfulnessCorrelation, withMap(shares, { model: broken }), patched)).rejects.toThrow(
      /margin is not a number/,
    );
  });

  it('an image of fewer than three patches', async () => {
    const result = await evaluate(faithfulnessCorrelation, right, { patchPixels: SIDE });
    expect(result).toEqual({ undefined: 'the image has fewer than three patches' });
    expect(await evaluate(monotonicity, right, { patchPixels: SIDE })).toMatchObject({
      undefined: expect.stringContaining('fewer than three patches'),
    });
  });
});
