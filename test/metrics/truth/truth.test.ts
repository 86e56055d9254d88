import { describe, expect, it } from 'vitest';
import { type Effects, isUndefined } from '../../../src/core/contracts/index.ts';
import { createRng } from '../../../src/core/rng.ts';
import type { Tensor } from '../../../src/core/tensor.ts';
import { truthMap } from '../../../src/methods/shared/truth-map.ts';
import { causalContrast } from '../../../src/metrics/truth/causal-contrast.ts';
import { causalMass } from '../../../src/metrics/truth/causal-mass.ts';
import { causalRank } from '../../../src/metrics/truth/causal-rank.ts';
import { additiveScene, evaluate, map, scoreOf } from '../scene.ts';

const [H, W] = [20, 30];
const rng = createRng('truth');
const zeros = () => new Float32Array(H * W);
/** 1 in a rectangle. */
const box = (x: number, y: number, w: number, h: number) =>
  zeros().map((_, p) => (p % W >= x && p % W < x + w && Math.floor(p / W) >= y && Math.floor(p / W) < y + h ? 1 : 0));

interface Given {
  readonly at: Float32Array;
  readonly effect: number;
  readonly change?: number;
  readonly role?: string;
}

function effectsOf(...given: Given[]): Effects {
  return {
    factors: given.map(({ at, effect, change = 100, role = 'lesion' }, i) => ({
      ...{ name: `factor-${i}`, role, effect, change },
      region: map(H, W, at),
    })),
    threshold: 0.1,
    ...{ interaction: 0, interactionIndex: 0, background: 0, covered: 1 },
  };
}

const sceneOf = (values: ArrayLike<number>) => additiveScene(H, W, Array.from(zeros()), Array.from(values));
const combine = (...parts: [Float32Array, number][]) =>
  zeros().map((_, p) => parts.reduce((sum, [at, value]) => sum + value * at[p]!, 0));
const noise = () => zeros().map(() => rng.next());

const [left, right, small] = [box(2, 2, 8, 8), box(18, 8, 8, 8), box(20, 1, 4, 4)];

