import { describe, expect, it } from 'vitest';
import { type Collected, isUndefined, type Score } from '../../../src/core/contracts/index.ts';
import { createRng } from '../../../src/core/rng.ts';
import { tensor } from '../../../src/core/tensor.ts';
import { focus } from '../../../src/metrics/localisation/focus.ts';
import { iouTuned } from '../../../src/metrics/localisation/iou-tuned.ts';
import { lesionHit } from '../../../src/metrics/localisation/lesion-hit.ts';
import { additiveScene, areaOf, collect, evaluate, map, type Scene, scoreOf } from '../scene.ts';

const SIDE = 40;
const disc = (cy: number, cx: number, r: number) => (i: number) =>
  (Math.floor(i / SIDE) - cy) ** 2 + ((i % SIDE) - cx) ** 2 <= r * r;
const [first, second] = [disc(8, 8, 3), disc(30, 30, 6)];
const field = (value: (i: number) => number) =>
  map(
    SIDE,
    SIDE,
    Array.from({ length: SIDE * SIDE }, (_, i) => value(i)),
  );
const mask = field(i => (first(i) || second(i) ? 1 : 0));
const plain = additiveScene(SIDE, SIDE, new Array<number>(SIDE * SIDE).fill(0));
const scene = (value: (i: number) => number, more: Partial<Scene> = {}): Scene => ({
  ...plain,
  attribution: field(value),
  mask,
  spacing: [1, 1],
  ...more,
});
const bump = (cy: number, cx: number, height: number) => (i: number) =>
  height * Math.exp(-((Math.floor(i / SIDE) - cy) ** 2 + ((i % SIDE) - cx) ** 2) / 8);
const sum =
  (...parts: ((i: number) => number)[]) =>
  (i: number) =>
    parts.reduce((total, part) => total + part(i), 0);

describe('lesions hit', () => {
  it('counts lesions, by size, each once', async () => {
    const both = await scoreOf(lesionHit, scene(sum(bump(8, 8, 1), bump(30, 30, 2))), { radius: 5 });
    expect(both).toMatchObject({ value: 1, details: { lesions: 2, small: 1, middle: 1, falsePeaks: 0 } });
    const one = await scoreOf(lesionHit, scene(bump(30, 30, 2)), { radius: 5 });
    expect(one).toMatchObject({ value: 0.5, details: { small: 0, middle: 1 } });
    expect(await areaOf(lesionHit, scene(bump(8, 30, 1)), { radius: 5 })).toBe(0);
  });

  it('stops at the second false peak: what comes after is not found', async () => {
    const wrong = [bump(8, 30, 5), bump(20, 20, 4)];
    const late = scene(sum(...wrong, bump(8, 8, 3), bump(30, 30, 2)));
    expect(await areaOf(lesionHit, late, { radius: 5 })).toBe(0);
    expect(await areaOf(lesionHit, late, { radius: 5, falsePeaks: 2 })).toBe(1);
    const between = scene(sum(bump(8, 30, 5), bump(8, 8, 4), bump(20, 20, 3), bump(30, 30, 2)));
    expect(await areaOf(lesionHit, between, { radius: 5 })).toBe(0.5);
  });

  it('peaks too low for the largest are none', async () => {
    const faint = scene(sum(bump(8, 8, 1), bump(30, 30, 0.1)));
    expect(await areaOf(lesionHit, faint, { radius: 5 })).toBe(0.5);
    expect(await areaOf(lesionHit, faint, { radius: 5, least: 0.05 })).toBe(1);
  });

  it('chance is what random points find', async () => {
    const { chance } = await scoreOf(lesionHit, scene(bump(8, 8, 1)), { radius: 5 });
    const rng = createRng('points');
    const [y, x] = [Math.floor, (i: number) => i % SIDE];
    const distances = [first, second].map(inside => {
      const pixels = [...field(i => (inside(i) ? 1 : 0)).data.keys()].filter(inside);
      return (i: number) => Math.min(...pixels.map(p => Math.hypot(y(p / SIDE) - y(i / SIDE), x(p) - x(i))));
    });
    let found = 0;
    const runs = 2000;
    for (let run = 0; run < runs; run++) {
      const hit = [false, false];
      for (let missed = 0; missed <= 1; ) {
        const at = rng.int(SIDE * SIDE);
        const near = distances.map(d => d(at) <= 5);
        if (!near.includes(true)) missed++;
        near.forEach((n, l) => {
          if (n) hit[l] = true;
        });
      }
      found += (Number(hit[0]) + Number(hit[1])) / 2;
    }
    expect(Math.abs(found / runs - chance!)).toBeLessThan(0.03);
  });

  it('is undefined without a spacing, or positive values', async () => {
    const { spacing: _, ...unknown } = scene(bump(8, 8, 1));
    expect(await evaluate(lesionHit, unknown)).toEqual({ undefined: 'the spacing of pixels is unknown' });
    expect(await evaluate(lesionHit, scene(bump(8, 8, -1)))).toEqual({ undefined: 'the map has no positive value' });
    expect(await evaluate(lesionHit, scene(bump(8, 8, 1)), { radius: 60 })).toEqual({
      undefined: 'every point of the body finds a lesion',
    });
  });
});

