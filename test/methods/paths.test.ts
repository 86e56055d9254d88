import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { linearModel, smoothModel } from '../../src/conformance/models.ts';
import { subjectFor } from '../../src/conformance/subject.ts';
import { imageBatch } from '../../src/core/batch.ts';
import type { Attribution } from '../../src/core/contracts/index.ts';
import { gaussianBlur } from '../../src/core/image/blur.ts';
import { dilatedSegments, felzenszwalb, toUnitRange } from '../../src/core/image/felzenszwalb.ts';
import { createRng } from '../../src/core/rng.ts';
import { tensor } from '../../src/core/tensor.ts';
import { blurIg } from '../../src/methods/blur-ig.ts';
import { expectedGradients } from '../../src/methods/expected-gradients.ts';
import { guidedIg } from '../../src/methods/guided-ig.ts';
import { integratedGradients } from '../../src/methods/integrated-gradients.ts';
import { byDensity, overlappingRegions, xrai } from '../../src/methods/xrai.ts';
import {
  referenceArray,
  referenceImage,
  referenceItem,
  referenceModels,
  referencesOf,
} from '../golden/explainers/index.ts';
import { mapOf, reasonOf, relativeL2, sum } from './helpers.ts';

const logit = { score: 'logit' };

describe('on a linear model', () => {
  const rng = createRng('weights');
  const [height, width, channels] = [9, 7, 2];
  const weights = [0, 1].map(() => Float64Array.from({ length: height * width * channels }, () => rng.normal()));
  const subject = subjectFor(linearModel({ height, width, channels, weights }), 2);
  const exact = (from: (k: number) => number) =>
    Float32Array.from({ length: height * width }, (_, p) =>
      sum([0, 1].map(c => weights[0]![2 * p + c]! * (subject.image.data[2 * p + c]! - from(2 * p + c)))),
    );

  it('guided-ig is w·(x − b)', async () => {
    const options = { ...logit, steps: 20 };
    const { map, diagnostics } = await mapOf({ explainer: guidedIg, subject, options });
    expect(
      relativeL2(
        map.data,
        exact(k => subject.baseline.data[k]!),
      ),
    ).toBeLessThan(1e-5);
    expect(diagnostics?.completenessGap).toBeLessThan(1e-5);
  });

  it('expected-gradients is w·(x − mean x′), whatever α', async () => {
    const trainingImages = [3, 4, 5, 6].map(seed => subjectFor(subject.model, seed).image);
    const mean = (k: number) => sum(trainingImages.map(t => t.data[k]!)) / 4;
    const asked = { explainer: expectedGradients, subject, trainingImages, options: { ...logit, draws: 8 } };
    const { map, diagnostics } = await mapOf(asked);
    expect(relativeL2(map.data, exact(mean))).toBeLessThan(1e-5);
    expect(diagnostics).toMatchObject({ draws: 8, background: 4 });
    expect(diagnostics?.completenessGapAbsolute).toBeLessThan(1e-4);
  });

  it('blur-ig is w·(x − x blurred)', async () => {
    const options = { ...logit, sigma: 2, unit: 'pixels', steps: 7 };
    const { map } = await mapOf({ explainer: blurIg, subject, options });
    const { data } = gaussianBlur(subject.image, 2);
    expect(
      relativeL2(
        map.data,
        exact(k => data[k]!),
      ),
    ).toBeLessThan(1e-5);
  });
});

describe('expected gradients', () => {
  const subject = subjectFor(smoothModel({ height: 6, width: 5, channels: 1, seed: 3 }), 3);
  const trainingImages = Array.from({ length: 6 }, (_, i) => subjectFor(subject.model, 40 + i).image);

  it('are the mean of integrated gradients over the training images', async () => {
    const asked = { explainer: expectedGradients, subject, trainingImages, options: { draws: 6000 } };
    const { map } = await mapOf(asked);
    const mean = new Float32Array(map.data.length);
    for (const baseline of trainingImages) {
      const one = await mapOf({ explainer: integratedGradients, subject: { ...subject, baseline } });
      one.map.data.forEach((v, p) => {
        mean[p]! += v / trainingImages.length;
      });
    }
    expect(relativeL2(map.data, mean)).toBeLessThan(0.01);
  });

  it('say their standard errors: not less than the spread over seeds', async () => {
    const options = { draws: 12 };
    const maps: Attribution[] = [];
    for (let i = 0; i < 150; i++) {
      maps.push(await mapOf({ explainer: expectedGradients, subject, trainingImages, options, seed: `${i}` }));
    }
    const pixels = maps[0]!.map.data.length;
    const variance = sum(
      Array.from({ length: pixels }, (_, p) => {
        const mean = sum(maps.map(m => m.map.data[p]!)) / maps.length;
        return sum(maps.map(m => (m.map.data[p]! - mean) ** 2)) / (maps.length - 1);
      }),
    );
    const said = sum(maps.flatMap(m => Array.from(m.standardErrors!.data, e => e ** 2))) / maps.length;
    expect(said).toBeGreaterThan(0.8 * variance);
  });
});

it('guided-ig without room beside the straight path is a sum of integrated gradients', async () => {
  const subject = subjectFor(smoothModel({ height: 6, width: 5, channels: 2, seed: 1 }), 1);
  const guided = await mapOf({ explainer: guidedIg, subject, options: { steps: 800, maxDistance: 0 } });
  const straight = await mapOf({ explainer: integratedGradients, subject, options: { steps: 200 } });
  expect(relativeL2(guided.map.data, straight.map.data)).toBeLessThan(0.01);
});