describe('causal-contrast', () => {
  const known = effectsOf({ at: left, effect: 2 }, { at: right, effect: 0.05, role: 'distractor' });
  const value = async (values: ArrayLike<number>, effects = known, options = {}) =>
    (await scoreOf(causalContrast, sceneOf(values), options, { effects })).value;

  it('is 1 for a map of the cause, 0 for one of the distractor, a half for one that has both', async () => {
    expect(await value(combine([left, 1]))).toBe(1);
    expect(await value(combine([right, 1]))).toBe(0);
    expect(await value(combine([left, 1], [right, 1], [small, 3]))).toBe(0.5);
  });

  it('compares equal areas: an even map does not prefer the larger region', async () => {
    const unequal = effectsOf({ at: left, effect: 2 }, { at: small, effect: 0, change: 25, role: 'distractor' });
    expect(await value(combine([left, 1], [small, 1]), unequal)).toBe(0.5);
    expect(await value(combine([left, 1], [small, 1.01]), unequal)).toBe(0);
  });

  it('asks what the model does, not what a factor is called', async () => {
    const swapped = effectsOf({ at: left, effect: 0 }, { at: right, effect: 2, role: 'distractor' });
    expect(await value(combine([left, 1]), swapped)).toBe(0);
    expect(await value(combine([right, 1]), swapped)).toBe(1);
  });

  it('with a second model tells the swap: its own truth against the other’s', async () => {
    const otherEffects = effectsOf({ at: left, effect: 0 }, { at: right, effect: 2, role: 'distractor' });
    const details = async (values: ArrayLike<number>, effects = known, other: Effects | undefined = otherEffects) =>
      (await scoreOf(causalContrast, sceneOf(values), {}, { effects, ...(other ? { otherEffects: other } : {}) }))
        .details!;
    expect(await details(combine([left, 1]))).toMatchObject({ other: 0, swap: 1 });
    expect(await details(combine([right, 1]))).toMatchObject({ other: 1, swap: -1 });
    // A map that does not look at the model: what it wins on one it loses on the other.
    const apart = createRng('blind');
    const blind = zeros().map(() => apart.next());
    const [here, there] = [await details(blind), await details(blind, otherEffects, known)];
    expect(here.swap! + there.swap!).toBe(0);
    expect(here.swap).not.toBe(0);
    // Models that use the same, and none to compare with.
    expect((await details(combine([left, 1]), known, known)).swap).toBe(0);
    expect((await details(combine([left, 1]), known, effectsOf({ at: left, effect: 0 }))).swap).toBeUndefined();
  });

  it('pairs factors that are equally visible only', async () => {
    const faint = effectsOf({ at: left, effect: 2 }, { at: right, effect: 0, change: 60 });
    expect(await evaluate(causalContrast, sceneOf(noise()), {}, { effects: faint })).toHaveProperty('undefined');
    expect(await value(combine([left, 1]), faint, { ratio: 2 })).toBe(1);
  });

  it('compares how visible the pixels compared are: of lesions that overlap a part as large as the distractor', async () => {
    // Four times the distractor's area and change: in total 4 to 1, pixel by pixel 1 to 1.
    const wide = effectsOf(
      { at: box(1, 1, 14, 8), effect: 3, change: 2800 },
      { at: box(20, 4, 7, 4), effect: 0, change: 700 },
    );
    expect(await value(combine([box(1, 1, 14, 8), 1]), wide)).toBe(1);
    const fainter = effectsOf(
      { at: box(1, 1, 14, 8), effect: 3, change: 700 },
      { at: box(20, 4, 7, 4), effect: 0, change: 700 },
    );
    expect(await evaluate(causalContrast, sceneOf(noise()), {}, { effects: fainter })).toHaveProperty('undefined');
    // Changes that are known pixel by pixel: the core is as visible as the distractor, the faint rim is not compared.
    const core = box(5, 3, 6, 4);
    const sizes = map(H, W, combine([box(1, 1, 14, 8), 5], [core, 95]));
    const cored = effectsOf({ at: box(1, 1, 14, 8), effect: 3 }, { at: box(20, 4, 6, 4), effect: 0, change: 2400 });
    const [lesion, patch] = cored.factors;
    expect(await value(combine([core, 1]), { ...cored, factors: [{ ...lesion!, sizes }, patch!] })).toBe(1);
  });

  it('idle: 0.1 compares a cause with what does a tenth of it, in either direction, and no more', async () => {
    for (const [effect, defined] of [
      [0.19, true],
      [-0.19, true],
      [0.21, false],
      [-0.21, false],
    ] as const) {
      const weak = effectsOf({ at: left, effect: 2 }, { at: right, effect });
      expect(isUndefined(await evaluate(causalContrast, sceneOf(noise()), {}, { effects: weak }))).toBe(true);
      const found = await evaluate(causalContrast, sceneOf(combine([left, 1])), { idle: 0.1 }, { effects: weak });
      expect(isUndefined(found) ? undefined : found.value).toBe(defined ? 1 : undefined);
    }
  });

  it('is a half for random maps, on average', async () => {
    let sum = 0;
    for (let k = 0; k < 400; k++) sum += await value(noise());
    // A binomial share of 400 has a standard deviation of 0.025.
    expect(Math.abs(sum / 400 - 0.5)).toBeLessThan(0.09);
  });

  it.each([
    ['no effects', undefined, /nothing is known/],
    ['no cause', effectsOf({ at: left, effect: -3 }, { at: right, effect: 0 }), /toward the class/],
    [
      'nothing idle',
      effectsOf({ at: left, effect: 3 }, { at: right, effect: 1 }),
      /everything visible .* changes the score/,
    ],
  ])('is undefined with %s', async (_, effects, reason) => {
    const found = await evaluate(causalContrast, sceneOf(noise()), {}, effects ? { effects } : {});
    expect(found).toMatchObject({ undefined: expect.stringMatching(reason) });
  });
});

describe('the truth as a map', () => {
  it('is none where no factor does more than chance', () => {
    expect(truthMap(effectsOf({ at: left, effect: 0.09 }, { at: right, effect: -0.1 }), [H, W])).toEqual({
      undefined: 'no factor that a map can show does more to the score than chance',
    });
    const some = truthMap(effectsOf({ at: left, effect: 0.05 }, { at: right, effect: -0.11 }), [H, W]) as Tensor;
    // What is below chance beside something that is not, is shown as it is.
    expect(some.data.reduce((sum, v) => sum + v, 0)).toBeCloseTo(-0.06, 6);
  });
});

