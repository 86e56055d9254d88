import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rememberingMemo } from '../../../src/conformance/score.ts';
import { auc } from '../../../src/metrics/localisation/auc.ts';
import { auprc } from '../../../src/metrics/localisation/auprc.ts';
import { dualPolarityPrecision } from '../../../src/metrics/localisation/dual-polarity-precision.ts';
import { iouOtsu } from '../../../src/metrics/localisation/iou-otsu.ts';
import { peakDistance } from '../../../src/metrics/localisation/peak-distance.ts';
import { rankAccuracy } from '../../../src/metrics/localisation/rank-accuracy.ts';
import { additiveScene, areaOf, evaluate, map, type Scene, scoreOf } from '../scene.ts';

const [H, W] = [4, 5];
/** The mask is the 2 × 2 block at row 1, column 1. */
const inMask = new Set([6, 7, 11, 12]);
const mask = map(
  H,
  W,
  Array.from({ length: H * W }, (_, i) => (inMask.has(i) ? 1 : 0)),
);
const scene = (value: (i: number) => number, more: Partial<Scene> = {}): Scene => ({
  ...additiveScene(H, W, new Array<number>(H * W).fill(0)),
  attribution: map(
    H,
    W,
    Array.from({ length: H * W }, (_, i) => value(i)),
  ),
  mask,
  ...more,
});
const perfect = scene(i => (inMask.has(i) ? 2 : -1));
const inverted = scene(i => (inMask.has(i) ? -2 : 1));
/** All pixels equal but for one of air, which is not in the body. */
const air = map(
  H,
  W,
  Array.from({ length: H * W }, (_, i) => (i === 0 ? 0 : 0.6)),
);
const even = scene(i => (i === 0 ? 5 : 1), { view: air });
const c = 4 / 19;

describe('what an ideal, an even and an inverted map score', () => {
  it('rank accuracy: 1, chance, and nothing', async () => {
    expect(await scoreOf(rankAccuracy, perfect)).toMatchObject({ value: 1, chance: 0, details: { accuracy: 1, k: 4 } });
    expect(await scoreOf(rankAccuracy, even)).toMatchObject({ value: expect.closeTo(0, 9), details: { chance: c } });
    expect(await areaOf(rankAccuracy, even, { skill: false })).toBeCloseTo(c, 9);
    expect(await areaOf(rankAccuracy, inverted, { skill: false })).toBe(0);
  });

  it('AUC: 1, a half, and 0', async () => {
    expect(await areaOf(auc, perfect)).toBe(1);
    expect(await areaOf(auc, even)).toBe(0.5);
    expect(await areaOf(auc, inverted)).toBe(0);
  });

  it('average precision: 1, chance, and less', async () => {
    expect(await areaOf(auprc, perfect)).toBe(1);
    expect(await areaOf(auprc, even)).toBeCloseTo(0, 9);
    expect(await areaOf(auprc, inverted, { skill: false })).toBeCloseTo(4 / 20, 9);
    expect(
      await areaOf(
        auprc,
        scene(i => (i === 6 || i === 0 ? 2 - (i === 0 ? 1 : 0) : 0)),
        { skill: false },
      ),
    ).toBeCloseTo(
      // One hit first, then a miss, then 3 of 18 tied ones.
      (1 / 4) * 1 + (3 / 4) * (4 / 20),
      9,
    );
  });

  it('IoU at Otsu’s threshold: 1 and 0, with what chance gives', async () => {
    expect(await scoreOf(iouOtsu, perfect)).toMatchObject({ value: 1, details: { pixels: 4 } });
    const found = await scoreOf(iouOtsu, inverted);
    // 16 of 20 pixels at random: 3.2 of 4 expected in the mask.
    expect(found).toMatchObject({ value: 0, chance: expect.closeTo(3.2 / (16 + 4 - 3.2), 9) });
    expect(
      await evaluate(
        iouOtsu,
        scene(i => (i === 3 ? -1 : 0)),
      ),
    ).toEqual({
      undefined: 'the map has no positive value',
    });
    expect(await evaluate(iouOtsu, even)).toEqual({
      undefined: 'the positive part of the map is constant in the body',
    });
  });

  it('dual-polarity precision: 1, 0, and a chance that knows the share of positives', async () => {
    expect(await areaOf(dualPolarityPrecision, perfect)).toBe(1);
    expect(await areaOf(dualPolarityPrecision, inverted)).toBe(0);
    // Signs fall alike inside and outside: exactly chance.
    const blind = scene(i => (i % 2 === 0 ? 1 : -1));
    const { value, chance } = await scoreOf(dualPolarityPrecision, blind);
    expect(value).toBeCloseTo(chance!, 9);
    expect(
      await evaluate(
        dualPolarityPrecision,
        scene(i => i),
      ),
    ).toEqual({ undefined: 'the map has one sign only' });
  });

  it('peak distance: 0, and mm along rows and columns', async () => {
    expect(await areaOf(peakDistance, { ...perfect, spacing: [3, 0.5] })).toBe(0);
    expect(
      await areaOf(
        peakDistance,
        scene(i => (i === 14 ? 1 : 0), { spacing: [3, 0.5] }),
      ),
    ).toBe(1);
    expect(
      await areaOf(
        peakDistance,
        scene(i => (i === 17 ? 1 : 0), { spacing: [3, 0.5] }),
      ),
    ).toBe(3);
    expect(await evaluate(peakDistance, perfect)).toEqual({ undefined: 'the spacing of pixels is unknown' });
    const tied = await scoreOf(
      peakDistance,
      scene(i => (i === 6 || i === 9 ? 1 : 0)),
      { unit: 'pixels' },
    );
    expect(tied).toMatchObject({ value: 1, details: { maxima: 2 } });
    // Most maps that know nothing have one maximum anywhere: on average the mean over the body.
    const each = await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        areaOf(
          peakDistance,
          scene(i => (i === at ? 1 : 0)),
          { unit: 'pixels' },
        ),
      ),
    );
    expect(tied.chance).toBeCloseTo(each.reduce((a, b) => a + b, 0) / 20, 9);
  });
});