it('guided-ig is complete in the limit, wherever its path goes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(500), fc.constantFrom(0.02, 0.2, 1), async (seed, maxDistance) => {
      const subject = subjectFor(smoothModel({ height: 5, width: 4, channels: 1, seed }), seed);
      const ends = await subject.model.score(imageBatch(subject.image, subject.baseline), {
        class: 0,
        score: 'margin',
      });
      const { map } = await mapOf({ explainer: guidedIg, subject, options: { steps: 1500, maxDistance } });
      expect(Math.abs(sum(map.data) - (ends[0]! - ends[1]!))).toBeLessThan(0.02);
    }),
    { numRuns: 12 },
  );
});

it('guided-ig of the baseline is zero', async () => {
  const subject = subjectFor(smoothModel({ height: 5, width: 4, channels: 1, seed: 0 }), 0);
  const { map } = await mapOf({ explainer: guidedIg, subject: { ...subject, image: subject.baseline } });
  expect(map.data.every(v => v === 0)).toBe(true);
});

it('blur-ig is complete on smooth models, in millimetres of the image', async () => {
  const subject = subjectFor(smoothModel({ height: 12, width: 10, channels: 2, seed: 7 }), 7);
  const options = { sigma: 6, steps: 200 };
  const { map } = await mapOf({ explainer: blurIg, subject, options });
  // A pixel is 1.5 mm.
  const softest = gaussianBlur(subject.image, 4);
  const ends = await subject.model.score(imageBatch(subject.image, softest), { class: 0, score: 'margin' });
  expect(sum(map.data)).toBeCloseTo(ends[0]! - ends[1]!, 3);
});

describe("Felzenszwalb's segmentation", () => {
  const [reference] = referencesOf('felzenszwalb');
  const { scales, sigma, minSize } = reference!.parameters as { scales: number[]; sigma: number; minSize: number };

  it('is that of scikit-image', () => {
    const { shape, data } = referenceArray(reference!.draws!.labels!);
    const [, , height, width] = shape as [number, number, number, number];
    const size = height * width;
    for (const i of [0, 1]) {
      const unit = toUnitRange(referenceImage(referenceModels.cnn!, i))!;
      scales.forEach((scale, s) => {
        const { labels } = felzenszwalb(unit, { scale, sigma, minSize });
        const at = (i * scales.length + s) * size;
        expect([...labels]).toEqual(Array.from((data as Uint8Array).subarray(at, at + size)));
      });
    }
  });

  it('finds two halves, and one segment in a constant image', () => {
    const halves = tensor(
      [8, 8],
      Float32Array.from({ length: 64 }, (_, p) => (p % 8 < 4 ? -1 : 1)),
    );
    const { labels, count } = felzenszwalb(halves, { scale: 50, sigma: 0, minSize: 4 });
    expect(count).toBe(2);
    expect([...labels]).toEqual(Array.from({ length: 64 }, (_, p) => (p % 8 < 4 ? 0 : 1)));
    expect(felzenszwalb(tensor([5, 5]), { scale: 50, sigma: 0.8, minSize: 1 }).count).toBe(1);
  });
});

describe('xrai', () => {
  const segmentsOf = (file: string, i: number, radius: number) => {
    const { shape, data } = referenceArray(file);
    const [, scales, height, width] = shape as [number, number, number, number];
    return Array.from({ length: scales }, (_, s) => {
      const at = (i * scales + s) * height * width;
      const labels = Int32Array.from((data as Uint8Array).subarray(at, at + height * width));
      return dilatedSegments({ labels, shape: [height, width], count: 1 + Math.max(...labels) }, radius);
    }).flat();
  };

  it('ranks given segments as PAIR does', () => {
    const reference = referencesOf('xrai').find(r => r.variant === 'given')!;
    const { dilation, minPixels } = reference.parameters as { dilation: number; minPixels: number };
    for (const i of [0, 1]) {
      const regions = segmentsOf(reference.draws!.labels!, i, dilation);
      const { map } = byDensity(referenceItem(reference.draws!.attribution!, i), regions, minPixels);
      expect(relativeL2(map.data, referenceItem(reference.map!, i).data)).toBeLessThan(1e-5);
    }
  });

  it('is PAIR with an image enlarged bilinearly; with its cubic enlargement PAIR itself gives another map', () => {
    const reference = referencesOf('xrai').find(r => r.variant === 'bilinear')!;
    const defaults = xrai.options.parse({}) as Parameters<typeof overlappingRegions>[1];
    for (const i of [0, 1]) {
      const view = { shape: [64, 64], data: referenceImage(referenceModels.cnn!, i).data };
      const attribution = referenceItem(reference.draws!.attribution!, i);
      const { map } = byDensity(attribution, overlappingRegions(view, defaults)!, 50);
      expect(relativeL2(map.data, referenceItem(reference.map!, i).data)).toBeLessThan(1e-3);
      expect(reference.values!.fromCubic![i]).toBeGreaterThan(1);
    }
  });

  it('has no map of a constant image', async () => {
    const subject = subjectFor(smoothModel({ height: 12, width: 12, channels: 1, seed: 0 }), 0);
    expect(await reasonOf({ explainer: xrai, subject: { ...subject, view: tensor([12, 12]) } })).toContain('constant');
  });

  it('gives what no region covers its own mean', () => {
    const attribution = tensor([1, 6], Float32Array.of(1, 1, 5, 5, 0, 4));
    const { map, taken } = byDensity(attribution, [Int32Array.of(0, 1, 2), Int32Array.of(2, 3)], 2);
    expect([...map.data]).toEqual([1, 1, 5, 5, 2, 2]);
    expect(taken).toBe(2);
  });
});
