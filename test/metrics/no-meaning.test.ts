import { describe, expect, it } from 'vitest';
import { scoreSubject, smoothModel, subjectFor } from '../../src/conformance/index.ts';
import { isUndefined, type Metric } from '../../src/core/contracts/index.ts';
import { createRng } from '../../src/core/rng.ts';
import { tensor } from '../../src/core/tensor.ts';
import { aopc } from '../../src/metrics/faithfulness/aopc.ts';
import { deletion } from '../../src/metrics/faithfulness/deletion.ts';
import { insertion } from '../../src/metrics/faithfulness/insertion.ts';
import { road } from '../../src/metrics/faithfulness/road.ts';
import { srg } from '../../src/metrics/faithfulness/srg.ts';
import { coherence } from '../../src/metrics/robustness/coherence.ts';
import { relativeInputStability } from '../../src/metrics/robustness/relative-input-stability.ts';
import { translationEquivariance } from '../../src/metrics/robustness/translation-equivariance.ts';

// Images of which a number could be had, and would say nothing of the map.
const [H, W] = [18, 22];
const rng = createRng('map');
const attribution = tensor(
  [H, W],
  Float32Array.from({ length: H * W }, () => rng.normal()),
);
const plain = subjectFor(smoothModel({ height: H, width: W }), 1);
const filledWith = (value: number) => tensor([H, W, 1], new Float32Array(H * W).fill(value));

async function reasonOf(metric: Metric, change: Partial<typeof plain>): Promise<string> {
  const { result } = await scoreSubject({
    ...{ metric, attribution, mask: tensor([H, W]), options: metric.checks.options },
    subject: { ...plain, ...change },
  });
  return isUndefined(result) ? result.undefined : `a value of ${result.value}`;
}

describe('there is no number where it would say nothing', () => {
  it('an image of zeros has no relative change', async () => {
    const zeros = filledWith(0);
    expect(await reasonOf(relativeInputStability, { image: zeros })).toBe('the image is 0 everywhere');
    expect(await reasonOf(relativeInputStability, {})).toMatch(/^a value/);
  });

  it('what is removed in one step has no order', async () => {
    const one = async (metric: Metric, options: object) => {
      const { result } = await scoreSubject({
        metric,
        attribution,
        mask: tensor([H, W]),
        options: { ...options },
        subject: plain,
      });
      return isUndefined(result) ? result.undefined : `a value of ${result.value}`;
    };
    for (const metric of [deletion, insertion, srg]) {
      expect(await one(metric, { steps: 1 }), metric.name).toMatch(/^everything is removed in one step/);
      expect(await one(metric, { unit: 'patches', patchPixels: 40 }), metric.name).toMatch(/^everything is removed/);
      expect(await one(metric, { steps: 2 }), metric.name).toMatch(/^a value/);
    }
    expect(await one(aopc, { side: 40 })).toMatch(/^the image is one region/);
  });

  it('nor has an image of a few pixels, nine tenths of which are all', async () => {
    const model = smoothModel({ height: 2, width: 2, seed: 3 });
    const map = tensor([2, 2], Float32Array.of(1, 2, 3, 4));
    const found = await Promise.all(
      [0, 1, 2].map(of =>
        scoreSubject({
          metric: road,
          attribution: map,
          mask: tensor([2, 2]),
          class: of,
          subject: subjectFor(model, 1),
        }),
      ),
    );
    // Of the class that is predicted; the others are none.
    expect(found.map(f => isUndefined(f.result) && f.result.undefined)).toContain('the image has too few pixels');
  });

  it('an image that equals its baseline is the same as seen through any map', async () => {
    expect(await reasonOf(coherence, { baseline: plain.image })).toMatch(/^the image is the same as seen/);
    expect(await reasonOf(coherence, {})).toMatch(/^a value/);
  });

  it('an image that does not vary can be shifted anywhere', async () => {
    expect(await reasonOf(translationEquivariance, { image: filledWith(0.4) })).toMatch(/^the image does not vary/);
    expect(await reasonOf(translationEquivariance, {})).toMatch(/^a value/);
  });
});
