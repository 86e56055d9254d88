import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { explainSubject, smoothModel, subjectFor } from '../../src/conformance/index.ts';
import { type Explainer, isUndefined, type Memo } from '../../src/core/contracts/index.ts';
import { createRng } from '../../src/core/rng.ts';
import { spearman } from '../../src/core/statistics/correlation.ts';
import { expectedGradients } from '../../src/methods/expected-gradients.ts';
import { hsic } from '../../src/methods/hsic.ts';
import { kernelShap } from '../../src/methods/kernel-shap.ts';
import { lime } from '../../src/methods/lime.ts';
import { rise } from '../../src/methods/rise.ts';
import { saliency } from '../../src/methods/saliency.ts';
import { drawUntil, errorOfHalves, looks, sampleUntil } from '../../src/methods/shared/sampling.ts';
import { smoothgrad } from '../../src/methods/smoothgrad.ts';
import { smoothgradSquared } from '../../src/methods/smoothgrad-squared.ts';
import { vargrad } from '../../src/methods/vargrad.ts';

describe('sampling until it is precise enough', () => {
  it('looks more and more seldom, and never beyond the samples allowed', () => {
    expect(looks(1000, 'exact')).toEqual([1000]);
    expect(looks(400, 0.1)).toEqual([100, 150, 225, 338, 400]);
    expect(looks(1000, { rank: 0.9 })).toEqual([125, 250, 500, 1000]);
    expect(looks(50, { rank: 0.9 })).toEqual([50]);
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100_000 }),
        fc.integer({ min: 2, max: 200 }),
        fc.constantFrom(0.1, { rank: 0.9 }),
        (most, first, precision) => {
          const found = looks(most, precision, first);
          expect(found.at(-1)).toBe(most);
          expect(found.every((n, i) => i === 0 || n > found[i - 1]!)).toBe(true);
          expect(found.every(n => n >= Math.min(first, most))).toBe(true);
          if (typeof precision === 'object') {
            expect(found.every((n, i) => i === 0 || Math.ceil(n / 2) === found[i - 1]!)).toBe(true);
          }
        },
      ),
    );
  });

  it('asks for each sample once, in order, and stops at the first error that is small enough', async () => {
    const asked: [number, number][] = [];
    const found = await sampleUntil(
      { most: 1000, precision: 0.2 },
      async (from, to) => {
        asked.push([from, to]);
        return Float32Array.from({ length: to - from }, (_, i) => from + i);
      },
      { error: scores => 30 / scores.length, values: () => undefined },
    );
    expect(asked).toEqual([
      [0, 100],
      [100, 150],
    ]);
    expect([...found.scores]).toEqual(Array.from({ length: 150 }, (_, i) => i));
    expect(found.relativeError).toBeCloseTo(0.2, 12);
  });

  it('stops at the first look whose map has the order of that of half as many samples', async () => {
    const entries = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 5, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(entries, { minLength: 1, maxLength: 8 }),
        fc.double({ min: 0.1, max: 0.9 }),
        async (own, rank) => {
          const size = Math.min(...own.map(map => map.length));
          const maps = own.map(map => map.slice(0, size));
          const most = 100 * 2 ** (maps.length - 1);
          const asked: number[] = [];
          const { draws, rankCorrelation } = await drawUntil(
            { most, precision: { rank } },
            async (from, to) => {
              expect(from).toBe(asked.at(-1) ?? 0);
              asked.push(to);
            },
            { error: () => expect.unreachable(), values: n => maps[Math.log2(n / 100)] },
          );
          const found = maps.map((map, i) => (i === 0 ? null : spearman(maps[i - 1]!, map)));
          const stop = found.findIndex(value => value !== null && value >= rank);
          expect(draws).toBe(stop < 0 ? most : 100 * 2 ** stop);
          expect(rankCorrelation ?? null).toBe(found[stop < 0 ? maps.length - 1 : stop]);
        },
      ),
    );
  });

  it('the halves of a sample tell the standard error of its mean', () => {
    // Entries i + noise of SD 4 / √n: the error of the mean of both halves is 2 / √n · √2 … over the SD of 0 … 99.
    const rng = createRng('halves');
    const entries = Array.from({ length: 2000 }, (_, i) => i / 20);
    const noisy = () => entries.map(v => v + 4 * rng.normal());
    const spread = 100 / Math.sqrt(12);
    expect(errorOfHalves(noisy(), noisy())).toBeCloseTo(4 / Math.SQRT2 / spread, 1);
    expect(errorOfHalves([1, 1], [1, 1])).toBeUndefined();
  });

  const subject = subjectFor(smoothModel({ height: 32, width: 32 }), 3);
  const many = { samples: 1000 };
  const draws = { draws: 200 };
  const CASES = [
    { explainer: lime, precision: 0.3, options: many },
    { explainer: rise, precision: 0.35, options: many },
    { explainer: kernelShap, precision: 0.3, options: { samples: 600, segments: 20 } },
    { explainer: hsic, precision: 0.5, options: { samples: 400, cells: 4 } },
    { explainer: smoothgrad, precision: 0.3, options: draws },
    { explainer: smoothgradSquared, precision: 0.3, options: draws },
    { explainer: vargrad, precision: 0.5, options: draws },
    { explainer: expectedGradients, precision: 0.3, options: draws },
  ];
  const mapOf = async (explainer: Explainer, options: Readonly<Record<string, unknown>>, rest: object = {}) => {
    const wrapped = explainer.wraps === undefined ? undefined : saliency;
    const { result, forward } = await explainSubject({ explainer, subject, options, wrapped, ...rest });
    if (isUndefined(result)) throw new Error(result.undefined);
    return { ...result, forward };
  };
  for (const { explainer, precision, options } of CASES) {
    it(`${explainer.name}: fewer passes, and a map as near to that of all samples as asked`, async () => {
      const all = await mapOf(explainer, options);
      const few = await mapOf(explainer, { ...options, precision });
      expect(few.diagnostics!.relativeError).toBeLessThanOrEqual(precision);
      expect(few.forward).toBeLessThan(all.forward);
      // Root mean square difference over the standard deviation of the map: about the error that was asked for.
      const [a, b] = [all.map.data, few.map.data];
      const apart = Math.sqrt(mean(a.map((v, i) => (v - b[i]!) ** 2)));
      expect(apart / spreadOf(a)).toBeLessThan(2 * precision);
      expect(apart).toBeGreaterThan(0);
    });

    it(`${explainer.name}: fewer passes, and a map in nearly the order of that of all samples`, async () => {
      const all = await mapOf(explainer, options);
      const few = await mapOf(explainer, { ...options, precision: { rank: 0.8 } });
      expect(few.diagnostics!.rankCorrelation).toBeGreaterThanOrEqual(0.8);
      expect(few.diagnostics!.relativeError).toBeUndefined();
      expect(few.forward).toBeLessThan(all.forward);
      expect(spearman([...all.map.data], [...few.map.data])).toBeGreaterThan(0.7);
    });

    it(`${explainer.name}: exact by default, and where no error is small enough`, async () => {
      const small = 'draws' in options ? { draws: 40 } : { samples: 150 };
      const all = await mapOf(explainer, small);
      for (const precision of [1e-9, { rank: 0.999_999 }]) {
        const none = await mapOf(explainer, { ...small, precision });
        expect(none.forward).toBe(all.forward);
        const furthest = Math.max(...all.map.data.map((v, i) => Math.abs(v - none.map.data[i]!)));
        expect(furthest).toBeLessThanOrEqual(1e-6 * Math.max(...all.map.data.map(Math.abs)));
      }
    });
  }

  it('one family shares the noisy copies that both want, and each goes on alone', async () => {
    const known = new Map<string, unknown>();
    const memo: Memo = async (key, compute) => {
      if (!known.has(key)) known.set(key, await compute());
      return known.get(key) as Awaited<ReturnType<typeof compute>>;
    };
    const far = { draws: 200, precision: 0.2 };
    const [alone, first] = [
      await mapOf(vargrad, far),
      await mapOf(smoothgrad, { draws: 200, precision: 0.3 }, { memo }),
    ];
    const second = await mapOf(vargrad, far, { memo });
    expect([...second.map.data]).toEqual([...alone.map.data]);
    expect(first.forward).toBeGreaterThan(0);
    expect(second.forward).toBe(alone.forward - first.forward);
  });
});

function mean(values: Float32Array): number {
  return values.reduce((sum, v) => sum + v / values.length, 0);
}

function spreadOf(values: Float32Array): number {
  const middle = mean(values);
  return Math.sqrt(mean(values.map(v => (v - middle) ** 2)));
}
