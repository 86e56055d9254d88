import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { analyticModel } from '../../src/conformance/analytic.ts';
import { subjectFor } from '../../src/conformance/subject.ts';
import { createRng } from '../../src/core/rng.ts';
import { filled, tensor } from '../../src/core/tensor.ts';
import { lime } from '../../src/methods/lime.ts';
import { occlusion } from '../../src/methods/occlusion.ts';
import { mapOf, relativeL2 } from './helpers.ts';

interface Golden {
  lime: { height: number; width: number; segments: number; design: number[][]; coefficients: number[] };
  occlusion: { height: number; width: number; window: number; stride: number; values: number[] }[];
}

const golden = JSON.parse(readFileSync(new URL('../golden/captum.json', import.meta.url), 'utf8')) as Golden;

/** f(x) = (3 sin(w·x), 0), w_i = cos(0.7 i) / 4, x_i = sin(i + 0.5), against zeros. */
function subjectOf(height: number, width: number) {
  const model = analyticModel({
    id: 'formula',
    spatial: [height, width],
    channels: 1,
    classes: ['f', 'nothing'],
    logits: x => Float64Array.of(3 * Math.sin(x.reduce((u, v, i) => u + (Math.cos(0.7 * i) / 4) * v, 0)), 0),
  });
  const image = tensor(
    [height, width, 1],
    Float32Array.from({ length: height * width }, (_, i) => Math.sin(i + 0.5)),
  );
  return { ...subjectFor(model, 0), image, baseline: filled([height, width, 1], 0) };
}

it.each(golden.occlusion)("occlusion with Captum's preset: $height × $width, $window / $stride", async g => {
  const options = { ...occlusion.presets.captum?.options, window: g.window, stride: g.stride };
  const { map } = await mapOf({ explainer: occlusion, subject: subjectOf(g.height, g.width), options });
  expect(relativeL2(map.data, g.values)).toBeLessThan(1e-5);
});

it("LIME with Captum's preset, on the samples that Captum drew", async () => {
  const { height, width, segments, design, coefficients } = golden.lime;
  const flips = design.flat().values();
  const rng = { ...createRng(0), next: () => (flips.next().value === 0 ? 0 : 0.9) };
  const options = { ...lime.presets.captum?.options, segmentation: 'grid', segments };
  const { map } = await mapOf({ explainer: lime, subject: subjectOf(height, width), options, rng });
  const expected = Float32Array.from({ length: 64 }, (_, p) => coefficients[4 * (p >> 4) + ((p & 7) >> 1)]!);
  expect(design).toHaveLength(25);
  expect(relativeL2(map.data, expected)).toBeLessThan(1e-5);
});
