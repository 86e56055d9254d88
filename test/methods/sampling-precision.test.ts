import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { explainSubject, smoothModel, subjectFor } from '../../src/conformance/index.ts';
import { isUndefined } from '../../src/core/contracts/index.ts';
import { createRng } from '../../src/core/rng.ts';
import { lime } from '../../src/methods/lime.ts';
import { rise } from '../../src/methods/rise.ts';
import { errorOfHalves, looks, sampleUntil } from '../../src/methods/shared/sampling.ts';

describe('sampling until it is precise enough', () => {
  it('looks more and more seldom, and never beyond the samples allowed', () => {
    expect(looks(1000, 'exact')).toEqual([1000]);
    expect(looks(400, 0.1)).toEqual([100, 150, 225, 338, 400]);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100_000 }), most => {
        const found = looks(most, 0.1);
        expect(found.at(-1)).toBe(most);
        expect(found.every((n, i) => i === 0 || n > found[i - 1]!)).toBe(true);
      }),
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
      scores => 30 / scores.length,
    );
    expect(asked).toEqual([
      [0, 100],
      [100, 150],
    ]);
    expect([...found.scores]).toEqual(Array.from({ length: 150 }, (_, i) => i));
    expect(found.relativeError).toBeCloseTo(0.2, 12);
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
  for (const [explainer, precision] of [
    [lime, 0.3],
    [rise, 0.35],
  ] as const) {
    it(`${explainer.name}: fewer passes, and a map as near to that of all samples as asked`, async () => {
      const options = { samples: 1000 };
      const all = await explainSubject({ explainer, subject, options });
      const few = await explainSubject({ explainer, subject, options: { ...options, precision } });
      if (isUndefined(all.result) || isUndefined(few.result)) throw new Error('undefined');
      const { relativeError, samples } = few.result.diagnostics!;
      expect(relativeError).toBeLessThanOrEqual(precision);
      expect(few.forward).toBe(samples);
      expect(few.forward).toBeLessThan(1000);
      // Root mean square difference over the standard deviation of the map: about the error that was asked for.
      const [a, b] = [all.result.map.data, few.result.map.data];
      const mean = a.reduce((sum, v) => sum + v / a.length, 0);
      const spread = Math.sqrt(a.reduce((sum, v) => sum + (v - mean) ** 2 / a.length, 0));
      const apart = Math.sqrt(a.reduce((sum, v, i) => sum + (v - b[i]!) ** 2 / a.length, 0));
      expect(apart / spread).toBeLessThan(2 * precision);
    });

    it(`${explainer.name}: exact by default, and where no error is small enough`, async () => {
      const options = { samples: 150 };
      const all = await explainSubject({ explainer, subject, options });
      const none = await explainSubject({ explainer, subject, options: { ...options, precision: 1e-9 } });
      if (isUndefined(all.result) || isUndefined(none.result)) throw new Error('undefined');
      expect(none.forward).toBe(150);
      expect([...none.result.map.data]).toEqual([...all.result.map.data]);
    });
  }
});
