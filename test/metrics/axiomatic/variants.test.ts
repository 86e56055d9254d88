import { describe, expect, it } from 'vitest';
import { linearModel, scoreSubject, subjectFor } from '../../../src/conformance/index.ts';
import { throughInput } from '../../../src/conformance/through-input.ts';
import type { Explainer, FullClassifier, ModelVariant } from '../../../src/core/contracts/index.ts';
import { inHalf } from '../../../src/core/image/halves.ts';
import { norm } from '../../../src/core/norm.ts';
import { tensor } from '../../../src/core/tensor.ts';
import { centre } from '../../../src/methods/centre.ts';
import { inputXGradient } from '../../../src/methods/input-x-gradient.ts';
import { integratedGradients } from '../../../src/methods/integrated-gradients.ts';
import { occlusion } from '../../../src/methods/occlusion.ts';
import { saliency } from '../../../src/methods/saliency.ts';
import { dummy } from '../../../src/metrics/axiomatic/dummy.ts';
import { inputInvariance } from '../../../src/metrics/axiomatic/input-invariance.ts';

const [H, W] = [10, 12];
const weights = Array.from({ length: H * W }, (_, i) => Math.sin(i) + 0.3);
const model = linearModel({ height: H, width: W, weights: [weights, weights.map(() => 0)] });
const subject = subjectFor(model, 1);
const variantModel = (variant: ModelVariant): FullClassifier | undefined => {
  if (variant.kind === 'shifted') return throughInput(model, v => v - variant.by);
  if (variant.kind !== 'blinded') return undefined;
  const unseen = (k: number) => inHalf(variant.half, k, [H, W]);
  return throughInput(
    model,
    (v, k) => (unseen(k) ? 0 : v),
    k => (unseen(k) ? 0 : 1),
  );
};

/** A metric of the map that an explainer gives of the linear model. */
async function metricOf(metric: typeof dummy, explainer: Explainer, options = {}) {
  const attribution = tensor(
    [H, W],
    Float32Array.from(weights, (w, i) => w * (subject.image.data[i]! + 0.5)),
  );
  const own = { saliency: tensor([H, W], Float32Array.from(weights, Math.abs)) }[explainer.name] ?? attribution;
  const mask = tensor([H, W]);
  const { result } = await scoreSubject({ metric, subject, attribution: own, mask, explainer, variantModel, options });
  return result;
}

describe('input invariance', () => {
  it('is 0 for slopes, and for differences from a baseline that moves with the image', async () => {
    expect(await metricOf(inputInvariance, saliency)).toMatchObject({ value: 0, details: { shift: 0.5 } });
    for (const explainer of [inputXGradient, integratedGradients]) {
      expect(await metricOf(inputInvariance, explainer), explainer.name).toMatchObject({
        value: expect.closeTo(0, 5),
      });
    }
  });

  it('is shift · ‖w‖ / ‖a‖ for gradient times input, whose zero stays where it is', async () => {
    const timesInput: Explainer = {
      ...inputXGradient,
      explain: context => inputXGradient.explain({ ...context, baseline: tensor([H, W, 1]) }),
    };
    const mask = tensor([H, W]);
    const attribution = tensor(
      [H, W],
      Float32Array.from(weights, (w, i) => w * subject.image.data[i]!),
    );
    const request = { metric: inputInvariance, subject, attribution, mask, explainer: timesInput, variantModel };
    const { result } = await scoreSubject(request);
    const expected = (0.5 * norm(weights)) / norm(attribution.data);
    expect(result).toMatchObject({ value: expect.closeTo(expected, 4) });
  });

  it('says that the model has no such variant', async () => {
    const mask = tensor([H, W]);
    const attribution = tensor([H, W], Float32Array.from(weights));
    const none = { metric: inputInvariance, subject, attribution, mask, explainer: saliency };
    expect((await scoreSubject(none)).result).toEqual({
      undefined: 'the moved image has no map: the model has no such variant',
    });
  });
});

describe('dummy', () => {
  it('is 0 for explainers that work pixel by pixel', async () => {
    for (const explainer of [saliency, inputXGradient, integratedGradients]) {
      expect(await metricOf(dummy, explainer), explainer.name).toMatchObject({ value: 0, chance: 0.5 });
    }
  });

  it('is a half for a map that ignores the model, and little for windows, which straddle the edge', async () => {
    expect(await metricOf(dummy, centre)).toMatchObject({ value: expect.closeTo(0.5, 6) });
    const windows: Explainer = {
      ...occlusion,
      explain: context => occlusion.explain({ ...context, options: occlusion.options.parse({ window: 3, stride: 1 }) }),
    };
    const found = await metricOf(dummy, windows);
    const value = (found as { value: number }).value;
    expect(value).toBeGreaterThan(0.01);
    expect(value).toBeLessThan(0.25);
  });

  it('takes the halves that are named, and weighs an odd middle', async () => {
    expect(await metricOf(dummy, saliency, { halves: ['top'] })).toEqual({
      value: 0,
      chance: 0.5,
      details: { top: 0 },
    });
    expect([...'abc'].map((_, i) => inHalf('left', i, [1, 3]))).toEqual([true, false, false]);
    expect([...'abc'].map((_, i) => inHalf('bottom', i, [3, 1]))).toEqual([false, true, true]);
  });
});
