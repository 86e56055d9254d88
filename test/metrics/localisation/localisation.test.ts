import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isUndefined } from '../../../src/core/contracts/index.ts';
import { pointingGame } from '../../../src/metrics/localisation/pointing-game.ts';
import { relevanceMass } from '../../../src/metrics/localisation/relevance-mass.ts';
import { additiveScene, areaOf, evaluate, map, type Scene, scoreOf } from '../scene.ts';

const plain = additiveScene(4, 5, new Array<number>(20).fill(0));
/** 4 × 5; the mask is the 2 × 2 block at row 1, column 1. */
const inMask = new Set([6, 7, 11, 12]);
const mask = map(
  4,
  5,
  Array.from({ length: 20 }, (_, i) => (inMask.has(i) ? 1 : 0)),
);
const scene = (values: Record<number, number>, more: Partial<Scene> = {}): Scene => ({
  ...plain,
  attribution: map(
    4,
    5,
    Array.from({ length: 20 }, (_, i) => values[i] ?? 0),
  ),
  mask,
  ...more,
});
const reason = async (...args: Parameters<typeof evaluate>): Promise<string | undefined> => {
  const result = await evaluate(...args);
  return isUndefined(result) ? result.undefined : undefined;
};

describe('pointing game', () => {
  it('hits, misses, and says how likely chance hits', async () => {
    expect(await scoreOf(pointingGame, scene({ 12: 3, 19: 2 }))).toEqual({
      value: 1,
      chance: 4 / 20,
      details: { chance: 4 / 20, maxima: 1, distance: 0 },
    });
    expect(await scoreOf(pointingGame, scene({ 12: 3, 14: 4 }))).toEqual({
      value: 0,
      chance: 4 / 20,
      details: { chance: 4 / 20, maxima: 1, distance: 2 },
    });
  });

  it('tied maxima hit by their share', async () => {
    expect(await scoreOf(pointingGame, scene({ 6: 3, 7: 3, 8: 3, 9: 1 }))).toMatchObject({
      value: expect.closeTo(2 / 3, 12),
      details: { maxima: 3, distance: 0 },
    });
  });

  it('a negative map points to its largest value, not its largest magnitude', async () => {
    const values = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [i, i === 6 ? -1 : -5 - i]));
    expect(await areaOf(pointingGame, scene(values))).toBe(1);
  });

  it('reaches by mm along rows and columns, or by pixels', async () => {
    // Pixel 14 lies two columns right of the mask, 1.6 mm.
    const near = scene({ 14: 1 }, { spacing: [3, 0.8] });
    expect(await areaOf(pointingGame, near, { radius: 1.5 })).toBe(0);
    expect(await areaOf(pointingGame, near, { radius: 1.6 + 1e-9 })).toBe(1);
    expect(await areaOf(pointingGame, near, { radiusPixels: 1 })).toBe(0);
    expect(await areaOf(pointingGame, near, { radiusPixels: 2 })).toBe(1);
    const { details } = await scoreOf(pointingGame, near, { radiusPixels: 1 });
    // The block and its eight neighbours by edge.
    expect(details).toMatchObject({ chance: 12 / 20, distance: 2 });
  });

  it('is undefined in mm where the spacing is unknown', async () => {
    expect(await reason(pointingGame, scene({ 6: 1 }), { radius: 10 })).toBe(
      'the spacing is unknown: give radiusPixels',
    );
    expect(await areaOf(pointingGame, scene({ 6: 1 }))).toBe(1);
  });

  it('an empty mask is undefined (Quantus counts it as a hit), and so is a constant map (there it always hits)', async () => {
    for (const metric of [pointingGame, relevanceMass]) {
      expect(await reason(metric, scene({ 6: 1 }, { mask: map(4, 5, new Float32Array(20)) }))).toBe(
        'the mask is empty',
      );
      expect(await reason(metric, scene({}))).toBe('the map is constant');
      const { mask: _, ...without } = scene({ 6: 1 });
      expect(await reason(metric, without)).toBe('there is no mask');
    }
  });

  it('a random map hits as often as chance says', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 19 }), async at => {
        expect(await areaOf(pointingGame, scene({ [at]: 1 }))).toBe(inMask.has(at) ? 1 : 0);
      }),
    );
  });
});

describe('relevance mass', () => {
  it('is the positive share in the mask, as skill over chance', async () => {
    const found = await scoreOf(relevanceMass, scene({ 6: 3, 12: 1, 0: 4, 7: -100, 19: -2 }));
    expect(found.details).toMatchObject({ mass: 0.5, chance: 0.2 });
    expect(found.value).toBeCloseTo((0.5 - 0.2) / 0.8, 12);
    expect(await areaOf(relevanceMass, scene({ 6: 3, 12: 1, 0: 4 }), { skill: false })).toBe(0.5);
  });

  it('is 1 for the mask itself, 0 for an even map, less for a map outside', async () => {
    expect(await areaOf(relevanceMass, { ...scene({}), attribution: mask })).toBe(1);
    const even = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [i, i === 0 ? 1 + 1e-6 : 1]));
    expect(await areaOf(relevanceMass, scene(even))).toBeCloseTo(0, 5);
    expect(await areaOf(relevanceMass, scene({ 0: 1 }))).toBeCloseTo(-0.25, 12);
  });

  it('does not see the scale of the map, nor its negative values', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 20, maxLength: 20 }),
        async values => {
          fc.pre(values.some(v => v > 1e-3) && new Set(values.map(Math.fround)).size > 1);
          const all = await areaOf(relevanceMass, scene({ ...values }));
          const positive = values.map(v => 4 * Math.max(0, v));
          fc.pre(new Set(positive).size > 1);
          expect(await areaOf(relevanceMass, scene({ ...positive }))).toBeCloseTo(all, 6);
        },
      ),
    );
  });

  it('is undefined without positive values, or where the mask is the whole body', async () => {
    expect(await reason(relevanceMass, scene({ 6: -1 }))).toBe('the map has no positive value');
    const view = map(4, 5, mask.data);
    for (const metric of [relevanceMass, pointingGame]) {
      expect(await reason(metric, scene({ 6: 1 }, { view }))).toBe('the mask is as large as the body');
    }
    expect(await reason(pointingGame, scene({ 6: 1 }), { radiusPixels: 5 })).toBe('every point of the body is a hit');
  });

  it('chance is the share of the body, not of the image', async () => {
    // Air in the outer columns, body 4 × 3.
    const view = map(
      4,
      5,
      Array.from({ length: 20 }, (_, i) => (i % 5 === 0 || i % 5 === 4 ? 0 : 0.6)),
    );
    expect((await scoreOf(relevanceMass, scene({ 6: 1 }, { view }))).details).toMatchObject({ chance: 4 / 12 });
    expect((await scoreOf(pointingGame, scene({ 6: 1 }, { view }))).details).toMatchObject({ chance: 4 / 12 });
  });

  it('a mask of another shape is an error', async () => {
    await expect(evaluate(relevanceMass, scene({ 6: 1 }, { mask: map(5, 4, mask.data) }))).rejects.toThrow(
      /the mask has shape \[5, 4\]; the image needs \[4, 5\]/,
    );
  });
});
