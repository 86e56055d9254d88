import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { smoothModel, subjectFor } from '../../../src/conformance/index.ts';
import { rememberingMemo } from '../../../src/conformance/score.ts';
import { isUndefined } from '../../../src/core/contracts/index.ts';
import { createRng } from '../../../src/core/rng.ts';
import { deletion } from '../../../src/metrics/faithfulness/deletion.ts';
import { insertion } from '../../../src/metrics/faithfulness/insertion.ts';
import { srg } from '../../../src/metrics/faithfulness/srg.ts';
import { additiveScene, areaOf, counted, evaluate, map, scoreOf } from '../scene.ts';

const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));

describe('curves by hand', () => {
  // Margin 4 + 3 + 2 + 1 − 1 − 3 = 6.
  const shares = [1, -3, 4, 2, -1, 3];
  const scene = additiveScene(2, 3, shares);

  it('deletion takes the largest shares away first', async () => {
    const { value, curve, details } = await scoreOf(deletion, scene, { score: 'margin' });
    expect(curve!.fraction).toEqual([0, 1, 2, 3, 4, 5, 6].map(k => k / 6));
    expect(curve!.score).toEqual([6, 2, -1, -3, -4, -3, 0]);
    expect(value).toBeCloseTo((6 / 2 + 2 - 1 - 3 - 4 - 3 + 0) / 6, 12);
    expect(details).toMatchObject({ scoreImage: 6, scoreBaseline: 0, tiedShare: 0, tieFields: 1 });
    expect(details!['normalised']).toBeCloseTo(value / 6, 12);
  });

  it('insertion puts them in first', async () => {
    const { value, curve } = await scoreOf(insertion, scene, { score: 'margin' });
    expect(curve!.score).toEqual([0, 4, 7, 9, 10, 9, 6]);
    expect(value).toBeCloseTo((0 + 4 + 7 + 9 + 10 + 9 + 3) / 6, 12);
  });

  it('srg is the reversed deletion less the deletion', async () => {
    const { value, curve, details } = await scoreOf(srg, scene, { score: 'margin' });
    const reversed = await areaOf(
      deletion,
      {
        ...scene,
        attribution: map(
          2,
          3,
          shares.map(v => -v),
        ),
      },
      { score: 'margin' },
    );
    expect(details!['leastFirst']).toBeCloseTo(reversed, 12);
    expect(value).toBeCloseTo(reversed - (await areaOf(deletion, scene, { score: 'margin' })), 12);
    // Least first: 6, 9, 10, 9, 7, 4, 0.
    const gap = [0, 7, 11, 12, 11, 7, 0];
    curve!.score.forEach((v, i) => {
      expect(v).toBeCloseTo(gap[i]!, 9);
    });
  });

  it('probability follows the sigmoid of the margin', async () => {
    const { curve } = await scoreOf(deletion, scene);
    [6, 2, -1, -3, -4, -3, 0].forEach((z, i) => {
      expect(curve!.score[i]).toBeCloseTo(sigmoid(z), 6);
    });
  });

  it('a partial last step is weighed by its true width', async () => {
    const { value, curve } = await scoreOf(deletion, scene, { score: 'margin', pixelsPerStep: 4 });
    expect(curve).toEqual({ fraction: [0, 4 / 6, 1], score: [6, -4, 0] });
    expect(value).toBeCloseTo(((6 - 4) / 2) * (4 / 6) + (-4 / 2) * (2 / 6), 12);
  });

  it('normalised: the share of the drop, one to nought', async () => {
    const { curve, value, details } = await scoreOf(deletion, scene, { normalised: true });
    expect(curve!.score).toEqual([6, 2, -1, -3, -4, -3, 0].map(z => z / 6));
    expect(details!['normalised']).toBe(value);
    const inserted = await scoreOf(insertion, scene, { normalised: true });
    expect([inserted.curve!.score[0], inserted.curve!.score[6]]).toEqual([0, 1]);
  });

  it('normalised is undefined, or left out, where image and baseline hardly differ', async () => {
    const flat = additiveScene(2, 2, [1, -1, 0.5, -0.1]);
    for (const metric of [deletion, insertion, srg]) {
      const result = await evaluate(metric, flat, { normalised: true });
      expect(isUndefined(result) && result.undefined).toMatch(/differ by 0.40 .* less than 0.5/);
      expect((await scoreOf(metric, flat)).details).not.toHaveProperty('normalised');
    }
  });

  it('patches are changed whole, by their mean, and weighed by their pixels', async () => {
    // Columns 0–1 and the cut column 2, over both rows: means 1 and 2.5, sums 4 and 5.
    const patched = additiveScene(2, 3, [0, 2, 2, 1, 1, 3]);
    const { curve, details } = await scoreOf(deletion, patched, { unit: 'patches', patchPixels: 2, score: 'margin' });
    expect(curve).toEqual({ fraction: [0, 2 / 6, 1], score: [9, 4, 0] });
    expect(details).toMatchObject({ patchRows: 2, patchColumns: 2 });
  });

  it('patches in mm follow the spacing of rows and columns', async () => {
    const { details } = await scoreOf(deletion, { ...scene, spacing: [8, 2.7] }, { unit: 'patches', patch: 8 });
    expect(details).toMatchObject({ patchRows: 1, patchColumns: 3 });
  });

  it('steps are as equal as whole pixels allow, and no more than there are', async () => {
    const { curve } = await scoreOf(deletion, scene, { steps: 4 });
    expect(curve!.fraction).toEqual([0, 2, 3, 4, 6].map(k => k / 6));
    expect((await scoreOf(deletion, scene, { steps: 100 })).curve!.fraction).toHaveLength(7);
  });

  it('steps by pixels are refused for patches', () => {
    const result = deletion.options.safeParse({ unit: 'patches', pixelsPerStep: 3 });
    expect(result.success).toBe(false);
  });
});

