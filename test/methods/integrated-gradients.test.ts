import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { analyticModel } from '../../src/conformance/analytic.ts';
import { linearModel, smoothModel } from '../../src/conformance/models.ts';
import { explainSubject, subjectFor } from '../../src/conformance/subject.ts';
import { imageBatch } from '../../src/core/batch.ts';
import { createRng } from '../../src/core/rng.ts';
import { integratedGradients } from '../../src/methods/integrated-gradients.ts';
import { costOfPath } from '../../src/methods/shared/path.ts';
import { mapOf, relativeL2, sum } from './helpers.ts';

const explainer = integratedGradients;

describe('on a linear model', () => {
  const rng = createRng('weights');
  const weights = [0, 1].map(() => Float64Array.from({ length: 6 * 7 * 3 }, () => rng.normal()));
  const subject = subjectFor(linearModel({ height: 6, width: 7, channels: 3, weights, bias: [4, -1] }), 2);
  const { image, baseline } = subject;
  const exact = (w: (k: number) => number) =>
    Float32Array.from({ length: 42 }, (_, p) =>
      sum([0, 1, 2].map(c => w(3 * p + c) * (image.data[3 * p + c]! - baseline.data[3 * p + c]!))),
    );

  it('is w·(x − b), channels summed, with a single step', async () => {
    const { map, diagnostics } = await mapOf({ explainer, subject, options: { score: 'logit', steps: 1 } });
    expect(
      relativeL2(
        map.data,
        exact(k => weights[0]![k]!),
      ),
    ).toBeLessThan(1e-6);
    expect(diagnostics).toMatchObject({ steps: 1, converged: 1 });
    expect(diagnostics?.completenessGap).toBeLessThan(1e-5);
  });

  it('explains the log-odds by default: the difference of the weights', async () => {
    const { map } = await mapOf({ explainer, subject, class: 1 });
    expect(
      relativeL2(
        map.data,
        exact(k => weights[1]![k]! - weights[0]![k]!),
      ),
    ).toBeLessThan(1e-6);
  });
});

it('is complete on smooth models, for every score', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(1000),
      fc.integer({ min: 0, max: 2 }),
      fc.constantFrom('margin', 'logit', 'probability'),
      async (seed, target, score) => {
        const subject = subjectFor(smoothModel({ height: 6, width: 5, channels: 2, seed }), seed);
        const as = score as 'margin';
        const ends = await subject.model.scores(imageBatch(subject.image, subject.baseline), { as });
        const difference = ends.data[target]! - ends.data[3 + target]!;
        const { map, diagnostics } = await mapOf({ explainer, subject, class: target, options: { score } });
        // By default no further than what counts as complete; with steps enough for the steepest path, to rounding.
        const gap = Math.abs(sum(map.data) - difference) / Math.max(Math.abs(difference), 0.1);
        expect(gap).toBeLessThan(0.05);
        expect(diagnostics!.completenessGapAbsolute).toBeCloseTo(Math.abs(sum(map.data) - difference), 4);
        expect(diagnostics).toMatchObject({ converged: 1 });
        const finer = await mapOf({ explainer, subject, class: target, options: { score, steps: 800, maxSteps: 800 } });
        expect(sum(finer.map.data)).toBeCloseTo(difference, 3);
      },
    ),
    { numRuns: 30 },
  );
});

describe('implementation invariance', () => {
  // σ(w·x) as tanh of the half, and as 1 / (1 + e^−u): the same function by two networks.
  const w = Float64Array.from({ length: 12 }, (_, i) => Math.sin(3 * i + 1));
  const unit = (value: (u: number) => number, slope: (u: number) => number) =>
    analyticModel({
      id: 'unit',
      spatial: [3, 4],
      channels: 1,
      classes: ['no', 'yes'],
      logits: x => Float64Array.of(0, value(sum(w.map((v, i) => v * x[i]!)))),
      gradient: (x, seed) => {
        const s = seed[1]! * slope(sum(w.map((v, i) => v * x[i]!)));
        return Float32Array.from(w, v => s * v);
      },
    });

  it('two networks for one function have one map', async () => {
    const logistic = (u: number) => 1 / (1 + Math.exp(-u));
    const a = unit(logistic, u => logistic(u) * (1 - logistic(u)));
    const b = unit(
      u => (1 + Math.tanh(u / 2)) / 2,
      u => (1 - Math.tanh(u / 2) ** 2) / 4,
    );
    const maps = [];
    for (const model of [a, b]) maps.push(await mapOf({ explainer, subject: subjectFor(model, 4), class: 1 }));
    expect(relativeL2(maps[0]!.map.data, maps[1]!.map.data)).toBeLessThan(1e-6);
  });
});

