import { describe, expect, it } from 'vitest';
import { linearModel } from '../../../src/conformance/index.ts';
import { rememberingMemo } from '../../../src/conformance/score.ts';
import { createRng } from '../../../src/core/rng.ts';
import { tensor } from '../../../src/core/tensor.ts';
import { completeness } from '../../../src/metrics/axiomatic/completeness.ts';
import { implementationInvariance } from '../../../src/metrics/axiomatic/implementation-invariance.ts';
import { nonSensitivity } from '../../../src/metrics/axiomatic/non-sensitivity.ts';
import { faithfulnessEstimate } from '../../../src/metrics/faithfulness/faithfulness-estimate.ts';
import { additiveScene, areaOf, counted, evaluate, map, type Scene, scoreOf } from '../scene.ts';

const SIDE = 8;
const N = SIDE * SIDE;
const rng = createRng('shares');
/** Only the left half matters. */
const shares = Array.from({ length: N }, (_, i) => (i % SIDE < SIDE / 2 ? 0.5 + rng.next() : 0));
const scene = additiveScene(SIDE, SIDE, shares);
const withMap = (values: readonly number[]): Scene => ({ ...scene, attribution: map(SIDE, SIDE, values) });

describe('completeness', () => {
  it('is 0 where the map adds up, the missing share where it does not', async () => {
    expect(await areaOf(completeness, scene)).toBeCloseTo(0, 5);
    expect(await areaOf(completeness, withMap(shares.map(v => 0.75 * v)))).toBeCloseTo(0.25, 5);
    expect(await areaOf(completeness, withMap(shares.map(v => -v)))).toBeCloseTo(2, 5);
  });

  it('goes by the explainer’s own baseline and score', async () => {
    const own = tensor([SIDE, SIDE, 1], new Float32Array(N).fill(0.5));
    // From a baseline of a half the difference is half as large.
    expect(await areaOf(completeness, scene, {}, { claim: { baseline: own, score: 'margin' } })).toBeCloseTo(1, 5);
    const two = { ...scene, model: linearModel({ height: SIDE, width: SIDE, weights: [shares, shares.map(v => -v)] }) };
    const baseline = scene.baseline;
    expect(await areaOf(completeness, two, {}, { claim: { baseline, score: 'logit' } })).toBeCloseTo(0, 5);
    expect(await areaOf(completeness, two, {}, { claim: { baseline, score: 'margin' } })).toBeCloseTo(0.5, 5);
  });

  it('is undefined for an explainer without a baseline, and for a difference of nearly nothing', async () => {
    expect(await evaluate(completeness, scene, {}, { claim: { score: 'margin' } })).toHaveProperty('undefined');
    expect(await evaluate(completeness, additiveScene(2, 2, [0.1, 0, 0, -0.05]))).toMatchObject({
      undefined: expect.stringMatching(/less than 0.1/),
    });
    expect(completeness.kinds).toEqual(['additive']);
  });
});

describe('non-sensitivity', () => {
  const patched = { patchPixels: 2 };

  it('is 0 for the right map, 1 for the opposite half, chance for a half across', async () => {
    const right = await scoreOf(nonSensitivity, scene, patched);
    expect(right).toEqual({ value: 0, chance: 0.5, details: { irrelevant: 0.5, unmoving: 0.5 } });
    const wrong = withMap(shares.map((_, i) => (i % SIDE < SIDE / 2 ? 0 : 1)));
    expect(await areaOf(nonSensitivity, wrong, patched)).toBe(1);
    const across = withMap(shares.map((_, i) => (i < N / 2 ? 1 : 0)));
    expect(await scoreOf(nonSensitivity, across, patched)).toMatchObject({ value: 0.5, chance: 0.5 });
  });

  it('reads the patches that faithfulness estimate has removed', async () => {
    const { model, passes } = counted(scene.model);
    const memo = rememberingMemo();
    await scoreOf(faithfulnessEstimate, { ...scene, model }, patched, { memo });
    await scoreOf(nonSensitivity, { ...scene, model }, patched, { memo });
    expect(passes.forward).toBe(1 + 16);
  });
});

describe('implementation invariance', () => {
  const graphs = implementationInvariance.variantsOf(implementationInvariance.options.parse({}));
  const under = (gains: readonly (number | null)[]) => ({
    variantMaps: graphs.map((variant, i) => {
      const gain = gains[i];
      if (gain === null || gain === undefined) return { variant, reason: 'it has no ReLU' };
      return {
        variant,
        map: map(
          SIDE,
          SIDE,
          shares.map(v => gain * v),
        ),
      };
    }),
  });

  it('is the largest relative distance over the graphs', async () => {
    expect(graphs).toHaveLength(3);
    expect(await scoreOf(implementationInvariance, scene, {}, under([1, 1, 1]))).toMatchObject({ value: 0 });
    expect(await scoreOf(implementationInvariance, scene, {}, under([1, 1.25, 1]))).toEqual({
      value: expect.closeTo(0.25, 6),
      details: { 'split-convolutions': 0, 'split-relu': expect.closeTo(0.25, 6), 'unfolded-scale': 0 },
    });
  });

  it('leaves out graphs that the engine does not make; undefined without any', async () => {
    expect(await scoreOf(implementationInvariance, scene, {}, under([1, null, 1]))).toMatchObject({ value: 0 });
    expect(await evaluate(implementationInvariance, scene, {}, under([null, null, null]))).toEqual({
      undefined: 'there is no map of another graph: it has no ReLU',
    });
  });
});
