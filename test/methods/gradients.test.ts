import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { analyticModel } from '../../src/conformance/analytic.ts';
import { denseModel, linearModel, smoothModel } from '../../src/conformance/models.ts';
import { rememberingMemo } from '../../src/conformance/score.ts';
import { explainSubject, subjectFor } from '../../src/conformance/subject.ts';
import { createRng } from '../../src/core/rng.ts';
import { filled } from '../../src/core/tensor.ts';
import { inputXGradient } from '../../src/methods/input-x-gradient.ts';
import { saliency } from '../../src/methods/saliency.ts';
import { smoothgrad } from '../../src/methods/smoothgrad.ts';
import { smoothgradSquared } from '../../src/methods/smoothgrad-squared.ts';
import { vargrad } from '../../src/methods/vargrad.ts';
import { mapOf, reasonOf, relativeL2, sum } from './helpers.ts';

const [height, width, channels] = [6, 7, 3];
const rng = createRng('weights');
const weights = [0, 1].map(() => Float64Array.from({ length: height * width * channels }, () => rng.normal()));
const linear = subjectFor(linearModel({ height, width, channels, weights, bias: [4, -1] }), 2);
const logit = { score: 'logit' };
/** Σ over a pixel's channels of `value`. */
const perPixel = (value: (k: number) => number) =>
  Float32Array.from({ length: height * width }, (_, p) => sum([0, 1, 2].map(c => value(3 * p + c))));

describe('saliency', () => {
  it('of a linear model is the weights, channels summed before the absolute value', async () => {
    const w = perPixel(k => weights[0]![k]!);
    const plain = await mapOf({ explainer: saliency, subject: linear, options: logit });
    expect(relativeL2(plain.map.data, w.map(Math.abs))).toBeLessThan(1e-6);
    const signed = await mapOf({ explainer: saliency, subject: linear, options: { ...logit, signed: true } });
    expect(relativeL2(signed.map.data, w)).toBeLessThan(1e-6);
  });

  it('takes the largest channel on request, which has no sign', async () => {
    const { map } = await mapOf({ explainer: saliency, subject: linear, options: { ...logit, channels: 'maximum' } });
    const largest = Float32Array.from(map.data, (_, p) =>
      Math.max(...[0, 1, 2].map(c => Math.abs(weights[0]![3 * p + c]!))),
    );
    expect(relativeL2(map.data, largest)).toBeLessThan(1e-6);
    expect(() => saliency.options.parse({ signed: true, channels: 'maximum' })).toThrow(/has no sign/);
  });

  it('is undefined where nothing changes the score', async () => {
    const zero = new Float64Array(height * width * channels);
    const dead = subjectFor(linearModel({ height, width, channels, weights: [zero, zero] }), 0);
    expect(await reasonOf({ explainer: saliency, subject: dead })).toMatch(/zero everywhere/);
  });
});

describe('input × gradient', () => {
  it('of a linear model is w (x − b), which sums to f(x) − f(b)', async () => {
    const { image, baseline } = linear;
    const { map } = await mapOf({ explainer: inputXGradient, subject: linear, options: logit });
    const exact = perPixel(k => weights[0]![k]! * (image.data[k]! - baseline.data[k]!));
    expect(relativeL2(map.data, exact)).toBeLessThan(1e-6);
    const scores = await linear.model.scores(
      { count: 2, write: (i, out) => out.set((i === 0 ? image : baseline).data) },
      { as: 'logit' },
    );
    expect(sum(map.data)).toBeCloseTo(scores.data[0]! - scores.data[2]!, 4);
  });

  it('of a network of rectifiers without biases is complete against zero', async () => {
    const model = reluNet();
    const subject = subjectFor(model, 1);
    const zero = { ...subject, baseline: filled(subject.image.shape, 0) };
    const { map } = await mapOf({ explainer: inputXGradient, subject: zero, options: logit });
    const scores = await model.scores({ count: 1, write: (_, out) => out.set(subject.image.data) }, { as: 'logit' });
    expect(sum(map.data)).toBeCloseTo(scores.data[0]!, 5);
  });
});

/** z = V·relu(U·x), without biases. */
function reluNet() {
  const draw = createRng('relu net');
  const [u, v] = [20 * 8, 8 * 2].map(n => Float64Array.from({ length: n }, () => draw.normal())) as [
    Float64Array,
    Float64Array,
  ];
  const hidden = (x: Float32Array) =>
    Float64Array.from({ length: 8 }, (_, j) => Math.max(0, sum([...x].map((value, i) => u[j * 20 + i]! * value))));
  return analyticModel({
    id: 'relu',
    spatial: [4, 5],
    channels: 1,
    classes: ['a', 'b'],
    logits: x => Float64Array.from([0, 1], c => sum([...hidden(x)].map((h, j) => v[c * 8 + j]! * h))),
    gradient(x, seed) {
      const h = hidden(x);
      return Float32Array.from({ length: 20 }, (_, i) =>
        sum([...h].map((value, j) => (value > 0 ? u[j * 20 + i]! * (seed[0]! * v[j]! + seed[1]! * v[8 + j]!) : 0))),
      );
    },
  });
}

