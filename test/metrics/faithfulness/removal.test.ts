import { describe, expect, it } from 'vitest';
import { linearModel } from '../../../src/conformance/index.ts';
import { rememberingMemo } from '../../../src/conformance/score.ts';
import { createRng } from '../../../src/core/rng.ts';
import { tensor } from '../../../src/core/tensor.ts';
import { aopc } from '../../../src/metrics/faithfulness/aopc.ts';
import { averageDrop } from '../../../src/metrics/faithfulness/average-drop.ts';
import { averageGain } from '../../../src/metrics/faithfulness/average-gain.ts';
import { confidenceIncrease } from '../../../src/metrics/faithfulness/confidence-increase.ts';
import { deletion } from '../../../src/metrics/faithfulness/deletion.ts';
import { insertion } from '../../../src/metrics/faithfulness/insertion.ts';
import { irof } from '../../../src/metrics/faithfulness/irof.ts';
import { picAic } from '../../../src/metrics/faithfulness/pic-aic.ts';
import { picSic } from '../../../src/metrics/faithfulness/pic-sic.ts';
import { road } from '../../../src/metrics/faithfulness/road.ts';
import { sufficientShare } from '../../../src/metrics/faithfulness/sufficient-share.ts';
import { exactFill } from '../../support/exact-fill.ts';
import { additiveScene, areaOf, counted, evaluate, map, type Scene, scoreOf } from '../scene.ts';

const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));
const SIDE = 12;
const N = SIDE * SIDE;

describe('area over the perturbation curve', () => {
  // Four regions of 2 × 2 with the sums 4, 3, −2 and 1.
  const sums = [4, 3, -2, 1];
  const shares = Array.from({ length: 16 }, (_, i) => sums[2 * Math.floor(i / 8) + Math.floor((i % 4) / 2)]! / 4);
  const scene = additiveScene(4, 4, shares);
  const options = { fill: 'baseline', side: 2, regions: 3 };

  it('is the mean fall over the first regions, that of none included', async () => {
    const { value, details } = await scoreOf(aopc, scene, options);
    // Falls 0, 4, 7, 8.
    expect(value).toBeCloseTo((0 + 4 + 7 + 8) / 4, 5);
    expect(details).toMatchObject({ regions: 3, share: 0.75 });
  });

  it('against least first: the inverted map has the negative, a map that is right the most', async () => {
    const against = { ...options, against: 'least-first' };
    // Least first: falls 0, −2, −1, 2.
    const { value, details } = await scoreOf(aopc, scene, against);
    expect(value).toBeCloseTo(19 / 4 - -1 / 4, 5);
    expect(details).toMatchObject({ mostFirst: expect.closeTo(19 / 4, 5), leastFirst: expect.closeTo(-1 / 4, 5) });
    const inverted = {
      ...scene,
      attribution: map(
        4,
        4,
        shares.map(v => -v),
      ),
    };
    expect(await areaOf(aopc, inverted, against)).toBeCloseTo(-value, 5);
  });

  it('noise over the window: a linear model falls by w (x − u)', async () => {
    const values = Array.from({ length: 16 }, (_, i) => (i % 5) / 4);
    const image = tensor([4, 4, 1], Float32Array.from(values));
    const noisy = { ...scene, image, view: map(4, 4, values) };
    const found = await Promise.all([1, 2].map(seed => areaOf(aopc, noisy, { side: 2 }, { rng: createRng(seed) })));
    expect(found[0]).not.toBe(found[1]);
    // All four regions: on average over the noise the falls of the first k regions of Σ w (x − ½).
    let mean = 0;
    for (let s = 0; s < 200; s++) mean += (await areaOf(aopc, noisy, { side: 2 }, { rng: createRng(s) })) / 200;
    const fall = (r: number) => {
      let sum = 0;
      for (let i = 0; i < 16; i++) {
        if (2 * Math.floor(i / 8) + Math.floor((i % 4) / 2) === r) sum += shares[i]! * (values[i]! - 0.5);
      }
      return sum;
    };
    const order = [0, 1, 3, 2];
    const falls = order.map((_, k) => order.slice(0, k + 1).reduce((sum, r) => sum + fall(r), 0));
    expect(mean).toBeCloseTo(falls.reduce((a, b) => a + b, 0) / 5, 1);
  });
});

