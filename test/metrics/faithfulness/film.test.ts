import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Classifier, Score } from '../../../src/core/contracts/index.ts';
import { deletion } from '../../../src/metrics/faithfulness/deletion.ts';
import { insertion } from '../../../src/metrics/faithfulness/insertion.ts';
import { srg } from '../../../src/metrics/faithfulness/srg.ts';
import { additiveScene, evaluate, map, scoreOf } from '../scene.ts';

const PIXELS = 12;

/** A model that keeps every image that it is asked about. */
function watched(model: Classifier): { model: Classifier; seen: number[][] } {
  const seen: number[][] = [];
  return {
    seen,
    model: {
      ...model,
      async scores(batch, options) {
        for (let i = 0; i < batch.count; i++) {
          const out = new Float32Array(PIXELS);
          batch.write(i, out);
          seen.push([...out]);
        }
        return model.scores(batch, options);
      },
    },
  };
}

describe('films', () => {
  it.each([deletion, insertion, srg])(
    'of $name put together are the images that the classifier was asked about',
    metric =>
      fc.assert(
        fc.asyncProperty(
          fc.array(
            fc.integer({ min: -9, max: 9 }).map(v => v || 1),
            { minLength: PIXELS, maxLength: PIXELS },
          ),
          fc.integer({ min: 2, max: 12 }),
          async (shares, steps) => {
            const scene = {
              ...additiveScene(3, 4, shares),
              attribution: map(
                3,
                4,
                shares.map((v, i) => v + i / 100),
              ),
            };
            const { model, seen } = watched(scene.model);
            const found = await evaluate(metric, { ...scene, model }, { steps, tieFields: 1 }, { film: true });
            const { film } = found as Score;
            const { curve } = film!;
            const [first, last] =
              film!.from === 'image' ? [scene.image, scene.baseline] : [scene.baseline, scene.image];
            const frames = curve.score.map((_, k) =>
              Array.from(film!.steps.data, (step, i) => (step <= k ? last.data[i]! : first.data[i]!)),
            );
            const asked = new Set(seen.map(image => JSON.stringify(image)));
            expect(frames.every(frame => asked.has(JSON.stringify(frame)))).toBe(true);
            // The gain asks for the other order as well.
            if (metric !== srg) expect(asked.size).toBe(new Set(frames.map(frame => JSON.stringify(frame))).size);
            for (const [k, frame] of frames.entries()) {
              const margin = frame.reduce((sum, v, i) => sum + v * shares[i]!, 0);
              expect(curve.score[k]).toBeCloseTo(1 / (1 + Math.exp(-margin)), 5);
            }
          },
        ),
        { numRuns: 40 },
      ),
  );

  it.each([deletion, insertion, srg])('of $name with a filler are what it made for the classifier', async metric => {
    const scene = additiveScene(3, 4, [1, -3, 4, 2, -1, 3, 5, -2, 6, 7, -4, 8]);
    const { model, seen } = watched(scene.model);
    // A pixel's fill depends on all that is removed.
    const fill = (removed: Uint8Array) => {
      const count = removed.reduce((a, b) => a + b, 0);
      return { ...scene.image, data: scene.image.data.map((v, i) => (removed[i] ? count / 64 : v)) };
    };
    const options = { steps: PIXELS, tieFields: 1, precision: 'exact' };
    const found = await evaluate(metric, { ...scene, model }, options, {
      film: true,
      fill,
      baseline: fill(new Uint8Array(PIXELS).fill(1)),
    });
    const { film } = found as Score;
    const asked = new Set(seen.map(image => JSON.stringify(image)));
    expect(film!.frames).toHaveLength(film!.curve.score.length);
    expect(film!.frames!.length).toBeGreaterThan(10);
    for (const frame of film!.frames!) expect(asked.has(JSON.stringify([...frame.data]))).toBe(true);
    expect([...film!.frames!.at(film!.from === 'image' ? 0 : -1)!.data]).toEqual([...scene.image.data]);
  });

  it('keep no more than 21 frames of a filler, the ends among them', async () => {
    const scene = additiveScene(
      6,
      6,
      Array.from({ length: 36 }, (_, i) => i + 1),
    );
    const fill = (removed: Uint8Array) => ({
      ...scene.image,
      data: scene.image.data.map((v, i) => (removed[i] ? 0 : v)),
    });
    const found = await evaluate(
      deletion,
      scene,
      { steps: 36, tieFields: 1, precision: 'exact' },
      { film: true, fill },
    );
    const { film, curve } = found as Score;
    expect(curve!.fraction).toHaveLength(37);
    expect(film!.frames).toHaveLength(21);
    expect(film!.curve.fraction).toEqual(expect.arrayContaining([0, 1]));
    expect(Math.max(...film!.steps.data)).toBe(20);
  });

  it('are made only where they are asked for', async () => {
    expect((await scoreOf(deletion, additiveScene(2, 3, [1, -3, 4, 2, -1, 3]))).film).toBeUndefined();
  });
});
