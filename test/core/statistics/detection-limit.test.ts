import { describe, expect, it } from 'vitest';
import { createRng } from '../../../src/core/rng.ts';
import { detection, detectionLimit, type ShortcutModel } from '../../../src/core/statistics/detection-limit.ts';

const rng = createRng('detection');
const PATIENTS = 8;
const model = (reliance: number, shown: number): ShortcutModel => ({
  reliance,
  shown: new Array<number>(PATIENTS).fill(shown),
});
const many = (count: number, make: (i: number) => ShortcutModel) => Array.from({ length: count }, (_, i) => make(i));

describe('detectionLimit', () => {
  it('is by hand where all of 24 are detected: the first bound is that of the first 24, and the limit its last model', () => {
    const reference = many(20, () => model(0, 0));
    const { auc, low, limit, bounds } = detectionLimit(
      many(24, i => model(1 + i / 10, 1)),
      reference,
      rng,
    );
    expect(auc).toBe(1);
    expect(bounds.slice(0, 23).every(b => b.low === 0)).toBe(true);
    expect(bounds[23]!.low).toBe(low);
    // Solved by hand: (1 - a)² = 1.96² V(a), V that of Hanley and McNeil with (m + n) / 2 - 1 = 21 on both sides.
    const variance = (a: number) => (a * (1 - a) * (1 + 21 * ((1 - a) / (2 - a) + a / (1 + a)))) / (24 * 20);
    expect((1 - low) ** 2).toBeCloseTo(1.959964 ** 2 * variance(low), 6);
    expect(limit).toBeCloseTo(3.3, 12);
  });

  it('has its limit where weak models end, and not before', () => {
    const reference = many(20, i => model(0, i / 1000));
    const weak = many(24, i => model(0.1 + i / 1000, -1));
    const strong = many(30, i => model(1 + i / 100, 1));
    const { limit, bounds } = detectionLimit([...strong, ...weak], reference, rng);
    const lows = bounds.map(b => b.low);
    expect(lows).toEqual([...lows].sort((a, b) => a - b));
    expect(lows[23]).toBeLessThan(0.5);
    // Windows of strong models alone begin with the 24th of them.
    expect(limit).toBeCloseTo(1.23, 2);
    expect(detectionLimit(weak, reference, rng).limit).toBeNull();
  });

  it('is exactly one half for a map that does not look at the model, and near it for models to which nothing told', () => {
    const same = many(20, () => model(0, 0.3));
    expect(detection(same, same, rng).auc).toBe(0.5);
    const areas = Array.from({ length: 30 }, (_, i) => {
      const draw = createRng(`halves ${i}`);
      const group = () => many(20, () => model(0, draw.normal()));
      return detection(group(), group(), draw).auc;
    });
    const mean = areas.reduce((a, b) => a + b, 0) / areas.length;
    // The SD of one area is about .09.
    expect(Math.abs(mean - 0.5)).toBeLessThan((4 * 0.092) / Math.sqrt(30));
  });

  it('is wider where patients disagree', () => {
    const noisy = (mean: number, i: number): ShortcutModel => ({
      reliance: 1,
      shown: Array.from({ length: PATIENTS }, (_, p) => mean * (p === 0 ? PATIENTS : 0) + i / 1000),
    });
    // All of the difference is in one patient, whom a third of the resamples lack.
    const { auc, low } = detection(
      many(20, i => noisy(1, i)),
      many(20, i => noisy(0, i)),
      rng,
    );
    expect(auc).toBe(1);
    expect(low).toBeLessThan(0.75);
  });
});