describe('iterative removal of features', () => {
  // Two halves; SLIC makes four quarters of them.
  const values = Array.from({ length: N }, (_, i) => (i % SIDE < SIDE / 2 ? 0.2 : 0.8));
  const image = tensor([SIDE, SIDE, 1], Float32Array.from(values));
  const left: number[] = Array.from({ length: N }, (_, i) => (i % SIDE < SIDE / 2 ? 1 : 0));
  const given = (weights: readonly number[], attribution = left): Scene => ({
    ...additiveScene(SIDE, SIDE, weights),
    image,
    view: map(SIDE, SIDE, values),
    attribution: map(SIDE, SIDE, attribution),
  });
  const two = { segments: 4, fill: 'baseline' };

  it('is 1 − the area under p / p₀ over segments, the first point included', async () => {
    const scene = given(left.map(v => v / 10));
    const { value, details, curve } = await scoreOf(irof, scene, two);
    expect(details).toMatchObject({ segments: 4 });
    // The left half has 72 pixels of 0.2 × 0.1; its two quarters are not quite equal.
    const [p0, p1, p2] = curve!.score as [number, number, number];
    expect([p0, p2]).toEqual([expect.closeTo(sigmoid(1.44), 5), expect.closeTo(0.5, 5)]);
    expect(Math.abs(p1 - sigmoid(0.72))).toBeLessThan(0.04);
    const [r1, r2] = [p1 / p0, p2 / p0];
    expect(value).toBeCloseTo(1 - ((1 + r1) / 2 + (r1 + r2) / 2 + r2 + r2) / 4, 5);
    // The wrong half first: the probability stays for two steps.
    const wrong = given(
      left.map(v => v / 10),
      left.map(v => 1 - v),
    );
    expect(await areaOf(irof, wrong, two)).toBeCloseTo(1 - (2 + (1 + r1) / 2 + (r1 + r2) / 2) / 4, 5);
  });

  it('is undefined for a model that looks at nothing (Quantus 0.6 gives 1)', async () => {
    expect(await evaluate(irof, given(new Array(N).fill(0)), two)).toEqual({
      undefined: 'the probability is the same whatever is removed',
    });
  });

  it('is negative where the probability rises, and undefined where there is none to begin with', async () => {
    expect(await areaOf(irof, given(left.map(v => -v / 10)), two)).toBeLessThan(0);
    expect(await evaluate(irof, given(left.map(v => -v)), two)).toMatchObject({
      undefined: expect.stringMatching(/less than 0.01/),
    });
  });
});

describe('what is left where the image is seen through the map', () => {
  const shares = [2, 1, -1, 0.5];
  const scene = (attribution: readonly number[]) => additiveScene(2, 2, shares, attribution);

  it('by hand: p = σ(2.5), pₐ = σ(Σ ã w)', async () => {
    // ã = (1, ½, 0, ½).
    const seen = scene([3, 1, -1, 1]);
    const [p, pa] = [sigmoid(2.5), sigmoid(2 + 0.5 + 0.25)];
    expect(await areaOf(averageGain, seen)).toBeCloseTo((pa - p) / (1 - p), 5);
    expect(await areaOf(averageDrop, seen)).toBe(0);
    expect(await areaOf(confidenceIncrease, seen)).toBe(1);
    // ã = (0, 0, 1, 0).
    const against = scene([0, 0, 1, 0]);
    expect(await areaOf(averageDrop, against)).toBeCloseTo(1 - sigmoid(-1) / p, 5);
    expect(await areaOf(averageGain, against)).toBe(0);
    expect(await areaOf(confidenceIncrease, against)).toBe(0);
  });

  it('a flat bright map that knows nothing beats the right one: why they are never ranked', async () => {
    const positive = (attribution: readonly number[]) => additiveScene(2, 2, [2, 1, 1, 0.5], attribution);
    const flat = positive([1, 1, 1, 0]);
    expect(await areaOf(averageDrop, flat)).toBeLessThan(await areaOf(averageDrop, positive([2, 1, 1, 0.5])));
    for (const metric of [averageDrop, averageGain, confidenceIncrease]) expect(metric.rankable).toBe(false);
  });

  it('share one run, and have no meaning for a probability near 0 or 1', async () => {
    const { model, passes } = counted(scene(shares).model);
    const mapMemo = rememberingMemo();
    for (const m of [averageDrop, averageGain, confidenceIncrease])
      await evaluate(m, { ...scene(shares), model }, {}, { mapMemo });
    expect(passes.forward).toBe(2);
    // Another baseline is another run.
    const bright = { ...scene(shares), baseline: tensor([2, 2, 1], new Float32Array(4).fill(2)) };
    const apart = await areaOf(averageDrop, bright);
    expect(await areaOf(averageDrop, bright, {}, { mapMemo })).toBe(apart);
    const low = additiveScene(2, 2, [-9, 0, 0, 1]);
    expect(await evaluate(averageDrop, low)).toMatchObject({ undefined: expect.stringMatching(/less than 0.01/) });
    const high = additiveScene(2, 2, [9, 0, 0, 1]);
    expect(await evaluate(averageGain, high)).toMatchObject({ undefined: expect.stringMatching(/no room/) });
    expect(await areaOf(averageDrop, high)).toBeLessThan(0.01);
  });
});