describe('IoU at a tuned threshold', () => {
  const member = async (patient: string, of: Scene): Promise<Collected> => {
    const item = (await collect(iouTuned, of)) as Collected['item'];
    return { item, patient, sample: patient, class: 0 };
  };
  const combined = (items: Collected[]): Score => {
    const result = iouTuned.combine!(items, {});
    if (isUndefined(result)) throw new Error(result.undefined);
    return result;
  };
  // Above 0.58 of the largest it is the mask, below it is twice as wide.
  const shaped = scene(i => (first(i) || second(i) ? 1 : disc(8, 8, 6)(i) || disc(30, 30, 12)(i) ? 0.58 : 0));

  it('is 1 where a threshold of the others fits, and takes it from the others only', async () => {
    const items = [await member('a', shaped), await member('b', shaped)];
    const { value, details } = combined(items);
    expect(value).toBe(1);
    expect(details!['threshold']).toBeCloseTo(0.6, 9);
    // The fourth would need a low threshold; the others' one is used on it.
    const low = scene(i => (i === 0 ? 1 : first(i) || second(i) ? 0.1 : 0));
    const { value: mixed } = combined([...items, await member('c', shaped), await member('d', low)]);
    expect(mixed).toBeLessThan(0.8);
    expect(mixed).toBeGreaterThan(0.7);
  });

  it('is undefined for one patient, however many slices', async () => {
    const items = [await member('a', shaped), await member('a', shaped)];
    expect(iouTuned.combine!(items, {})).toMatchObject({ undefined: expect.stringContaining('two patients') });
    expect(
      await collect(
        iouTuned,
        scene(i => -i),
      ),
    ).toEqual({ undefined: 'the map has no positive value' });
  });
});

describe('focus', () => {
  const side = 8;
  /** The margin of the first class is the sum of the image: images of ones are of it, of minus ones are not. */
  const weights = new Array<number>(side * side).fill(1);
  const full = (v: number) => tensor([side, side, 1], new Float32Array(side * side).fill(v));
  const given: Scene = {
    ...additiveScene(side, side, weights),
    attribution: map(
      side,
      side,
      weights.map((_, i) => i),
    ),
  };
  const training = [full(-1), full(0.5), full(-2), full(2)];
  const world = (of: (image: { data: Float32Array }) => number[]) => ({
    trainingImages: async (count: number) => training.slice(0, count),
    explain: async ({ image }: { image: { data: Float32Array } }) => ({ map: map(side, side, of(image)) }),
  });

  it('is 1 for an explainer that sees the class, 0 for its opposite, a half for one that sees nothing', async () => {
    expect(
      await areaOf(
        focus,
        given,
        {},
        world(({ data }) => [...data]),
      ),
    ).toBe(1);
    expect(
      await areaOf(
        focus,
        given,
        {},
        world(({ data }) => [...data].map(v => -v)),
      ),
    ).toBe(0);
    expect(
      await areaOf(
        focus,
        given,
        {},
        world(() => weights),
      ),
    ).toBe(0.5);
  });

  it('is undefined where images of either kind are missing, or the image is of another class', async () => {
    const few = { ...world(() => weights), trainingImages: async () => [full(1), full(2)] };
    expect(await evaluate(focus, given, {}, few)).toMatchObject({ undefined: expect.stringContaining('too few') });
    const other = { ...given, image: full(-1) };
    expect(
      await evaluate(
        focus,
        other,
        {},
        world(() => weights),
      ),
    ).toEqual({
      undefined: 'the class explained is not the one predicted',
    });
  });
});
