import { describe, expect, it } from 'vitest';
import { analyticModel } from '../../src/conformance/analytic.ts';
import { explainSubject, subjectFor } from '../../src/conformance/subject.ts';
import { type Explainer, isUndefined } from '../../src/core/contracts/index.ts';
import { resizeBilinear } from '../../src/core/image/resize.ts';
import { createRng } from '../../src/core/rng.ts';
import { sameExplainers, sameMap } from '../../src/core/same-maps.ts';
import { type Tensor, tensor } from '../../src/core/tensor.ts';
import { gradCam } from '../../src/methods/grad-cam.ts';
import { gradCamPlusPlus } from '../../src/methods/grad-cam-plus-plus.ts';
import { hiresCam } from '../../src/methods/hires-cam.ts';
import { layerCam } from '../../src/methods/layer-cam.ts';
import { finishCam } from '../../src/methods/shared/cam.ts';
import { resolveLayers } from '../../src/methods/shared/layers.ts';
import { xgradCam } from '../../src/methods/xgrad-cam.ts';
import { mapOf, reasonOf, sum } from './helpers.ts';

const logit = { score: 'logit' };

/** A 4 × 4 model with a layer of 2 × 2 cells and two channels, whose values and gradients are given. */
function given(activations: readonly number[], gradients: readonly number[]) {
  const model = analyticModel({
    id: 'given',
    spatial: [4, 4],
    channels: 1,
    classes: ['a', 'b'],
    logits: () => new Float64Array(2),
    layer: {
      name: 'block',
      shape: [2, 2, 2],
      activations: () => Float32Array.from(activations),
      gradient: (_, seed) => Float32Array.from(gradients, g => g * (seed[0]! - seed[1]!)),
    },
  });
  return subjectFor(model, 0);
}

async function layerMapOf(explainer: Explainer, subject: ReturnType<typeof given>, options: object = {}) {
  const { layerMap, diagnostics } = await mapOf({ explainer, subject, options: { ...logit, ...options } });
  return { values: [...layerMap!.data], diagnostics };
}

// Channel 0 is 1 2 3 4 with gradients 2 0 4 2; channel 1 is 4 3 2 1 with gradients −1 −3 1 −1.
const activations = [1, 4, 2, 3, 3, 2, 4, 1];
const gradients = [2, -1, 0, -3, 4, 1, 2, -1];

describe('on given activations and gradients', () => {
  const subject = given(activations, gradients);

  it('Grad-CAM++ weighs by Σ α g⁺', async () => {
    // ΣA = 10 in both channels: α = 1 / (2 + 10 g), 0 where g = 0.
    const alpha = (g: number) => (g === 0 ? 0 : 1 / (2 + 10 * g));
    const weights = [alpha(2) * 2 + alpha(4) * 4 + alpha(2) * 2, alpha(1) * 1];
    const { values, diagnostics } = await layerMapOf(gradCamPlusPlus, subject);
    const expected = [0, 1, 2, 3].map(p => weights[0]! * activations[2 * p]! + weights[1]! * activations[2 * p + 1]!);
    expected.forEach((v, p) => {
      expect(values[p]).toBeCloseTo(v, 6);
    });
    expect(diagnostics).toEqual({ dropped: 0 });
  });

  it('Grad-CAM++ leaves out a denominator that vanishes, and says which share', async () => {
    // g = −0.2 and ΣA = 10 make 2 g² + g³ ΣA = 0.
    const { values, diagnostics } = await layerMapOf(gradCamPlusPlus, given(activations, gradients.with(1, -0.2)));
    expect(diagnostics).toEqual({ dropped: 1 / 8 });
    expect(values.every(Number.isFinite)).toBe(true);
  });

  it('XGrad-CAM weighs by Σ gA / ΣA', async () => {
    const weights = [(2 * 1 + 0 * 2 + 4 * 3 + 2 * 4) / 10, (-1 * 4 - 3 * 3 + 1 * 2 - 1 * 1) / 10];
    const { values, diagnostics } = await layerMapOf(xgradCam, subject);
    const expected = [0, 1, 2, 3].map(p => weights[0]! * activations[2 * p]! + weights[1]! * activations[2 * p + 1]!);
    expected.forEach((v, p) => {
      expect(values[p]).toBeCloseTo(v, 6);
    });
    expect(diagnostics).toEqual({ vanishing: 0 });
  });

  it('XGrad-CAM gives no weight to a channel that cancels, and counts it', async () => {
    const cancelling = activations.map((v, i) => (i % 2 === 1 ? [1, -1, 2, -2][(i - 1) / 2]! : v));
    const { values, diagnostics } = await layerMapOf(xgradCam, given(cancelling, gradients));
    expect(diagnostics).toEqual({ vanishing: 1 });
    [1, 2, 3, 4].forEach((v, p) => {
      expect(values[p]).toBeCloseTo(2.2 * v, 5);
    });
    const empty = activations.map((v, i) => (i % 2 === 1 ? 0 : v));
    expect((await layerMapOf(xgradCam, given(empty, gradients))).diagnostics).toEqual({ vanishing: 0 });
  });

  it('HiResCAM is Σ g A, signed, or without what speaks against the class', async () => {
    const signed = await layerMapOf(hiresCam, subject);
    expect(signed.values).toEqual([-2, -9, 14, 7]);
    expect(signed.diagnostics).toEqual({ layerSum: 10 });
    expect((await layerMapOf(hiresCam, subject, { relu: 'each' })).values).toEqual([2, 0, 14, 8]);
    const { map, notes } = await mapOf({ explainer: hiresCam, subject, options: logit });
    const enlarged = resizeBilinear(tensor([2, 2], Float32Array.of(-2, -9, 14, 7)), [4, 4], { antialias: false });
    expect([...map.data]).toEqual([...enlarged.data]);
    expect(notes).toEqual({ layer: 'block', grid: '2 × 2' });
    const positive = await mapOf({ explainer: hiresCam, subject, options: { ...logit, relu: 'sum' } });
    expect(Math.min(...positive.map.data)).toBe(0);
    expect([...positive.layerMap!.data]).toEqual([-2, -9, 14, 7]);
  });

  it('HiResCAM says where channels cancel, as in front of a layer normalisation', async () => {
    // Gradients at right angles to the activations of their cell, but for a rounding.
    const across = activations.map(
      (_, i) => (i % 2 === 0 ? activations[i + 1]! : -activations[i - 1]!) * (1 + 1e-6 * i),
    );
    const { notes } = await mapOf({ explainer: hiresCam, subject: given(activations, across), options: logit });
    expect(notes!['cancellation']).toMatch(/^the channels cancel to \de-[67] of their sizes/);
  });

  it('LayerCAM is Σ g⁺ A, and HiResCAM channel by channel where activations are positive', async () => {
    expect((await layerMapOf(layerCam, subject)).values).toEqual([2, 0, 14, 8]);
    const dead = given(
      activations,
      gradients.map(g => -Math.abs(g)),
    );
    expect(await reasonOf({ explainer: layerCam, subject: dead, options: logit })).toMatch(/zero everywhere/);
  });
});