describe('laws', () => {
  // Far enough apart for float32 and for the grid of keys.
  const distinct = fc
    .uniqueArray(fc.integer({ min: -1000, max: 1000 }), { minLength: 12, maxLength: 12 })
    .map(values => values.map(v => v / 500));

  it('an additive model: the curve of its own shares is the running sum, the best of all maps', async () => {
    await fc.assert(
      fc.asyncProperty(distinct, distinct, async (a, b) => {
        const options = { score: 'margin' };
        const own = await scoreOf(deletion, additiveScene(3, 4, a), options);
        const descending = [...a].sort((x, y) => y - x);
        own.curve!.score.forEach((v, k) => {
          const left = descending.slice(k).reduce((x, y) => x + y, 0);
          expect(v).toBeCloseTo(left, 4);
        });
        expect(own.value).toBeLessThanOrEqual((await areaOf(deletion, additiveScene(3, 4, a, b), options)) + 1e-5);
        expect(await areaOf(srg, additiveScene(3, 4, a), options)).toBeGreaterThanOrEqual(-1e-5);
      }),
      { numRuns: 40 },
    );
  });

  it('turning the map round swaps the two ends of srg', async () => {
    await fc.assert(
      fc.asyncProperty(distinct, distinct, async (a, b) => {
        const forth = await scoreOf(srg, additiveScene(3, 4, a, b));
        const back = await scoreOf(
          srg,
          additiveScene(
            3,
            4,
            a,
            b.map(v => -v),
          ),
        );
        expect(back.value).toBeCloseTo(-forth.value, 6);
        expect(back.details!['mostFirst']).toBeCloseTo(forth.details!['leastFirst']!, 6);
      }),
      { numRuns: 40 },
    );
  });

  it('a rising transform of the map changes nothing', async () => {
    await fc.assert(
      fc.asyncProperty(distinct, distinct, async (a, b) => {
        const plain = await scoreOf(deletion, additiveScene(3, 4, a, b));
        const bent = await scoreOf(
          deletion,
          additiveScene(
            3,
            4,
            a,
            b.map(v => Math.exp(v) + 0.2 * v),
          ),
        );
        expect(bent.curve).toEqual(plain.curve);
      }),
      { numRuns: 40 },
    );
  });

  it('a random order halves an additive drop, and gives srg 0, on average', async () => {
    const a = Array.from({ length: 24 }, (_, i) => Math.sin(i) + 0.3);
    const total = a.reduce((x, y) => x + y, 0);
    const rng = createRng('orders');
    let [area, gain] = [0, 0];
    const draws = 300;
    for (let d = 0; d < draws; d++) {
      const scene = additiveScene(
        4,
        6,
        a,
        a.map(() => rng.normal()),
      );
      area += (await areaOf(deletion, scene, { score: 'margin' })) / draws;
      gain += (await areaOf(srg, scene, { score: 'margin' })) / draws;
    }
    expect(area).toBeCloseTo(total / 2, 0);
    expect(Math.abs(gain)).toBeLessThan(0.3);
  });

  it('insertion from the same baseline is the reversed deletion, read from the other end', async () => {
    const subject = subjectFor(smoothModel({ height: 9, width: 8, channels: 3, seed: 4 }), 4);
    const rng = createRng(8);
    const attribution = map(
      9,
      8,
      Array.from({ length: 72 }, () => rng.normal()),
    );
    const reversed = { ...attribution, data: attribution.data.map(v => -v) };
    const put = await scoreOf(insertion, { ...subject, attribution }, { steps: 10 });
    const taken = await scoreOf(deletion, { ...subject, attribution: reversed }, { steps: 10 });
    expect(put.value).toBeCloseTo(taken.value, 6);
    [...taken.curve!.score].reverse().forEach((v, i) => {
      expect(put.curve!.score[i]).toBeCloseTo(v, 6);
    });
  });
});