describe('doubling', () => {
  // A step of height 3 at Σx = 0: the gradient is a spike that few points miss or overrate.
  const spike = (height: number, sharpness: number) =>
    analyticModel({
      id: 'spike',
      spatial: [2, 2],
      channels: 1,
      classes: ['no', 'yes'],
      logits: x => Float64Array.of(0, (height / 2) * Math.tanh(sharpness * (sum(x) - 0.1))),
      gradient: (x, seed) => {
        const slope = (seed[1]! * height * sharpness) / (2 * Math.cosh(sharpness * (sum(x) - 0.1)) ** 2);
        return new Float32Array(4).fill(slope);
      },
    });
  const subjectOf = (height: number, sharpness: number) => {
    const subject = subjectFor(spike(height, sharpness), 0);
    return { ...subject, image: { shape: [2, 2, 1], data: new Float32Array(4).fill(0.5) } };
  };

  it('goes on until the gap is small enough', async () => {
    const { result, backward } = await explainSubject({ explainer, subject: subjectOf(3, 60), class: 1 });
    const { steps, converged, completenessGap } = (result as { diagnostics: Record<string, number> }).diagnostics;
    expect(steps).toBeGreaterThan(50);
    expect(steps).toBeLessThan(400);
    expect(converged).toBe(1);
    expect(completenessGap).toBeLessThan(0.05);
    expect(backward).toBe(2 * steps! - 50);
  });

  it('stops at the limit and says so', async () => {
    const { diagnostics } = await mapOf({ explainer, subject: subjectOf(3, 5000), class: 1 });
    expect(diagnostics).toMatchObject({ steps: 400, converged: 0 });
    expect(diagnostics?.completenessGap).toBeGreaterThan(0.05);
  });

  it("does not happen in Captum's preset", async () => {
    const { options } = explainer.presets.captum!;
    const { diagnostics } = await mapOf({ explainer, subject: subjectOf(3, 5000), class: 1, options });
    expect(diagnostics).toMatchObject({ steps: 50, converged: 0 });
  });

  it('reports the gap in absolute terms alone where the scores hardly differ', async () => {
    const { diagnostics } = await mapOf({ explainer, subject: subjectOf(0.05, 2), class: 1 });
    expect(Object.keys(diagnostics!)).toEqual(['steps', 'completenessGapAbsolute', 'converged']);
  });
});

it('is expected to double its points for two maps of five, each time', () => {
  const expected = (steps: number, maxSteps: number) => costOfPath({ steps, maxSteps }).expected;
  expect(expected(50, 50)).toEqual({ forward: 52, backward: 50 });
  expect(expected(50, 100)).toEqual({ forward: 92, backward: 90 });
  // 50 + 0.4 · 100 + 0.16 · 150.
  expect(expected(50, 150)).toEqual({ forward: 116, backward: 114 });
});

it('is zero where the image is the baseline', async () => {
  const subject = subjectFor(smoothModel({ height: 4, width: 4 }), 0);
  const { map } = await mapOf({ explainer, subject: { ...subject, baseline: subject.image } });
  expect(map.data.every(v => v === 0)).toBe(true);
});

it('the midpoint rule agrees with Gauss–Legendre', async () => {
  const subject = subjectFor(smoothModel({ height: 4, width: 4 }), 0);
  const [a, b] = [
    await mapOf({ explainer, subject }),
    await mapOf({ explainer, subject, options: { rule: 'midpoint' } }),
  ];
  expect(relativeL2(b.map.data, a.map.data)).toBeLessThan(1e-3);
});