describe('before global pooling and one dense layer', () => {
  // A = relu of eight fixed filters of a pixel, z = V·mean A + c.
  const draw = createRng('linear tail');
  const [filters, classes, area] = [8, 3, 12];
  const [gain, offset, head] = [filters, filters, classes * filters].map(n =>
    Float64Array.from({ length: n }, () => draw.normal()),
  ) as [Float64Array, Float64Array, Float64Array];
  const bias = [0.3, -0.2, 0.1];
  const features = (x: Float32Array) =>
    Float32Array.from({ length: area * filters }, (_, i) =>
      Math.max(0, gain[i % filters]! * x[Math.floor(i / filters)]! + offset[i % filters]!),
    );
  const model = analyticModel({
    id: 'linear-tail',
    spatial: [3, 4],
    channels: 1,
    classes: ['a', 'b', 'c'],
    logits(x) {
      const a = features(x);
      return Float64Array.from(
        bias,
        (b, c) => b + sum([...a].map((v, i) => (head[c * filters + (i % filters)]! * v) / area)),
      );
    },
    layer: {
      name: 'relu',
      shape: [3, 4, filters],
      activations: features,
      gradient: (_, seed) =>
        Float32Array.from({ length: area * filters }, (_, i) =>
          sum([0, 1, 2].map(c => (seed[c]! * head[c * filters + (i % filters)]!) / area)),
        ),
    },
  });

  it('Grad-CAM, XGrad-CAM and HiResCAM are one map, and Grad-CAM++ and LayerCAM are not', async () => {
    for (const score of ['logit', 'margin']) {
      const images = [];
      for (const seed of [0, 1, 2]) {
        const maps = new Map<string, Tensor>();
        for (const explainer of [gradCam, gradCamPlusPlus, xgradCam, hiresCam, layerCam]) {
          const { result } = await explainSubject({ explainer, subject: subjectFor(model, seed), options: { score } });
          // Nothing may be left where ReLU is through.
          if (!isUndefined(result)) maps.set(explainer.name, result.layerMap!);
        }
        images.push(maps);
      }
      expect(sameExplainers(images)).toEqual([['grad-cam', 'xgrad-cam', 'hires-cam']]);
    }
  });

  it('HiResCAM sums to the logit less its bias', async () => {
    const subject = subjectFor(model, 4);
    const { diagnostics } = await mapOf({ explainer: hiresCam, subject, class: 1, options: logit });
    const { data } = await model.scores({ count: 1, write: (_, out) => out.set(subject.image.data) }, { as: 'logit' });
    expect(diagnostics!.layerSum).toBeCloseTo(data[1]! - bias[1]!, 5);
  });
});