describe('sufficient share', () => {
  // Margin −5 on the baseline, +2 with the first pixel, +4 with the second, +5 with all.
  const weights = [7, 2, 1, 0];
  const model = linearModel({ height: 2, width: 2, weights: [weights, [0, 0, 0, 0]], bias: [-5, 0] });
  const scene = { ...additiveScene(2, 2, weights), model };

  it('is the least share that keeps the class and 0.9 of its probability', async () => {
    // σ(2) = 0.881 and 0.9 σ(5) = 0.894: the first pixel is not enough.
    expect(await areaOf(sufficientShare, scene)).toBe(0.5);
    expect(await areaOf(sufficientShare, { ...scene, attribution: map(2, 2, [0, 1, 2, 3]) })).toBe(1);
  });

  it('costs nothing after insertion', async () => {
    const { model: counting, passes } = counted(model);
    const memo = rememberingMemo();
    await scoreOf(insertion, { ...scene, model: counting }, {}, { memo });
    const before = passes.forward;
    await scoreOf(sufficientShare, { ...scene, model: counting }, {}, { memo });
    expect(passes.forward).toBe(before);
  });

  it('is undefined where the class is another, or the baseline is enough', async () => {
    expect(await evaluate(sufficientShare, scene, {}, { target: { class: 1 } })).toMatchObject({
      undefined: 'the class explained is not the one predicted',
    });
    expect(await evaluate(sufficientShare, additiveScene(2, 2, [0.1, 0, 0, 0]))).toEqual({
      undefined: 'the baseline alone is enough',
    });
  });
});

describe('ROAD', () => {
  // The middle of a bright square decides; around it there is nothing.
  const inside = (i: number) => Math.abs(Math.floor(i / SIDE) - 5.5) < 2 && Math.abs((i % SIDE) - 5.5) < 2;
  const values = Array.from({ length: N }, (_, i) => (inside(i) ? 1 : 0.1));
  const weights = Array.from({ length: N }, (_, i) => (inside(i) ? 1 : 0));
  const model = linearModel({ height: SIDE, width: SIDE, weights: [weights, new Array(N).fill(0)], bias: [-8, 0] });
  const scene: Scene = {
    ...additiveScene(SIDE, SIDE, weights),
    model,
    image: tensor([SIDE, SIDE, 1], Float32Array.from(values)),
    view: map(SIDE, SIDE, values),
  };

  it('is 1 where the square is first, −1 where it is last, 0 in expectation for a random order', async () => {
    const options = { noise: 0 };
    const { value, details, curve } = await scoreOf(road, scene, options);
    // Most relevant first: the square of 16 is gone at 20 % (28.8 pixels) and comes back at no step.
    expect(details).toMatchObject({ leastFirst: 1 });
    expect(details!['mostFirst']).toBeLessThan(0.12);
    expect(value).toBeGreaterThan(0.85);
    expect([curve!.score[0], curve!.score[10]]).toEqual([0, 0]);
    const inverted = {
      ...scene,
      attribution: map(
        SIDE,
        SIDE,
        weights.map(v => -v),
      ),
    };
    expect(await areaOf(road, inverted, options)).toBeCloseTo(-value, 12);
  });

  it('is the score of images filled exactly, to 1e-5', async () => {
    const rng = createRng('filled exactly');
    const draw = () => Array.from({ length: N }, () => rng.normal());
    const [pixels, sensitive, relevance] = [draw(), draw(), draw()];
    const score = (image: ArrayLike<number>) => sensitive.reduce((sum, v, i) => sum + v * image[i]!, 0);
    const bias = 1 - score(pixels);
    const own: Scene = {
      ...scene,
      model: linearModel({ height: SIDE, width: SIDE, weights: [sensitive, new Array(N).fill(0)], bias: [bias, 0] }),
      image: tensor([SIDE, SIDE, 1], Float32Array.from(pixels)),
      attribution: map(SIDE, SIDE, relevance),
    };
    const { value } = await scoreOf(road, own, { noise: 0, follow: 'probability' });
    const order = [...relevance.keys()].sort((a, b) => relevance[b]! - relevance[a]!);
    const mean = (from: readonly number[]) => {
      const shares = Array.from({ length: 9 }, (_, s) => new Set(from.slice(0, Math.round((s + 1) * 0.1 * N))));
      const left = shares.map(gone => {
        const removed = Uint8Array.from(pixels, (_, i) => (gone.has(i) ? 1 : 0));
        return 1 / (1 + Math.exp(-bias - score(exactFill(own.image.data, removed, [SIDE, SIDE]))));
      });
      return left.reduce((a, b) => a + b, 0) / left.length;
    };
    expect(Math.abs(value - (mean([...order].reverse()) - mean(order)))).toBeLessThan(1e-5);
    expect(Math.abs(value)).toBeGreaterThan(0.01);
  });

  it('follows probabilities where told to, and is undefined where the class is another', async () => {
    const { value, details } = await scoreOf(road, scene, { noise: 0, follow: 'probability' });
    expect(value).toBe(details!['probabilityGap']);
    expect(await evaluate(road, scene, {}, { target: { class: 1 } })).toEqual({
      undefined: 'the class explained is not the one predicted',
    });
  });
});

