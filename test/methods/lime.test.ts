import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { analyticModel } from '../../src/conformance/analytic.ts';
import { linearModel, smoothModel } from '../../src/conformance/models.ts';
import { explainSubject, subjectFor } from '../../src/conformance/subject.ts';
import { maskedBatch } from '../../src/core/image/masked-batch.ts';
import { gridSegments, segmentPixels } from '../../src/core/image/segmentation.ts';
import { readNpy } from '../../src/core/npy.ts';
import { createRng } from '../../src/core/rng.ts';
import { filled, tensor } from '../../src/core/tensor.ts';
import { lime } from '../../src/methods/lime.ts';
import { pixelDistances, segmentDistances } from '../../src/methods/shared/distances.ts';
import { mapOf, reasonOf, relativeL2, sum } from './helpers.ts';

const explainer = lime;
const grid = { segmentation: 'grid', segments: 16 };

describe('on a linear model with grid segments and hardly a penalty', () => {
  const [height, width] = [12, 8];
  const weights = [1, 2].map(c => Float64Array.from({ length: height * width }, (_, i) => Math.cos(c * i)));
  const subject = subjectFor(linearModel({ height, width, weights, bias: [0.7, 0] }), 5);
  const { image, baseline, view } = subject;
  const { labels, count } = gridSegments(view, 16);
  const options = { ...grid, samples: 400, alpha: 1e-9, score: 'logit' };

  it('finds the effect of every segment, and f(baseline) as intercept', async () => {
    const effects = new Float64Array(count);
    labels.forEach((s, p) => {
      effects[s]! += weights[0]![p]! * (image.data[p]! - baseline.data[p]!);
    });
    const { map, diagnostics } = await mapOf({ explainer, subject, options });
    expect(
      relativeL2(
        map.data,
        Float64Array.from(labels, s => effects[s]!),
      ),
    ).toBeLessThan(1e-5);
    expect(diagnostics).toMatchObject({ segments: count, samples: 400 });
    expect(diagnostics?.r2).toBeCloseTo(1, 9);
    expect(diagnostics?.intercept).toBeCloseTo(0.7 + sum(weights[0]!.map((w, p) => w * baseline.data[p]!)), 4);
  });

  it('finds no effect of segments filled with their mean where weights are equal', async () => {
    const equal = linearModel({ height, width, weights: [weights[0]!.map(() => 1), weights[1]!] });
    const { map } = await mapOf({
      explainer,
      subject: { ...subject, model: equal },
      options: { ...options, fill: 'segment-mean' },
    });
    expect(Math.max(...map.data.map(Math.abs))).toBeLessThan(1e-4);
  });
});

it('agrees with lime’s LimeBase on its own design and scores (tiny-densenet)', async () => {
  const read = (name: string) =>
    readNpy(readFileSync(new URL(`../golden/tiny-densenet.${name}.npy`, import.meta.url)), name);
  const golden = JSON.parse(readFileSync(new URL('../golden/golden.json', import.meta.url), 'utf8'));
  const { intercept, r2 } = golden.cases['tiny-densenet'].lime;
  const [design, scores] = [read('lime-design'), read('lime-scores').data as Float32Array];
  const bits = [...(design.data as Float32Array)];
  // The recorded coin flips and probabilities, replayed in their order.
  let asked = 0;
  const model = analyticModel({
    id: 'recorded',
    spatial: [64, 64],
    channels: 1,
    classes: ['a', 'b'],
    logits() {
      const p = scores[2 * asked++]!;
      return Float64Array.of(Math.log(p / (1 - p)), 0);
    },
  });
  const rng = { ...createRng(0), next: () => (bits.shift() === 0 ? 0 : 0.9) };
  const subject = subjectFor(model, 0);
  const options = { segmentation: 'grid', segments: 64, samples: design.shape[0], design: 'independent' };
  const { map, diagnostics = {} } = await mapOf({ explainer: lime, subject, options, rng });
  const weights = read('lime-weights').data as Float32Array;
  expect(
    relativeL2(
      map.data,
      Float32Array.from({ length: 4096 }, (_, p) => weights[8 * (p >> 9) + ((p & 63) >> 3)]!),
    ),
  ).toBeLessThan(1e-5);
  expect(diagnostics.intercept).toBeCloseTo(intercept, 6);
  expect(diagnostics.r2).toBeCloseTo(r2, 6);
});

