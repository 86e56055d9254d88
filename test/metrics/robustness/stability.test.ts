import { describe, expect, it } from 'vitest';
import { analyticModel, linearModel, smoothModel } from '../../../src/conformance/index.ts';
import type { ExplainAgain } from '../../../src/core/contracts/index.ts';
import { shifted } from '../../../src/core/image/shift.ts';
import { distance, norm } from '../../../src/core/norm.ts';
import { createRng } from '../../../src/core/rng.ts';
import { type Tensor, tensor } from '../../../src/core/tensor.ts';
import { acquisitionStability } from '../../../src/metrics/robustness/acquisition-stability.ts';
import { coherence } from '../../../src/metrics/robustness/coherence.ts';
import { localLipschitz } from '../../../src/metrics/robustness/local-lipschitz.ts';
import { relativeInputStability } from '../../../src/metrics/robustness/relative-input-stability.ts';
import { relativeOutputStability } from '../../../src/metrics/robustness/relative-output-stability.ts';
import { relativeRepresentationStability } from '../../../src/metrics/robustness/relative-representation-stability.ts';
import { repeatability } from '../../../src/metrics/robustness/repeatability.ts';
import { reproducibility } from '../../../src/metrics/robustness/reproducibility.ts';
import { translationEquivariance } from '../../../src/metrics/robustness/translation-equivariance.ts';
import { additiveScene, areaOf, evaluate, map, type Scene, scoreOf } from '../scene.ts';

const SIDE = 16;
const N = SIDE * SIDE;
const weights = Array.from({ length: N }, (_, i) => Math.sin(i) + 0.4);
const values = Array.from({ length: N }, (_, i) => 0.5 + 0.3 * Math.cos(i / 3));
const plain = additiveScene(SIDE, SIDE, weights);
const scene: Scene = {
  ...plain,
  image: { ...plain.image, data: Float32Array.from(values) },
  view: map(SIDE, SIDE, values),
};
const inputTimesGradient = (image: Tensor): Tensor =>
  map(
    SIDE,
    SIDE,
    weights.map((w, i) => w * image.data[i]!),
  );
const explaining = (of: (request: ExplainAgain) => Tensor, asked: ExplainAgain[] = []) => ({
  explain: async (request: ExplainAgain) => {
    asked.push(request);
    return { map: of(request) };
  },
});
const given = { ...scene, attribution: inputTimesGradient(scene.image) };

describe('changes of the map over changes of something else, for input times gradient of a linear model', () => {
  const asked: ExplainAgain[] = [];
  const run = explaining(({ image }) => inputTimesGradient(image), asked);
  const options = { draws: 5, strength: 0.01 };
  const largest = (of: (image: Tensor) => number) => Math.max(...asked.slice(-5).map(a => of(a.image)));
  const change = (image: Tensor) => distance(inputTimesGradient(image).data, given.attribution.data);

  it('local Lipschitz: ‖δ w‖ / ‖δ‖', async () => {
    expect(await areaOf(localLipschitz, given, options, run)).toBeCloseTo(
      largest(image => change(image) / distance(image.data, scene.image.data)),
      9,
    );
    // A map twice as large is twice as bad: why explainers are not ranked by it.
    const twice = (t: Tensor) => ({ ...t, data: t.data.map(v => 2 * v) });
    const double = explaining(({ image }) => twice(inputTimesGradient(image)));
    const once = await areaOf(localLipschitz, given, options, run);
    expect(
      await areaOf(localLipschitz, { ...given, attribution: twice(given.attribution) }, options, double),
    ).toBeCloseTo(2 * once, 5);
    expect(localLipschitz.rankable).toBe(false);
  });

  it('relative input stability: (‖δ w‖ / ‖x w‖) / (‖δ‖ / ‖x‖)', async () => {
    expect(await areaOf(relativeInputStability, given, options, run)).toBeCloseTo(
      largest(
        image =>
          change(image) /
          norm(given.attribution.data) /
          (distance(image.data, scene.image.data) / norm(scene.image.data)),
      ),
      9,
    );
  });

  it('relative output stability: over the change of the logits, Σ δ w', async () => {
    expect(await areaOf(relativeOutputStability, given, options, run)).toBeCloseTo(
      largest(image => {
        const logit = (x: Tensor) => weights.reduce((sum, w, i) => sum + w * x.data[i]!, 0);
        return change(image) / norm(given.attribution.data) / Math.abs(logit(image) - logit(scene.image));
      }),
      3,
    );
  });

  it('element by element, as published, one value near 0 decides', async () => {
    const holed = { ...given, attribution: map(SIDE, SIDE, [1e-5, ...[...given.attribution.data].slice(1)]) };
    const norms = await areaOf(relativeInputStability, holed, options, run);
    const elements = await areaOf(relativeInputStability, holed, { ...options, relative: 'elementwise' }, run);
    expect(elements).toBeGreaterThan(100 * norms);
  });

  it('a constant explainer has 0 in all', async () => {
    const constant = explaining(() => given.attribution);
    for (const metric of [localLipschitz, relativeInputStability, relativeOutputStability]) {
      expect(await areaOf(metric, given, options, constant)).toBe(0);
    }
  });
});

