import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { analyticModel } from '../../src/conformance/analytic.ts';
import { linearModel, smoothModel } from '../../src/conformance/models.ts';
import { subjectFor } from '../../src/conformance/subject.ts';
import { resizeBilinear } from '../../src/core/image/resize.ts';
import { readNpy } from '../../src/core/npy.ts';
import { tensor } from '../../src/core/tensor.ts';
import { gradCam } from '../../src/methods/grad-cam.ts';
import { mapOf, reasonOf, relativeL2 } from './helpers.ts';

/** A 4 × 4 model whose layer [2, 2, 2] and its gradients are given; logits are 0, so a margin's seed is [1, −1]. */
function layerModel(activations: number[], gradients: number[]) {
  return analyticModel({
    id: 'layer',
    spatial: [4, 4],
    channels: 1,
    classes: ['a', 'b'],
    logits: () => new Float64Array(2),
    layer: {
      name: 'block',
      shape: [2, 2, 2],
      activations: () => Float32Array.from(activations),
      gradient: (_, seed) => Float32Array.from(gradients, g => g * (seed[0]! - seed[1]!)),
    },
  });
}

// Channel 0 is 1 2 3 4 with mean gradient 2; channel 1 is 4 3 2 1 with mean gradient −1: Σ = −2, 1, 4, 7.
const activations = [1, 4, 2, 3, 3, 2, 4, 1];
const gradients = [2, -1, 0, -3, 4, 1, 2, -1];
const paper = { score: 'logit' };

describe('grad-cam', () => {
  const subject = subjectFor(layerModel(activations, gradients), 0);

  it('is ReLU(Σ α A), enlarged after the ReLU', async () => {
    const { map, notes } = await mapOf({ explainer: gradCam, subject, options: paper });
    const expected = resizeBilinear(tensor([2, 2], Float32Array.of(0, 1, 4, 7)), [4, 4], { antialias: false });
    expect([...map.data]).toEqual([...expected.data]);
    expect(notes).toEqual({ layer: 'block', grid: '2 × 2' });
  });

  it('keeps negatives without ReLU, and repeats pixels on request', async () => {
    const options = { ...paper, relu: false, interpolation: 'nearest-corner' };
    const { map } = await mapOf({ explainer: gradCam, subject, options });
    expect([...map.data]).toEqual([-2, -2, 1, 1, -2, -2, 1, 1, 4, 4, 7, 7, 4, 4, 7, 7]);
    expect(gradCam.presets.captum?.options).toEqual(options);
  });

  it('explains the margin unless told otherwise', async () => {
    const { map } = await mapOf({ explainer: gradCam, subject });
    const logit = await mapOf({ explainer: gradCam, subject, options: paper });
    expect([...map.data]).toEqual([...logit.map.data.map(v => 2 * v)]);
  });

  it('is undefined where the map is zero everywhere', async () => {
    const dead = subjectFor(
      layerModel(
        activations,
        gradients.map(g => -Math.abs(g)),
      ),
      0,
    );
    expect(await reasonOf({ explainer: gradCam, subject: dead, options: paper })).toMatch(/layer 'block' is zero/);
  });

  it('is undefined where the model has no spatial layer', async () => {
    const flat = subjectFor(linearModel({ height: 4, width: 4 }), 0);
    expect(await reasonOf({ explainer: gradCam, subject: flat })).toMatch(/no layer for class activation maps/);
  });

  it('fails on a layer that does not exist', async () => {
    const smooth = subjectFor(smoothModel({ height: 4, width: 4 }), 0);
    await expect(mapOf({ explainer: gradCam, subject: smooth, options: { layer: 'x' } })).rejects.toMatchObject({
      code: 'LAYER',
    });
  });
});

it('enlarges as torch did for the golden Grad-CAM of tiny-densenet', () => {
  const read = (name: string) => readNpy(readFileSync(new URL(`../golden/${name}`, import.meta.url)), name);
  const coarse = read('tiny-densenet.grad-cam.npy').data as Float32Array;
  const fine = read('tiny-densenet.grad-cam-upsampled.npy').data as Float32Array;
  for (let n = 0; n < 4; n++) {
    const ours = resizeBilinear(tensor([8, 8], coarse.slice(64 * n, 64 * (n + 1))), [64, 64], { antialias: false });
    expect(relativeL2(ours.data, fine.subarray(4096 * n, 4096 * (n + 1)))).toBeLessThan(1e-6);
  }
});
