import { describe, expect, it } from 'vitest';
import { scoreSubject, smoothModel, subjectFor } from '../../src/conformance/index.ts';
import { isUndefined, type Metric } from '../../src/core/contracts/index.ts';
import { createRng } from '../../src/core/rng.ts';
import { tensor } from '../../src/core/tensor.ts';
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

  it('an image that equals its baseline is the same as seen through any map', async () => {
    expect(await reasonOf(coherence, { baseline: plain.image })).toMatch(/^the image is the same as seen/);
    expect(await reasonOf(coherence, {})).toMatch(/^a value/);
  });

  it('an image that does not vary can be shifted anywhere', async () => {
    expect(await reasonOf(translationEquivariance, { image: filledWith(0.4) })).toMatch(/^the image does not vary/);
    expect(await reasonOf(translationEquivariance, {})).toMatch(/^a value/);
  });
});
