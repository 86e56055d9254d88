import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine, FullClassifier, ModelVariant } from '../../../src/core/contracts/index.ts';
import { useDevice } from '../../../src/engines/tfjs/devices/tfjs-devices.ts';
import { onnxWithTfjs } from '../../../src/engines/tfjs/export/through-onnx.ts';
import { tfjsEngine } from '../../../src/engines/tfjs/tfjs-engine.ts';
import { testEngine } from '../../support/test-engine.ts';
import { batchOf, worst } from './fixtures.ts';
import { noGpu, onGpu } from './gpu.ts';
import { smallCard, smallImages } from './small-net.ts';

const folder = mkdtempSync(join(tmpdir(), 'ct-xai-tfjs-'));
await useDevice('cpu-js');
const card = await smallCard(folder);
const images = smallImages();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

for (const device of ['wasm', 'cpu-js'])
  testEngine('a small net', { engine: tfjsEngine, device, card, images, step: 0.05 });

describe.skipIf(noGpu !== undefined)(onGpu('TF.js on WebGPU'), () => {
  testEngine('a small net', { engine: tfjsEngine, device: 'webgpu', card, images, step: 0.05, workers: 1 });
});

describe('the same model on TF.js and exported to ONNX', () => {
  const opened: FullClassifier[] = [];
  beforeAll(async () => {
    const options = { workers: 1, threads: 1, microBatch: 2 };
    opened.push(await tfjsEngine.open(card, { device: 'wasm', ...options }));
    opened.push(await tfjsEngine.open(card, { device: 'cpu-js', ...options }));
    if (noGpu === undefined) opened.push(await tfjsEngine.open(card, { device: 'webgpu', ...options }));
    opened.push(await onnxWithTfjs.open(card, { device: 'cpu', ...options }));
  });
  afterAll(() => Promise.all(opened.map(m => m.close())));

  it('gives the same scores, gradients and layers', async () => {
    const target = { class: 1, score: 'margin' } as const;
    const all = await Promise.all(
      opened.map(async model => {
        const gradient: number[] = [];
        await model.gradients(batchOf(images), target, (_, g) => gradient.push(...g));
        const scores = (await model.scores(batchOf(images), { as: 'margin' })).data;
        const { layer, activations, gradients } = await model.layer(batchOf(images), target, undefined);
        return { scores, gradient: Float32Array.from(gradient), layer, activations, gradients };
      }),
    );
    const onnx = all.at(-1)!;
    for (const found of all) {
      expect(worst(found.scores, onnx.scores)).toBeLessThan(1e-4);
      expect(worst(found.gradient, onnx.gradient)).toBeLessThan(1e-3);
      expect(found.layer).toBe('last');
      expect(found.activations.shape).toEqual([4, 6, 6, 6]);
      expect(worst(found.activations.data, onnx.activations.data)).toBeLessThan(1e-4);
      expect(worst(found.gradients.data, onnx.gradients.data)).toBeLessThan(1e-3);
    }
    expect(onnx.layer).toBe('last');
    expect(opened.at(-1)!.runtime).toMatchObject({ engine: 'onnx', note: expect.stringContaining('exported') });
  });

  it('gives any layer by its name', async () => {
    const target = { class: 0, score: 'logit' } as const;
    for (const layer of ['stem', 'deep', 'norm', 'pool', 'joined']) {
      const all = await Promise.all(opened.map(model => model.layer(batchOf(images), target, layer)));
      const onnx = all.pop()!;
      for (const found of all) {
        expect(worst(found.activations.data, onnx.activations.data)).toBeLessThan(1e-4);
        expect(worst(found.gradients.data, onnx.gradients.data)).toBeLessThan(1e-3);
      }
    }
  });
});

describe('the TF.js engine', () => {
  it('takes the best device that works for auto, and says which', async () => {
    const model = await tfjsEngine.open(card, { device: 'auto', workers: 1 });
    expect(model.runtime).toMatchObject({ engine: 'tfjs', engineVersion: '4.22.0' });
    expect(['cuda', 'cpu', 'wasm']).toContain(model.runtime.device);
    await model.close();
  });

  it.each([
    ['a size that is not the model’s', { input: { ...card.input, size: [16, 16] as const } }, 'CARD', /\[16, 16, 1\]/],
    ['classes that are not the model’s', { classes: ['a', 'b'] }, 'CARD', /2 classes/],
    ['a task that is not the model’s', { task: 'sigmoid' as const, classes: ['a', 'b'] }, 'CARD', /sigmoid/],
    ['a layer that is not there', { camLayer: 'lats' }, 'LAYER', /lats/],
  ])('refuses %s', async (_, change, code, message) => {
    const opening = tfjsEngine.open({ ...card, ...change }, { device: 'cpu-js', workers: 1 });
    await expect(opening).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });
});

describe('variants of a TF.js model', () => {
  const one = { device: 'wasm', workers: 1, threads: 1, microBatch: 2 };
  const logitsOf = async (engine: Engine, variant: ModelVariant, device = 'wasm', of = card) => {
    const model = await engine.open(of, { ...one, device, variant });
    try {
      return (await model.scores(batchOf(images), { as: 'logit' })).data;
    } finally {
      await model.close();
    }
  };

  it('are other weights in a file of the same layers', async () => {
    const other = join(folder, 'other-weights');
    mkdirSync(other);
    const { file } = await smallCard(other);
    const want = await logitsOf(tfjsEngine, { kind: 'original' }, 'wasm', { ...card, file });
    expect(worst(await logitsOf(tfjsEngine, { kind: 'file', file }), want)).toBeLessThan(1e-6);
    expect(worst(await logitsOf(onnxWithTfjs, { kind: 'file', file }, 'cpu'), want)).toBeLessThan(1e-4);
    expect(worst(await logitsOf(tfjsEngine, { kind: 'original' }), want)).toBeGreaterThan(1e-3);
  });

  it('are made of its ONNX export otherwise, as TF.js says', async () => {
    const variant = { kind: 'randomised', depth: 1, seed: 3 } as const;
    await expect(logitsOf(tfjsEngine, variant)).rejects.toMatchObject({
      code: 'MODEL',
      hint: expect.stringContaining('engine: onnx'),
    });
    const want = await logitsOf(onnxWithTfjs, { kind: 'original' }, 'cpu');
    expect(worst(await logitsOf(onnxWithTfjs, variant, 'cpu'), want)).toBeGreaterThan(0.1);
    const rewritten = await logitsOf(onnxWithTfjs, { kind: 'rewritten', rewrite: 'split-convolutions' }, 'cpu');
    expect(worst(rewritten, want)).toBeLessThan(1e-5);
  });
});
