import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Explainer, FullClassifier, ModelCard } from '../../src/core/contracts/index.ts';
import { weightedRidge } from '../../src/core/linear/ridge.ts';
import { readNpy } from '../../src/core/npy.ts';
import { filled, tensor } from '../../src/core/tensor.ts';
import { onnxEngine } from '../../src/engines/onnx/index.ts';
import { gradCam } from '../../src/methods/grad-cam.ts';
import { integratedGradients } from '../../src/methods/integrated-gradients.ts';
import { occlusion } from '../../src/methods/occlusion.ts';
import { segmentDistances } from '../../src/methods/shared/distances.ts';
import { mapOf, relativeL2 } from './helpers.ts';

/** Agreement with PyTorch and Captum that is asked for, relative L2. */
const TOLERANCE = 1e-3;

function open(file: string, side: number): Promise<FullClassifier> {
  const card: ModelCard = {
    id: 'golden',
    file,
    origin: file,
    format: 'onnx',
    task: 'softmax',
    emits: 'logits',
    explainAt: 'logits',
    classes: ['a', 'b'],
    input: { size: [side, side], channels: 1, layout: 'NCHW' },
    intensity: { unit: 'grey', window: [0, 255], air: 0, steps: [] },
    resize: { antialias: true, fit: 'stretch' },
  };
  return onnxEngine.open(card, { device: 'cpu', workers: 1, threads: 1, microBatch: 4 });
}

/** Arrays of one golden set; every image is [1, side, side]. */
function reader(root: URL, prefix: string, side: number) {
  const values = (name: string) =>
    readNpy(readFileSync(new URL(`${prefix}${name}.npy`, root)), name).data as Float32Array;
  const plane = (name: string, n: number) => values(name).slice(side * side * n, side * side * (n + 1));
  return { values, plane };
}

async function explain(
  explainer: Explainer,
  model: FullClassifier,
  image: Float32Array,
  target: number,
  options: object,
) {
  const input = tensor([...model.input.spatial, 1], image);
  const view = tensor(model.input.spatial, image);
  const { signal } = new AbortController();
  const subject = { model, image: input, baseline: filled(input.shape, 0), view, signal };
  return mapOf({ explainer, subject, class: target, options: { ...options }, seed: '0' });
}

describe('tiny-densenet', () => {
  const root = new URL('../golden/', import.meta.url);
  const { plane } = reader(root, 'tiny-densenet.', 64);
  let model: FullClassifier;
  beforeAll(async () => {
    model = await open(fileURLToPath(new URL('tiny-densenet.onnx', root)), 64);
  });
  afterAll(() => model?.close());

  const cases: [string, Explainer, string, object][] = [
    ['grad-cam', gradCam, 'grad-cam-upsampled', { layer: '/b2/b2.2/Concat_output_0', score: 'logit' }],
    [
      'integrated-gradients',
      integratedGradients,
      'integrated-gradients',
      { ...integratedGradients.presets.captum?.options },
    ],
    ['occlusion, clipped as by Captum,', occlusion, 'occlusion', { ...occlusion.presets.captum?.options }],
    ['occlusion, shifted inwards,', occlusion, 'occlusion', { score: 'logit' }],
  ];
  it.each(cases)('%s agrees with Captum', async (_, explainer, name, options) => {
    for (const n of [0, 1, 2, 3]) {
      const { map } = await explain(explainer, model, plane('input', n), 0, options);
      expect(relativeL2(map.data, plane(name, n))).toBeLessThan(TOLERANCE);
    }
  });
});

const shared = new URL('../../../shared/', import.meta.url);
const weights = new URL('models/covidct-densenet121.onnx', shared);
const realRoot = new URL('golden/real/', shared);

describe.skipIf(!existsSync(weights) || !existsSync(realRoot))('DenseNet-121 on COVID-CT (needs ../shared)', () => {
  const { plane, values } = reader(realRoot, '', 224);
  const targets = [0, 0, 0, 1, 0, 0, 0, 0];
  let model: FullClassifier;
  beforeAll(async () => {
    model = await open(fileURLToPath(weights), 224);
  });
  afterAll(() => model?.close());

  it('grad-cam agrees with Captum on eight images', async () => {
    for (const [n, target] of targets.entries()) {
      const { map, notes } = await explain(gradCam, model, plane('input', n), target, { score: 'logit' });
      expect(notes?.layer).toBe('/m/Relu_output_0');
      expect(relativeL2(map.data, plane('grad-cam-upsampled', n))).toBeLessThan(TOLERANCE);
    }
  });

  // Minutes on a busy machine: on request only.
  describe.skipIf(!process.env.CT_XAI_SLOW)('slow (needs CT_XAI_SLOW=1)', { timeout: 900_000 }, () => {
    it('integrated-gradients agrees with Captum', async () => {
      const options = { ...integratedGradients.presets.captum?.options };
      const { map } = await explain(integratedGradients, model, plane('input', 0), targets[0]!, options);
      expect(relativeL2(map.data, plane('integrated-gradients', 0))).toBeLessThan(TOLERANCE);
    });

    it('occlusion agrees with Captum', async () => {
      const { map } = await explain(occlusion, model, plane('input', 0), targets[0]!, { score: 'logit' });
      expect(relativeL2(map.data, plane('occlusion', 0))).toBeLessThan(TOLERANCE);
    });
  });

  it("LIME's fit agrees with lime on its design and scores", () => {
    const design = Uint8Array.from(values('lime-design'));
    const scores = values('lime-scores');
    const columns = 196;
    const expected = JSON.parse(readFileSync(new URL('real.json', realRoot), 'utf8')).lime;
    const fit = weightedRidge(
      {
        design,
        columns,
        targets: Float64Array.from({ length: 1000 }, (_, i) => scores[2 * i]!),
        weights: segmentDistances(design, columns).map(d => Math.exp(-(d * d) / (2 * 0.25 ** 2))),
      },
      1,
    );
    expect(relativeL2(fit!.coefficients, values('lime-weights'))).toBeLessThan(1e-5);
    expect(fit!.r2).toBeCloseTo(expected.r2, 6);
    expect(fit!.intercept).toBeCloseTo(expected.intercept, 6);
  });
});