describe('performance information curves', () => {
  // Texture everywhere; the left half decides. The baseline is an even grey.
  const rng = createRng('texture');
  const values = Array.from({ length: N }, () => rng.next());
  const left: number[] = Array.from({ length: N }, (_, i) => (i % SIDE < SIDE / 2 ? 1 : 0));
  const decides = left.map((v, i) => v * (values[i]! - 0.5) * 4);
  const model = linearModel({ height: SIDE, width: SIDE, weights: [decides, new Array(N).fill(0)], bias: [-4, 0] });
  const scene = (attribution: readonly number[]): Scene => ({
    ...additiveScene(SIDE, SIDE, decides),
    model,
    image: tensor([SIDE, SIDE, 1], Float32Array.from(values)),
    baseline: tensor([SIDE, SIDE, 1], new Float32Array(N).fill(0.5)),
    view: map(SIDE, SIDE, values),
    attribution: map(SIDE, SIDE, attribution),
  });

  it('the half that decides first is better than the other half first; both share one run', async () => {
    for (const metric of [picSic, picAic]) {
      const good = await areaOf(metric, scene(left));
      const bad = await areaOf(metric, scene(left.map(v => 1 - v)));
      expect(good, metric.name).toBeGreaterThan(bad + 0.2);
    }
    const { model: counting, passes } = counted(model);
    const shared = { memo: rememberingMemo(), mapMemo: rememberingMemo() };
    for (const metric of [picSic, picAic]) await areaOf(metric, { ...scene(left), model: counting }, {}, shared);
    expect(passes.forward).toBe(30);
  });

  it('are undefined where there is nothing to gain', async () => {
    const flat = { ...scene(left), model: additiveScene(SIDE, SIDE, new Array(N).fill(0)).model };
    expect(await evaluate(picSic, flat)).toMatchObject({ undefined: expect.stringMatching(/less than 0.1/) });
    expect(await evaluate(picAic, flat)).toMatchObject({ undefined: expect.stringMatching(/blurred image already/) });
    const same = { ...scene(left), baseline: scene(left).image };
    expect(await evaluate(picSic, same)).toEqual({
      undefined: 'the image holds no more information than the baseline',
    });
  });
});

describe('fillers', () => {
  const shares = Array.from({ length: 16 }, (_, i) => Math.sin(i));
  const scene = additiveScene(4, 4, shares);
  /** What is removed takes the mean of what is left. */
  const fill = (removed: Uint8Array) => {
    const kept = [...removed.keys()].filter(i => !removed[i]);
    const mean = kept.length === 0 ? 0 : kept.reduce((sum, i) => sum + scene.image.data[i]!, 0) / kept.length;
    return tensor(
      [4, 4, 1],
      scene.image.data.map((v, i) => (removed[i] ? mean : v)),
    );
  };

  it('perturbation metrics ask the filler: an even image is filled as it was, and no score moves', async () => {
    for (const metric of [deletion, insertion]) {
      const { curve } = await scoreOf(metric, scene, { score: 'margin', steps: 4 }, { fill });
      const middle = curve!.score.slice(1, -1);
      const whole = shares.reduce((a, b) => a + b, 0);
      expect(
        middle.every(s => Math.abs(s - whole) < 1e-5),
        metric.name,
      ).toBe(true);
    }
  });
});