describe('shared passes', () => {
  const rng = createRng('shared');
  const scene = additiveScene(
    8,
    8,
    Array.from({ length: 64 }, () => rng.normal()),
  );

  it('srg takes the most-relevant-first half from deletion, the other from insertion', async () => {
    const { model, passes } = counted(scene.model);
    const memo = rememberingMemo();
    const spent: number[] = [];
    for (const metric of [deletion, srg, insertion]) {
      const before = passes.forward;
      await evaluate(metric, { ...scene, model }, { steps: 20 }, { memo });
      spent.push(passes.forward - before);
    }
    expect(spent).toEqual([21, 19, 0]);
  });

  it('another map, baseline, score, class or step width is not taken from the memo', async () => {
    const memo = rememberingMemo();
    const baseline = { ...scene.baseline, data: scene.baseline.data.map((_, i) => (i % 3) / 3) };
    const attribution = { ...scene.attribution, data: scene.attribution.data.map(v => -v) };
    const variants: Parameters<typeof evaluate>[] = [
      [deletion, scene, {}],
      [deletion, { ...scene, baseline }, {}],
      [deletion, { ...scene, attribution }, {}],
      [deletion, scene, { score: 'logit' }],
      [deletion, scene, { steps: 7 }],
      [deletion, scene, { unit: 'patches', patchPixels: 2 }],
      [deletion, scene, {}, { target: { class: 1 } }],
    ];
    for (const [metric, of, options, more] of variants) {
      const shared = await scoreOf(metric, of, options, { ...more, memo });
      expect(shared).toEqual(await scoreOf(metric, of, options, more));
    }
  });
});

describe('bad models and maps', () => {
  const scene = additiveScene(2, 2, [1, 2, 3, 4]);

  it('a model that gives NaN is an error, not a number', async () => {
    const model = {
      ...scene.model,
      scores: async (b: { count: number }) => ({
        shape: [b.count, 2],
        data: new Float32Array(b.count * 2).fill(Number.NaN),
      }),
    };
    await expect(evaluate(deletion, { ...scene, model })).rejects.toThrow(/margin is NaN, not a finite number/);
  });

  it('a probability of exactly 0 or 1 is a score, though its margin is infinite', async () => {
    const margins = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1, 0, 0];
    let next = 0;
    const model = {
      ...scene.model,
      scores: async (batch: { count: number }) => {
        const data = new Float32Array(batch.count * 2);
        for (let i = 0; i < batch.count; i++) data[2 * i] = margins[next++]!;
        return { shape: [batch.count, 2], data };
      },
    };
    const { value, details } = await scoreOf(deletion, { ...scene, model });
    expect(value).toBeCloseTo((0.5 + 1 / (1 + Math.exp(-1)) + 0.5 + 0.5 + 0) / 4, 6);
    expect(details).not.toHaveProperty('normalised');
    next = 0;
    expect(await evaluate(deletion, { ...scene, model }, { normalised: true })).toEqual({
      undefined: 'the probability of image or baseline is 0 or 1, so that its margin is infinite',
    });
    next = 0;
    // The ends are not, but what lies between.
    margins.splice(0, margins.length, 2, -2, Number.POSITIVE_INFINITY, 0, 0);
    expect(await evaluate(deletion, { ...scene, model }, { normalised: true })).toEqual({
      undefined: 'the probability is 0 or 1 on the way, so that its margin is infinite',
    });
    margins.splice(0, 1, Number.POSITIVE_INFINITY);
    next = 0;
    await expect(evaluate(deletion, { ...scene, model }, { score: 'margin' })).rejects.toThrow(/margin is Infinity/);
  });

  it('a map of another shape is an error', async () => {
    await expect(evaluate(deletion, { ...scene, attribution: map(1, 4, [1, 2, 3, 4]) })).rejects.toThrow(
      /shape \[1, 4\]/,
    );
  });
});
