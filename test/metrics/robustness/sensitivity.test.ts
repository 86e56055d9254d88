import { describe, expect, it } from 'vitest';
import { rememberingMemo } from '../../../src/conformance/score.ts';
import { type ExplainAgain, isUndefined } from '../../../src/core/contracts/index.ts';
import { distance, norm } from '../../../src/core/norm.ts';
import { createRng } from '../../../src/core/rng.ts';
import type { Tensor } from '../../../src/core/tensor.ts';
import { avgSensitivity } from '../../../src/metrics/robustness/avg-sensitivity.ts';
import { maxSensitivity } from '../../../src/metrics/robustness/max-sensitivity.ts';
import { additiveScene, counted, evaluate, map, type Scene, scoreOf } from '../scene.ts';

const SIDE = 12;
const weights = Array.from({ length: SIDE * SIDE }, (_, i) => Math.sin(i) + 0.4);
const values = Array.from({ length: SIDE * SIDE }, (_, i) => 0.5 + 0.3 * Math.cos(i / 3));
const plain = additiveScene(SIDE, SIDE, weights);
/** The margin is Σ w x, of an image that varies; its input space is the window itself. */
const scene: Scene = {
  ...plain,
  image: { ...plain.image, data: Float32Array.from(values) },
  view: map(SIDE, SIDE, values),
};
const saliency = (): Tensor => map(SIDE, SIDE, weights);
const inputTimesGradient = (image: Tensor): Tensor =>
  map(
    SIDE,
    SIDE,
    weights.map((w, i) => w * image.data[i]!),
  );
const explaining = (of: (image: Tensor) => Tensor, asked: ExplainAgain[] = []) => ({
  explain: async (request: ExplainAgain) => {
    asked.push(request);
    return { map: of(request.image) };
  },
});

describe('max- and avg-sensitivity', () => {
  it('are 0 for the saliency of a linear model, whose gradient is the same everywhere', async () => {
    for (const metric of [maxSensitivity, avgSensitivity]) {
      const { value } = await scoreOf(metric, { ...scene, attribution: saliency() }, {}, explaining(saliency));
      expect(value).toBe(0);
    }
  });

  it('are ‖δ w‖ / ‖x w‖ for input times gradient of a linear model', async () => {
    const asked: ExplainAgain[] = [];
    const attribution = inputTimesGradient(scene.image);
    const given = { ...scene, attribution };
    const options = { draws: 6, strength: 0.01 };
    const largest = await scoreOf(maxSensitivity, given, options, explaining(inputTimesGradient, asked));
    const expected = asked.map(
      ({ image }) => distance(inputTimesGradient(image).data, attribution.data) / norm(attribution.data),
    );
    expect(asked).toHaveLength(6);
    expect(largest.value).toBeCloseTo(Math.max(...expected), 9);
    const mean = expected.reduce((a, b) => a + b, 0) / 6;
    expect(largest.details).toMatchObject({ mean: expect.closeTo(mean, 9), flippedShare: 0, copies: 6 });
    const average = await scoreOf(avgSensitivity, given, options, explaining(inputTimesGradient));
    expect(average.value).toBeCloseTo(mean, 9);
    // Noise of a hundredth of the window, in an image of about half a window: some two hundredths.
    expect(mean).toBeGreaterThan(0.01);
    expect(mean).toBeLessThan(0.04);
  });

  it('a map that turns about at the slightest noise is worse than one that stays', async () => {
    const wild = (image: Tensor) => (image.data[0] === scene.image.data[0] ? saliency() : negated());
    const negated = () => ({ shape: [SIDE, SIDE], data: saliency().data.map(v => -v) });
    const given = { ...scene, attribution: saliency() };
    expect((await scoreOf(maxSensitivity, given, {}, explaining(wild))).value).toBeCloseTo(2, 6);
  });

  it('share one run: the second spends nothing, and asks for the same copies', async () => {
    const { model, passes } = counted(scene.model);
    const asked: ExplainAgain[] = [];
    const given = { ...scene, model, attribution: saliency() };
    const shared = { ...explaining(saliency, asked), memo: rememberingMemo() };
    await scoreOf(maxSensitivity, given, {}, shared);
    await scoreOf(avgSensitivity, given, {}, shared);
    expect(passes.forward).toBe(11);
    expect(asked.slice(10).map(a => [a.key, a.image.data])).toEqual(asked.slice(0, 10).map(a => [a.key, a.image.data]));
  });

  it('measure the noise of the image, and add as much again', async () => {
    const rng = createRng('scanner');
    const noisy = Array.from({ length: SIDE * SIDE }, (_, i) => 0.5 + 0.01 * (i % SIDE) + 0.02 * rng.normal());
    const data = Float32Array.from(noisy);
    const given = { ...scene, image: { ...scene.image, data }, view: map(SIDE, SIDE, noisy), attribution: saliency() };
    const { details } = await scoreOf(maxSensitivity, given, {}, explaining(saliency));
    expect(details!['strength']).toBeGreaterThan(0.01);
    expect(details!['strength']).toBeLessThan(0.03);
  });

  it('leave out copies that change the prediction, and say how many', async () => {
    // The margin of the first class is next to nothing, so that half of the copies cross it.
    const sum = weights.reduce((a, w, i) => a + w * Math.fround(values[i]!), 0);
    const biased = additiveScene(SIDE, SIDE, [
      ...weights.slice(0, -1),
      weights.at(-1)! - sum / Math.fround(values.at(-1)!),
    ]);
    const given = { ...scene, model: biased.model, attribution: saliency() };
    const { details } = await scoreOf(maxSensitivity, given, { draws: 40, strength: 0.05 }, explaining(saliency));
    expect(details!['flippedShare']).toBeGreaterThan(0.2);
    expect(details!['flippedShare']).toBeLessThan(0.8);
    expect(details!['copies']).toBe(40 - 40 * details!['flippedShare']!);
  });

  it('are undefined where no copy has a map, or the window’s range is not known', async () => {
    const none = { explain: async () => ({ undefined: 'zero everywhere' }) };
    const given = { ...scene, attribution: saliency() };
    expect(await evaluate(maxSensitivity, given, {}, none)).toEqual({
      undefined: 'no copy has a map: zero everywhere',
    });
    const flat = {
      ...given,
      view: map(
        SIDE,
        SIDE,
        values.map(() => 0.5),
      ),
    };
    const result = await evaluate(maxSensitivity, flat, {}, explaining(saliency));
    expect(isUndefined(result) && result.undefined).toMatch(/the image does not vary/);
    // Noise in input space needs no window.
    expect(await evaluate(maxSensitivity, flat, { noise: 'uniform' }, explaining(saliency))).toMatchObject({
      value: 0,
    });
  });
});