describe('relative representation stability', () => {
  it('is over the relative change of the layer: here the layer is the image, so that it equals that of the input', async () => {
    const model = analyticModel({
      id: 'identity layer',
      spatial: [SIDE, SIDE],
      channels: 1,
      classes: ['a', 'b'],
      logits: x =>
        Float64Array.of(
          weights.reduce((sum, w, i) => sum + w * x[i]!, 0),
          0,
        ),
      layer: {
        name: 'image',
        shape: [SIDE, SIDE, 1],
        activations: x => x.slice(),
        gradient: () => Float32Array.from(weights),
      },
    });
    const run = explaining(({ image }) => inputTimesGradient(image));
    const layered = { ...given, model };
    expect(await areaOf(relativeRepresentationStability, layered, {}, run)).toBeCloseTo(
      await areaOf(relativeInputStability, layered, {}, run),
      9,
    );
  });

  it('is undefined where the model gives no activations', async () => {
    const run = explaining(() => given.attribution);
    expect(await evaluate(relativeRepresentationStability, given, {}, run)).toHaveProperty('undefined');
  });
});

describe('translation equivariance', () => {
  const box = Array.from({ length: N }, (_, i) => {
    const [y, x] = [Math.floor(i / SIDE), i % SIDE];
    return y > 5 && y < 9 && x > 5 && x < 10 ? 1 : 0.1;
  });
  const image = tensor([SIDE, SIDE, 1], Float32Array.from(box));
  const even = {
    model: linearModel({ height: SIDE, width: SIDE, weights: [new Array(N).fill(1), new Array(N).fill(0)] }),
  };
  const at = (attribution: Tensor): Scene => ({
    ...scene,
    ...even,
    image,
    attribution,
    view: map(SIDE, SIDE, box),
    spacing: [2, 2],
  });
  const asMap = (t: Tensor) => map(SIDE, SIDE, t.data);

  it('is 0 for a map that moves with the image (Quantus’ continuity compares it unmoved)', async () => {
    const { value, details } = await scoreOf(
      translationEquivariance,
      at(asMap(image)),
      { reach: 6 },
      explaining(r => asMap(r.image)),
    );
    expect(value).toBe(0);
    expect(details).toMatchObject({ shifts: 8, flippedShare: 0 });
  });

  it('is large for a map that stays where it was', async () => {
    const fixed = explaining(() => asMap(image));
    expect(await areaOf(translationEquivariance, at(asMap(image)), { reach: 6 }, fixed)).toBeGreaterThan(0.5);
  });

  it('follows rows and columns in mm, and needs a shift that fits', async () => {
    const asked: ExplainAgain[] = [];
    const wide = { ...at(asMap(image)), spacing: [20, 2] };
    await areaOf(
      translationEquivariance,
      wide,
      { reach: 6 },
      explaining(r => asMap(r.image), asked),
    );
    expect(asked.every(a => /shifted by 0, -?[123] pixels/.test(a.key))).toBe(true);
    expect(await evaluate(translationEquivariance, at(asMap(image)), { reach: 1 })).toHaveProperty('undefined');
    expect(await evaluate(translationEquivariance, at(asMap(image)), { reach: 16 })).toHaveProperty('undefined');
  });

  it('shifts take the edge in', () => {
    const t = tensor([2, 3], Float32Array.of(1, 2, 3, 4, 5, 6));
    expect([...shifted(t, 1, -1).data]).toEqual([2, 3, 3, 2, 3, 3]);
  });
});

describe('coherence', () => {
  it('is 1 where the seen part has the same map, −1 where the reversed one, and asks for x ã + b (1 − ã)', async () => {
    const asked: ExplainAgain[] = [];
    const attribution = map(
      SIDE,
      SIDE,
      values.map((_, i) => (i === 0 ? 3 : i === 1 ? -1 : 1)),
    );
    const baseline = tensor([SIDE, SIDE, 1], new Float32Array(N).fill(-1));
    const seen = { ...scene, baseline, attribution };
    expect(
      await areaOf(
        coherence,
        seen,
        {},
        explaining(() => attribution, asked),
      ),
    ).toBeCloseTo(1, 9);
    expect(asked[0]!.image.data[0]).toBeCloseTo(values[0]!, 6);
    expect(asked[0]!.image.data[1]).toBe(-1);
    expect(asked[0]!.image.data[2]).toBeCloseTo((values[2]! - 1) / 2, 6);
    const negative = { ...attribution, data: attribution.data.map(v => -v) };
    expect(
      await areaOf(
        coherence,
        seen,
        {},
        explaining(() => negative),
      ),
    ).toBeCloseTo(-1, 9);
    const flat = explaining(() => tensor([SIDE, SIDE]));
    expect(await evaluate(coherence, seen, {}, flat)).toHaveProperty('undefined');
  });
});