describe('causal-rank', () => {
  const [wide, narrow] = [box(0, 0, 20, 20), box(20, 0, 10, 10)];
  const known = effectsOf({ at: wide, effect: 2 }, { at: narrow, effect: 1 });

  it('the truth is in order though its means are not: effects 2 and 1 on 400 and 100 pixels', async () => {
    const truth = truthMap(known, [H, W]) as { data: Float32Array };
    expect(truth.data[0]).toBeCloseTo(0.005, 6);
    expect(truth.data[20]).toBeCloseTo(0.01, 6);
    expect((await scoreOf(causalRank, sceneOf(truth.data), {}, { effects: known })).value).toBe(1);
  });

  it('an even map follows size, and chance says so', async () => {
    const even = zeros().map(() => 1 + 1e-3 * rng.next());
    const { value, chance } = await scoreOf(causalRank, sceneOf(even), {}, { effects: known });
    expect(value).toBe(1);
    expect(chance).toBe(1);
  });

  it('weighs pairs by how far effects are apart; those within the threshold do not count', async () => {
    const three = effectsOf({ at: left, effect: 3 }, { at: right, effect: 1 }, { at: small, effect: 0.95 });
    // In order: 3 over 1 (2), not 3 over 0.95 (2.05).
    const found = await scoreOf(
      causalRank,
      sceneOf(combine([left, 1], [right, 0.5], [small, 9])),
      {},
      { effects: three },
    );
    expect(found.value).toBeCloseTo(2 / 4.05, 9);
    expect(found.details!['pairs']).toBe(2);
  });

  it('takes effects against the class too', async () => {
    const against = effectsOf({ at: left, effect: 1 }, { at: right, effect: -1 });
    expect((await scoreOf(causalRank, sceneOf(combine([right, -1])), {}, { effects: against })).value).toBe(1);
  });
});

describe('causal-mass', () => {
  const two = effectsOf({ at: left, effect: 3 }, { at: right, effect: 1 }, { at: small, effect: -5 });
  const massOf = async (values: ArrayLike<number>, effects = two, options = {}) =>
    scoreOf(causalMass, sceneOf(values), { skill: false, ...options }, { effects, spacing: [1, 1] });

  it('of one cause is the relevance mass in its region', async () => {
    const one = effectsOf({ at: left, effect: 2 });
    expect((await massOf(combine([left, 1], [right, 1], [small, -7]), one)).value).toBeCloseTo(0.5, 6);
  });

  it('is 1 where masses are as the effects, and the truth has that', async () => {
    expect((await massOf(combine([left, 3], [right, 1]))).value).toBeCloseTo(1, 6);
    const truth = truthMap(two, [H, W]) as { data: Float32Array };
    const found = await massOf(truth.data, two, { skill: true });
    expect(found.value).toBeCloseTo(1, 6);
    // All on one of them: |1 − 3/4| + |0 − 1/4| = ½, of which half is lost.
    expect((await massOf(combine([left, 1]))).value).toBeCloseTo(0.75, 6);
  });

  it('an even map has the share of the area by chance', async () => {
    const one = effectsOf({ at: left, effect: 2 });
    const even = zeros().map((_, p) => 1 + 0.01 * (p % 2));
    const { value, details } = await massOf(even, one);
    expect(value).toBeCloseTo(64 / 600, 4);
    expect(details!['chance']).toBeCloseTo(64 / 600, 3);
    expect(details!['skill']).toBeCloseTo(0, 3);
  });

  it('a map of blobs has the same chance as any other that knows nothing', async () => {
    const one = effectsOf({ at: left, effect: 2 });
    let sum = 0;
    for (let k = 0; k < 60; k++) {
      const at = box(rng.int(W - 6), rng.int(H - 6), 6, 6);
      sum += (await massOf(combine([at, 1]), one)).details!['chance']!;
    }
    expect(sum / 60).toBeCloseTo(64 / 600, 1.5);
  });

  it('regions may be widened by millimetres; where they then meet a pixel is split', async () => {
    const near = effectsOf({ at: box(5, 5, 2, 2), effect: 1 }, { at: box(9, 5, 2, 2), effect: 1 });
    const between = combine([box(7, 5, 2, 2), 1]);
    expect((await massOf(between, near)).value).toBe(0);
    expect((await massOf(between, near, { dilate: 2 })).value).toBeCloseTo(1, 6);
  });
});
