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
            const { film, curve: own } = found as Score;
            const curve = film!.curve ?? own;
            const [first, last] =
              film!.from === 'image' ? [scene.image, scene.baseline] : [scene.baseline, scene.image];
            const frames = curve!.score.map((_, k) =>
              Array.from(film!.steps.data, (step, i) => (step <= k ? last.data[i]! : first.data[i]!)),
            );
            const asked = new Set(seen.map(image => JSON.stringify(image)));
            expect(frames.every(frame => asked.has(JSON.stringify(frame)))).toBe(true);
            // The gain asks for the other order as well.
            if (metric !== srg) expect(asked.size).toBe(new Set(frames.map(frame => JSON.stringify(frame))).size);
            for (const [k, frame] of frames.entries()) {
              const margin = frame.reduce((sum, v, i) => sum + v * shares[i]!, 0);
              expect(curve!.score[k]).toBeCloseTo(1 / (1 + Math.exp(-margin)), 5);
            }
          },
        ),
        { numRuns: 40 },
      ),
  );

  it('are made only where they are asked for', async () => {
    expect((await scoreOf(deletion, additiveScene(2, 3, [1, -3, 4, 2, -1, 3]))).film).toBeUndefined();
  });
});
