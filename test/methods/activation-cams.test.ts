import { describe, expect, it } from 'vitest';
import { type AnalyticLayer, analyticModel } from '../../src/conformance/analytic.ts';
import { type Subject, subjectFor } from '../../src/conformance/subject.ts';
import { firstComponent } from '../../src/core/linear/first-component.ts';
import { ablationCam } from '../../src/methods/ablation-cam.ts';
import { eigenCam } from '../../src/methods/eigen-cam.ts';
import { reciproCam } from '../../src/methods/recipro-cam.ts';
import { scoreCam } from '../../src/methods/score-cam.ts';
import { mapOf, reasonOf } from './helpers.ts';

const logit = { score: 'logit' };

/** Channel 0 is 1 2 3 4, channel 1 is 4 3 2 1, channel 2 is constant: 2 × 2 cells. */
const ACTIVATIONS = [1, 4, 5, 2, 3, 5, 3, 2, 5, 4, 1, 5];
/** Weights of the channels' means in the logits of classes a and b. */
const HEAD = [
  [2, -1, 0.5],
  [-1, 1, 3],
] as const;

/** A model whose layer has given values and whose logits are weighted means of its channels: a linear tail. */
function given(change: Partial<AnalyticLayer> = {}): Subject {
  const logits = (a: ArrayLike<number>) =>
    Float64Array.from(HEAD, weights => weights.reduce((sum, w, k) => sum + w * meanOf(a, k), 0));
  const model = analyticModel({
    id: 'given',
    spatial: [4, 4],
    channels: 1,
    classes: ['a', 'b'],
    logits: image => logits(ACTIVATIONS).map(z => z + image.reduce((s, v) => s + v, 0)),
    layer: { name: 'block', shape: [2, 2, 3], activations: () => Float32Array.from(ACTIVATIONS), logits, ...change },
  });
  return subjectFor(model, 0);
}

function meanOf(a: ArrayLike<number>, k: number): number {
  let sum = 0;
  for (let i = k; i < a.length; i += 3) sum += a[i]!;
  return sum / (a.length / 3);
}

/** Σ_k w_k A_k */
function weighted(weights: readonly number[]): number[] {
  return [0, 1, 2, 3].map(p => weights.reduce((sum, w, k) => sum + w * ACTIVATIONS[3 * p + k]!, 0));
}

function expectClose(got: ArrayLike<number>, want: readonly number[]): void {
  expect(got).toHaveLength(want.length);
  want.forEach((v, i) => {
    expect(got[i]).toBeCloseTo(v, 5);
  });
}

describe('on a layer with a linear tail', () => {
  it.each([0, 1])('Ablation-CAM weighs channels by weight × mean, class %d', async target => {
    const { layerMap } = await mapOf({ explainer: ablationCam, subject: given(), class: target, options: logit });
    expectClose(layerMap!.data, weighted(HEAD[target]!.map((w, k) => w * meanOf(ACTIVATIONS, k))));
  });

  it('Recipro-CAM shows the logit of each cell alone', async () => {
    const { layerMap, map } = await mapOf({ explainer: reciproCam, subject: given(), class: 1, options: logit });
    expectClose(
      layerMap!.data,
      weighted(HEAD[1]).map(v => v / 4),
    );
    expect(map.shape).toEqual([4, 4]);
  });

  it('Recipro-CAM with a Gaussian shows the logit of the weighted cells around each', async () => {
    const { layerMap } = await mapOf({
      explainer: reciproCam,
      subject: given(),
      class: 0,
      options: { ...logit, mask: 'gaussian' },
    });
    const cell = weighted(HEAD[0]).map(v => v / 4);
    const around = (p: number) =>
      cell.reduce((sum, v, q) => {
        const [dy, dx] = [Math.abs((p >> 1) - (q >> 1)), Math.abs((p & 1) - (q & 1))];
        return sum + (v * [4, 2, 1][dy + dx]!) / 16;
      }, 0);
    expectClose(layerMap!.data, [0, 1, 2, 3].map(around));
  });
});