describe('repeatability', () => {
  it('is 1 for an explainer that draws nothing, about 0 for one that draws all', async () => {
    const same = explaining(() => given.attribution);
    expect(await scoreOf(repeatability, given, {}, same)).toEqual({ value: 1, details: { maps: 5, identical: 1 } });
    const drawn = explaining(({ replicate }) => {
      const rng = createRng(`replicate ${replicate}`);
      return map(
        SIDE,
        SIDE,
        values.map(() => rng.normal()),
      );
    });
    const { value, details } = await scoreOf(repeatability, given, {}, drawn);
    expect(Math.abs(value)).toBeLessThan(0.1);
    expect(details!['identical']).toBe(0);
  });
});

describe('stability under another acquisition', () => {
  const version = (gain: number) => ({
    image: { ...scene.image, data: scene.image.data.map(v => gain * v) },
    view: scene.view!,
  });
  const world = (of: (image: Tensor) => Tensor) => ({
    sampleVariants: ['no-lesion', 'dose: 0.5', 'kernel: sharp'],
    sampleVariant: async (name: string) => version(name === 'kernel: sharp' ? 1.2 : 0.9),
    ...explaining(({ image }) => of(image)),
  });

  it('is 1 for input times gradient under another brightness, whatever the drift, which is reported', async () => {
    const { value, details } = await scoreOf(acquisitionStability, given, {}, world(inputTimesGradient));
    expect(value).toBeCloseTo(1, 9);
    const margin = weights.reduce((sum, w, i) => sum + w * values[i]!, 0);
    expect(details).toMatchObject({ versions: 2, flippedShare: 0 });
    expect(details!['drift']).toBeCloseTo(((0.1 + 0.2) / 2) * margin, 3);
  });

  it('a version whose prediction drifts far counts for less', async () => {
    const sharp = version(1.2).image.data[0]!;
    const reversed = (image: Tensor) =>
      image.data[0] === sharp ? { ...given.attribution, data: given.attribution.data.map(v => -v) } : given.attribution;
    const value = await areaOf(acquisitionStability, given, {}, world(reversed));
    // +1 with a drift of 0.1 m, −1 with one of 0.2 m.
    const margin = weights.reduce((sum, w, i) => sum + w * values[i]!, 0);
    const [a, b] = [1 / (1 + 0.1 * margin), 1 / (1 + 0.2 * margin)];
    expect(value).toBeCloseTo((a - b) / (a + b), 4);
  });

  it('is undefined where the sample offers none', async () => {
    const none = { ...world(inputTimesGradient), sampleVariants: ['no-lesion'] };
    expect(await evaluate(acquisitionStability, given, {}, none)).toEqual({
      undefined: expect.stringMatching(/no other acquisition; `acquisitions: true`/),
    });
  });
});

describe('reproducibility over trainings', () => {
  const files = ['a.onnx', 'b.onnx'];
  const under = (...entries: { map?: Tensor; predicted?: number; reason?: string }[]) => ({
    variantMaps: entries.map((entry, i) => ({ variant: { kind: 'file' as const, file: files[i]! }, ...entry })),
  });
  const reversed = { ...given.attribution, data: given.attribution.data.map(v => -v) };

  it('is the mean rank correlation over all pairs that predict the class', async () => {
    const options = { weights: files };
    const both = under({ map: given.attribution, predicted: 0 }, { map: reversed, predicted: 0 });
    // Pairs: 1, −1 and −1.
    expect((await scoreOf(reproducibility, given, options, both)).value).toBeCloseTo(-1 / 3, 9);
    const one = under({ map: given.attribution, predicted: 0 }, { map: reversed, predicted: 1 });
    expect(await scoreOf(reproducibility, given, options, one)).toEqual({
      value: expect.closeTo(1, 9),
      details: { models: 2, disagreeing: 1 },
    });
  });

  it('says what it needs', async () => {
    expect(reproducibility.variantsOf({ weights: [] })).toEqual([
      { kind: 'trained', training: 'seed-2' },
      { kind: 'trained', training: 'seed-3' },
    ]);
    expect(await evaluate(reproducibility, given)).toEqual({
      undefined: 'there is no map under the weights of other trainings: there are none',
    });
    const other = under({ map: reversed, predicted: 1 });
    expect(await evaluate(reproducibility, given, { weights: ['a.onnx'] }, other)).toEqual({
      undefined: 'no other training predicts the class explained',
    });
  });
});

it('a smooth network has gradients that change little, and random maps that change much', async () => {
  const model = smoothModel({ height: SIDE, width: SIDE, classes: 2 });
  const rng = createRng('maps');
  const random = () =>
    map(
      SIDE,
      SIDE,
      values.map(() => rng.normal()),
    );
  const still = await areaOf(
    relativeInputStability,
    { ...given, model },
    {},
    explaining(() => given.attribution),
  );
  const wild = await areaOf(relativeInputStability, { ...given, model }, {}, explaining(random));
  expect(wild).toBeGreaterThan(still + 1);
});