describe('laws', () => {
  const values = fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 20, maxLength: 20 });

  it('AUC is the share of pairs in the right order, equal ones half', async () => {
    await fc.assert(
      fc.asyncProperty(values, async list => {
        fc.pre(new Set(list).size > 1);
        let wins = 0;
        for (const i of inMask) {
          for (let j = 0; j < 20; j++) {
            if (!inMask.has(j)) wins += list[i]! > list[j]! ? 1 : list[i]! === list[j]! ? 0.5 : 0;
          }
        }
        expect(
          await areaOf(
            auc,
            scene(i => list[i]!),
          ),
        ).toBeCloseTo(wins / (4 * 16), 9);
      }),
      { numRuns: 50 },
    );
  });

  it('rank accuracy is what random orders of equal values give on average', async () => {
    await fc.assert(
      fc.asyncProperty(values, async list => {
        fc.pre(new Set(list).size > 1);
        const sorted = [...list].sort((a, b) => b - a);
        const cut = sorted[3]!;
        const above = list.filter(v => v > cut).length;
        const tied = list.filter(v => v === cut).length;
        const hit = (test: (v: number) => boolean) => [...inMask].filter(i => test(list[i]!)).length;
        const expected = (hit(v => v > cut) + ((4 - above) / tied) * hit(v => v === cut)) / 4;
        expect(
          await areaOf(
            rankAccuracy,
            scene(i => list[i]!),
            { skill: false },
          ),
        ).toBeCloseTo(expected, 9);
      }),
      { numRuns: 50 },
    );
  });

  it('one sort serves the three', async () => {
    const mapMemo = rememberingMemo();
    let sorts = 0;
    const counting: typeof mapMemo = (key, compute) =>
      mapMemo(key, () => {
        sorts++;
        return compute();
      });
    for (const metric of [rankAccuracy, auc, auprc]) await scoreOf(metric, perfect, {}, { mapMemo: counting });
    expect(sorts).toBe(1);
  });

  it('top-k intersection: of the body’s first tenth', async () => {
    const { value, details } = await scoreOf(
      rankAccuracy,
      scene(i => (i === 6 ? 3 : i === 0 ? 2 : -i)),
      {
        top: 0.1,
        skill: false,
      },
    );
    expect([value, details!['k']]).toEqual([0.5, 2]);
  });
});