describe('Score-CAM', () => {
  // The logit is that of the layer plus the sum of the image.
  const subject = given();
  const seen = (k: number): number => {
    const low = k === 2 ? 5 : 1;
    const cells = [0, 1, 2, 3].map(p => (ACTIVATIONS[3 * p + k]! - low) / 3);
    // Bilinear, half-pixel centres: 0, ¼, ¾, 1 between the two cells.
    const at = [0, 0.25, 0.75, 1];
    let sum = 0;
    for (const [y, v] of at.entries()) {
      for (const [x, u] of at.entries()) {
        const [top, bottom] = [cells[0]! * (1 - u) + cells[1]! * u, cells[2]! * (1 - u) + cells[3]! * u];
        const i = y * 4 + x;
        sum += (top * (1 - v) + bottom * v) * (subject.image.data[i]! - subject.baseline.data[i]!);
      }
    }
    return sum;
  };

  it('weighs channels by how much the score of what is seen through them exceeds the baseline’s', async () => {
    const options = { ...logit, weights: 'difference' };
    const { layerMap } = await mapOf({ explainer: scoreCam, subject, options });
    expectClose(layerMap!.data, weighted([seen(0), seen(1), 0]));
  });

  it('weighs channels by the softmax of their scores, those of one value left out', async () => {
    const { layerMap, diagnostics } = await mapOf({ explainer: scoreCam, subject, options: logit });
    const [a, b] = [Math.exp(seen(0)), Math.exp(seen(1))];
    expectClose(layerMap!.data, weighted([a / (a + b), b / (a + b), 0]));
    expect(diagnostics!.largestWeight).toBeCloseTo(Math.max(a, b) / (a + b), 5);
  });

  it('has no map of a softmax of a regression’s values, which depends on their unit', async () => {
    const metered: typeof subject.model.metered = counts =>
      Object.assign(subject.model.metered(counts), { regression: true });
    const values = { ...subject, model: Object.assign(Object.create(subject.model), { metered }) };
    expect(await reasonOf({ explainer: scoreCam, subject: values, options: logit })).toMatch(
      /unit.*weights: difference/,
    );
    const { layerMap } = await mapOf({
      explainer: scoreCam,
      subject: values,
      options: { ...logit, weights: 'difference' },
    });
    expectClose(layerMap!.data, weighted([seen(0), seen(1), 0]));
  });

  it('has no map where no channel varies', async () => {
    const flat = given({ activations: () => new Float32Array(12).fill(3) });
    expect(await reasonOf({ explainer: scoreCam, subject: flat, options: logit })).toMatch(/zero everywhere/);
  });
});

describe('Eigen-CAM', () => {
  it('is the first principal component, the larger extreme positive', async () => {
    // Centred channels are ±(−1.5 −.5 .5 1.5) and 0: one direction of length √2.
    const { layerMap, map, diagnostics } = await mapOf({ explainer: eigenCam, subject: given() });
    const component = [-1.5, -0.5, 0.5, 1.5].map(v => v * Math.SQRT2);
    const sign = Math.sign(layerMap!.data[3]!);
    expectClose(
      layerMap!.data,
      component.map(v => sign * v),
    );
    expect(diagnostics!.explainedVariance).toBeCloseTo(1, 6);
    expect(Math.min(...map.data)).toBe(0);
    const lopsided = [0, 0, 0, 0, 0, 0, 0, 0, 0, -9, 9, 0];
    const { layerMap: turned } = await mapOf({
      explainer: eigenCam,
      subject: given({ activations: () => Float32Array.from(lopsided) }),
    });
    expect(turned!.data[3]).toBeGreaterThan(0);
  });

  it('has no map where all positions are alike', async () => {
    const flat = given({ activations: () => Float32Array.from(ACTIVATIONS, (_, i) => i % 3) });
    expect(await reasonOf({ explainer: eigenCam, subject: flat })).toMatch(/alike/);
  });

  it('finds the component whether there are more positions or more channels, and says where there is no first', () => {
    const scores = [3, -1, -2, 4, 0.5, -4.5];
    const direction = [0.6, 0, -0.8];
    const data = scores.flatMap(s => direction.map((d, k) => s * d + 10 * k));
    for (const [rows, columns] of [
      [6, 3],
      [6, 12],
    ] as const) {
      const wide = Array.from({ length: rows * columns }, (_, i) => {
        const k = i % columns;
        return k < 3 ? data[Math.floor(i / columns) * 3 + k]! : k;
      });
      const found = firstComponent(wide, columns);
      if (typeof found === 'string') throw new Error(found);
      const sign = Math.sign(found.scores[0]!);
      expectClose(
        found.scores.map(v => v * sign),
        scores,
      );
    }
    expect(firstComponent([1, 0, -1, 0, 0, 1, 0, -1], 2)).toMatch(/equally much/);
  });
});

it('each says what it costs: passes for every channel or cell of the layer', () => {
  const layers = [{ name: 'block', shape: [7, 5, 12], operator: 'Relu', spatial: true, cam: true, depth: 0.5 }];
  const model = { spatial: [64, 64], channels: 1, layers };
  expect(scoreCam.cost(scoreCam.options.parse({}), model)).toEqual({ forward: 14, backward: 0 });
  expect(ablationCam.cost(ablationCam.options.parse({ layer: 0.4 }), model)).toEqual({ forward: 14, backward: 0 });
  expect(reciproCam.cost(reciproCam.options.parse({}), model)).toEqual({ forward: 36, backward: 0 });
  const unopened = { spatial: [64, 64], channels: 1 };
  expect(reciproCam.cost(reciproCam.options.parse({}), unopened)).toEqual({ forward: 65, backward: 0, atMost: true });
  expect(scoreCam.cost(scoreCam.options.parse({}), unopened)).toMatchObject({ atMost: true });
});
