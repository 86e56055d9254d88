import { describe, expect, it } from 'vitest';
import { createRng } from '../../../src/core/rng.ts';
import { deletion } from '../../../src/metrics/faithfulness/deletion.ts';
import { insertion } from '../../../src/metrics/faithfulness/insertion.ts';
import { srg } from '../../../src/metrics/faithfulness/srg.ts';
import { additiveScene, counted, scoreOf } from '../scene.ts';

const SIDE = 32;
const shares = Array.from({ length: SIDE * SIDE }, (_, i) => {
  const [y, x] = [Math.floor(i / SIDE) - 12, (i % SIDE) - 20];
  return 0.03 * Math.exp(-(x * x + y * y) / 30) - 0.004;
});
const scene = additiveScene(SIDE, SIDE, shares);
/** A map with the same values in blocks of 8 × 8, so that all is tied. */
const blocks = additiveScene(
  SIDE,
  SIDE,
  shares,
  shares.map((_, i) => shares[(Math.floor(i / SIDE / 8) * 8 + 4) * SIDE + Math.floor((i % SIDE) / 8) * 8 + 4]!),
);

async function passes(
  metric: typeof deletion,
  on: typeof scene,
  options: Record<string, unknown>,
): Promise<{ value: number; error?: number; images: number; points: number }> {
  const { model, passes: spent } = counted(on.model);
  const { value, error, curve } = await scoreOf(metric, { ...on, model }, options);
  return { value, ...(error === undefined ? {} : { error }), images: spent.forward, points: curve!.fraction.length };
}

describe('a curve with a precision', () => {
  for (const metric of [deletion, insertion, srg]) {
    for (const [name, on] of [
      ['no ties', scene],
      ['ties', blocks],
    ] as const) {
      it(`${metric.name}, ${name}: fewer passes, and the exact value within the estimate`, async () => {
        const exact = await passes(metric, on, {});
        const near = await passes(metric, on, { precision: 0.005 });
        expect(exact.error).toBeUndefined();
        expect(near.error).toBeGreaterThan(0);
        expect(near.error).toBeLessThanOrEqual(0.005);
        expect(Math.abs(near.value - exact.value)).toBeLessThanOrEqual(near.error!);
        expect(near.images).toBeLessThan(exact.images / 2);
      });

      it(`${metric.name}, ${name}: with next to no error it is the exact value of the whole grid`, async () => {
        const exact = await passes(metric, on, { steps: 24 });
        const near = await passes(metric, on, { steps: 24, precision: 1e-9 });
        expect(near.value).toBeCloseTo(exact.value, 9);
        expect(near.images).toBe(exact.images);
        expect(near.points).toBe(exact.points);
      });
    }
  }

  it('is a share of the range of scores that are no probabilities', async () => {
    const exact = await scoreOf(deletion, scene, { score: 'margin' });
    const near = await scoreOf(deletion, scene, { score: 'margin', precision: 0.01 });
    const range = Math.max(...exact.curve!.score) - Math.min(...exact.curve!.score);
    expect(near.error).toBeLessThanOrEqual(0.01 * range);
    expect(Math.abs(near.value - exact.value)).toBeLessThanOrEqual(near.error!);
  });

  it('shares points with another metric that follows the same path', async () => {
    const held = new Map<string, Promise<unknown>>();
    const memo = <T>(key: string, compute: () => Promise<T>): Promise<T> => {
      const known = (held.get(key) as Promise<T> | undefined) ?? compute();
      held.set(key, known);
      return known;
    };
    const { model, passes: spent } = counted(scene.model);
    const more = { memo, rng: createRng('scene') };
    await scoreOf(deletion, { ...scene, model }, { precision: 0.005 }, more);
    const before = spent.forward;
    await scoreOf(deletion, { ...scene, model }, { precision: 0.01 }, more);
    expect(spent.forward).toBe(before);
  });
});