describe('same maps', () => {
  const map = (...values: number[]) => tensor([2, 2], Float32Array.from(values));

  it('are the same up to a positive factor, and up to a constant on request', () => {
    const a = map(1, -2, 3, 0);
    expect(sameMap(a, map(2, -4, 6, 0))).toBe(true);
    expect(sameMap(a, map(-1, 2, -3, 0))).toBe(false);
    expect(sameMap(a, map(1, -2, 3.0001, 0))).toBe(false);
    expect(sameMap(a, map(1, -2, 3.0001, 0), { tolerance: 1e-3 })).toBe(true);
    expect(sameMap(a, map(11, 8, 13, 10))).toBe(false);
    expect(sameMap(a, map(11, 8, 13, 10), { shifted: true })).toBe(true);
  });

  it('are not those that are zero everywhere, not finite or of another size', () => {
    expect(sameMap(map(0, 0, 0, 0), map(0, 0, 0, 0))).toBe(false);
    expect(sameMap(map(1, 0, 0, 0), map(Number.NaN, 0, 0, 0))).toBe(false);
    expect(sameMap(map(1, 0, 0, 0), tensor([4], Float32Array.of(1, 0, 0, 0)))).toBe(false);
  });

  it('make explainers one only where they agree on every image', () => {
    const images = [
      new Map([
        ['a', map(1, 2, 3, 4)],
        ['b', map(2, 4, 6, 8)],
        ['c', map(1, 2, 3, 4)],
        ['d', map(4, 3, 2, 1)],
      ]),
      // b has no map here; c differs.
      new Map([
        ['a', map(0, 1, 0, 0)],
        ['c', map(1, 0, 0, 0)],
        ['d', map(0, 2, 0, 0)],
      ]),
    ];
    expect(sameExplainers(images)).toEqual([['a', 'b']]);
    expect(sameExplainers([])).toEqual([]);
  });
});

describe('layers', () => {
  const layer = (name: string, side: number, spatial = true) => ({
    ...{ name, spatial, operator: 'Conv', cam: false },
    shape: [side, side, 8],
  });
  const layers = [
    layer('stem', 32),
    layer('block-1', 16),
    layer('block-2', 8),
    layer('pool', 1),
    layer('dense', 1, false),
  ];
  const model = {
    runtime: { camLayer: 'block-2' } as ReturnType<typeof given>['model']['runtime'],
    layers: async () => layers,
  };

  it('are a name, a depth or a list, without repeats; none is the CAM layer', async () => {
    expect(await resolveLayers(model, undefined)).toEqual(['block-2']);
    expect(await resolveLayers(model, 'block-1')).toEqual(['block-1']);
    expect(await resolveLayers(model, 0)).toEqual(['stem']);
    expect(await resolveLayers(model, 0.35)).toEqual(['block-1']);
    // Neither a layer of one pixel nor one without pixels.
    expect(await resolveLayers(model, 1)).toEqual(['block-2']);
    expect(await resolveLayers(model, [0, 'stem', 1])).toEqual(['stem', 'block-2']);
  });

  it('go by the depth that the engine gives', async () => {
    const deep = { ...model, layers: async () => layers.map(l => ({ ...l, depth: l.name === 'stem' ? 0.9 : 0.1 })) };
    expect(await resolveLayers(deep, 1)).toEqual(['stem']);
  });

  it('are undefined where the model has none', async () => {
    const flat = { runtime: {} as typeof model.runtime, layers: async () => [layer('dense', 1, false)] };
    for (const choice of [undefined, 0.5]) {
      const found = await resolveLayers(flat, choice);
      expect(isUndefined(found) && found.undefined).toMatch(/no layer for class activation maps|no spatial layer/);
    }
    for (const bad of [-0.1, 1.1, [], [2]]) expect(gradCam.options.safeParse({ layer: bad }).success).toBe(false);
  });

  it('are fused on the finest grid: the mean of maps that are scaled to 1, unless told otherwise', () => {
    const [coarse, fine] = [tensor([1, 1], Float32Array.of(5)), tensor([2, 2], Float32Array.of(0, 2, -1, 4))];
    const both = [
      { layer: 'a', map: coarse },
      { layer: 'b', map: fine },
    ];
    const fused = finishCam(both, [2, 2]);
    expect(fused).toMatchObject({ notes: { layer: 'a, b', grid: '2 × 2' } });
    expect(fused).not.toHaveProperty('layerMap');
    expect('map' in fused && [...fused.map.data]).toEqual([0.5, 0.75, 0.5, 1]);
    const largest = finishCam(both, [2, 2], { fuse: values => Math.max(...values), relu: false });
    expect('map' in largest && [...largest.map.data]).toEqual([1, 1, 1, 1]);
  });
});