describe('distances', () => {
  it('of on/off vectors: 0 for all ones, 1 for all zeros', () => {
    expect([...segmentDistances(Uint8Array.of(1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0), 4)]).toEqual([0, 0.5, 1]);
  });

  it('of pixels: as computed from whole images', () => {
    const { image, view } = subjectFor(smoothModel({ height: 6, width: 6, channels: 3 }), 1);
    const segmentation = gridSegments(view, 9);
    const segments = segmentPixels(segmentation);
    const fill = filled(image.shape, 0.3);
    const columns = segmentation.count;
    const design = Uint8Array.from({ length: 5 * columns }, (_, i) => ((i * 7) % 3) & 1);
    const batch = maskedBatch({ image, fill, segments, design });
    const expected = Array.from({ length: batch.count }, (_, i) => {
      const out = new Float32Array(image.data.length);
      batch.write(i, out);
      const norm = (a: Float32Array) => Math.sqrt(sum(a.map(v => v * v)));
      return 1 - sum(out.map((v, k) => v * image.data[k]!)) / (norm(out) * norm(image.data));
    });
    pixelDistances({ image, fill, segments, design, columns }).forEach((d, i) => {
      expect(d).toBeCloseTo(expected[i]!, 6);
    });
    expect(pixelDistances({ image: filled([6, 6, 3], 0), fill, segments, design, columns })[0]).toBe(1);
  });
});

describe('lime', () => {
  const subject = subjectFor(smoothModel({ height: 16, width: 16 }), 0);

  it('follows its seed', async () => {
    const run = async (seed: string) => [
      ...(await mapOf({ explainer, subject, options: { samples: 60 }, seed })).map.data,
    ];
    expect(await run('a')).toEqual(await run('a'));
    expect(await run('a')).not.toEqual(await run('b'));
  });

  it('segments the image alike whatever the seed', async () => {
    const segments = async (seed: string) =>
      (await mapOf({ explainer, subject, options: { samples: 20, segmentation: 'quickshift', kernelSize: 1 }, seed }))
        .diagnostics?.segments;
    expect(await segments('a')).toBe(await segments('b'));
  });

  it('is undefined with a single segment', async () => {
    const flat = { ...subject, view: tensor([16, 16]) };
    expect(await reasonOf({ explainer, subject: flat, options: { segmentation: 'quickshift' } })).toMatch(
      /one segment/,
    );
  });

  it('is undefined without a penalty and with fewer samples than segments', async () => {
    const options = { ...grid, samples: 5, alpha: 0 };
    expect(await reasonOf({ explainer, subject, options })).toMatch(/no unique solution/);
  });

  it('leaves R² out where the score never changes', async () => {
    const constant = linearModel({ height: 16, width: 16, weights: [new Float32Array(256), new Float32Array(256)] });
    const { diagnostics, map } = await mapOf({ explainer, subject: { ...subject, model: constant }, options: grid });
    expect(diagnostics).not.toHaveProperty('r2');
    expect(map.data.every(v => v === 0)).toBe(true);
  });

  it("Captum's preset drops segments altogether", async () => {
    const { options } = explainer.presets.captum!;
    const strict = { ...options, ...grid, alpha: 10 };
    const { result, forward } = await explainSubject({ explainer, subject, options: strict });
    expect((result as { map: { data: Float32Array } }).map.data.every(v => v === 0)).toBe(true);
    expect(forward).toBe(25);
  });
});