describe('averages over noise', () => {
  const family = [smoothgrad, smoothgradSquared, vargrad];
  const subject = subjectFor(smoothModel({ height: 5, width: 4, channels: 2, seed: 3 }), 3);
  const ask = (explainer: (typeof family)[number], more: object = {}, options: object = {}) => ({
    ...{ explainer, subject, wrapped: saliency, ...more },
    options: { draws: 40, sigma: 0.3, ...options },
  });

  it('of a linear model: the gradient, its square, and no variance', async () => {
    const w = perPixel(k => weights[0]![k]!);
    const more = { subject: linear };
    const mean = await mapOf(ask(smoothgrad, more, logit));
    expect(relativeL2(mean.map.data, w)).toBeLessThan(1e-6);
    expect(Math.max(...mean.standardErrors!.data)).toBe(0);
    expect(
      relativeL2(
        (await mapOf(ask(smoothgradSquared, more, logit))).map.data,
        w.map(v => v * v),
      ),
    ).toBeLessThan(1e-6);
    expect(await reasonOf(ask(vargrad, more, logit))).toMatch(/same for all noisy copies/);
    expect(await reasonOf(ask(vargrad, {}, { draws: 1 }))).toMatch(/raise draws/);
  });

  it('draw the same noise: the square is the variance and the mean squared', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), fc.integer({ min: 2, max: 20 }), async (seed, draws) => {
        const [mean, square, variance] = await Promise.all(
          family.map(async explainer => (await mapOf(ask(explainer, { seed }, { draws }))).map.data),
        );
        const expected = variance!.map((v, p) => v + mean![p]! ** 2);
        expect(relativeL2(square!, expected)).toBeLessThan(1e-5);
      }),
      { numRuns: 8 },
    );
  });

  it('share their passes', async () => {
    const memo = rememberingMemo();
    const spent = [];
    for (const explainer of family) spent.push((await explainSubject(ask(explainer, { memo }))).backward);
    expect(spent).toEqual([40, 0, 0]);
  });

  it('come near the Gaussian integral of a function of one pixel', async () => {
    // z = sin 3x: the gradient 3 cos 3x has the mean 3 cos(3x) e^(−9σ²/2) over x + N(0, σ²).
    const model = analyticModel({
      id: 'sine',
      spatial: [1, 2],
      channels: 1,
      classes: ['a', 'b'],
      logits: x => Float64Array.of(Math.sin(3 * x[0]!), 0),
      gradient: (x, seed) => Float32Array.of(seed[0]! * 3 * Math.cos(3 * x[0]!), 0),
    });
    const at = { ...subjectFor(model, 0), image: filled([1, 2, 1], 0.2), windowRange: [2] };
    const options = { ...logit, draws: 20_000, sigma: 0.1 };
    const sigma = 0.2;
    const shrink = Math.exp((-9 * sigma ** 2) / 2);
    const mean = 3 * Math.cos(0.6) * shrink;
    const square = (9 / 2) * (1 + Math.cos(1.2) * shrink ** 4);
    const expected = [mean, square, square - mean ** 2];
    for (const [i, explainer] of family.entries()) {
      const { map, standardErrors, diagnostics } = await mapOf(ask(explainer, { subject: at }, options));
      const error = standardErrors!.data[0]!;
      expect(diagnostics).toEqual({ draws: 20_000, sigma: expect.closeTo(0.2, 6) });
      expect(Math.abs(map.data[0]! - expected[i]!)).toBeLessThan(4 * error);
      expect(error).toBeLessThan(0.05);
    }
  });

  it('have standard errors that the spread over seeds bears out', async () => {
    for (const explainer of family) {
      const maps = await Promise.all(
        Array.from({ length: 60 }, (_, seed) => mapOf(ask(explainer, { seed: `s${seed}` }, { draws: 30 }))),
      );
      const ratio = maps[0]!.map.data.map((_, p) => {
        const values = maps.map(m => m.map.data[p]!);
        const mean = sum(values) / 60;
        const spread = sum(values.map(v => (v - mean) ** 2)) / 59;
        return spread / (sum(maps.map(m => m.standardErrors!.data[p]! ** 2)) / 60);
      });
      expect(sum(ratio) / ratio.length).toBeGreaterThan(0.75);
      expect(sum(ratio) / ratio.length).toBeLessThan(1.33);
    }
  });

  it('take sigma as a share of the window, of the image, or as it is', async () => {
    const sigma = async (options: object, more: object = {}) =>
      (await mapOf(ask(smoothgrad, more, { draws: 2, ...options }))).diagnostics!.sigma;
    const { data } = subject.image;
    const range = Math.max(...data) - Math.min(...data);
    expect(await sigma({})).toBeCloseTo(0.3 * 1.5, 6);
    expect(await sigma({ relativeTo: 'image' })).toBeCloseTo(0.3 * range, 6);
    expect(await sigma({ relativeTo: 'one' })).toBeCloseTo(0.3, 6);
    // Where the window is not known, the image's own range stands for it.
    const { windowRange: _, ...unknown } = subject;
    expect(await sigma({}, { subject: unknown })).toBeCloseTo(0.3 * range, 6);
  });

  it('can end with the image itself, and then have no standard errors', async () => {
    const one = { draws: 1, includeImage: true };
    const { map, standardErrors } = await mapOf(ask(smoothgrad, {}, one));
    const plain = await mapOf({ explainer: saliency, subject, options: { signed: true } });
    expect(relativeL2(map.data, plain.map.data)).toBeLessThan(1e-6);
    expect(standardErrors).toBeUndefined();
  });

  it('explain volumes', async () => {
    const volume = subjectFor(denseModel({ spatial: [3, 4, 5] }), 0);
    expect((await mapOf(ask(smoothgrad, { subject: volume }))).map.shape).toEqual([3, 4, 5]);
  });
});
