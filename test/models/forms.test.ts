import { readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readCard } from '../../src/config/card.ts';
import { imageBatch } from '../../src/core/batch.ts';
import type { FullClassifier } from '../../src/core/contracts/index.ts';
import type { Tensor } from '../../src/core/tensor.ts';
import { prepare } from '../../src/data/preparation/prepare.ts';
import { phantom } from '../../src/data/readers/phantom.ts';
import { decodeModel } from '../../src/engines/onnx/graph/proto.ts';
import { onnxEngine } from '../../src/engines/onnx/onnx-engine.ts';
import { tfjsEngine } from '../../src/engines/tfjs/tfjs-engine.ts';
import { WEIGHTS_FILE } from '../../src/engines/tfjs/write/write-model.ts';
import { repository } from '../config/fixtures.ts';
import { worst } from '../engines/tfjs/fixtures.ts';

const settings = { workers: 1, threads: 1, microBatch: 1 };
type Found = Awaited<ReturnType<typeof everything>>;
const COVID = { class: 1, score: 'logit' } as const;

async function everything(model: FullClassifier, images: readonly Tensor[]) {
  const batch = imageBatch(...images);
  const { data: scores } = await model.scores(batch, { as: 'logit' });
  const gradients: Float32Array[] = [];
  await model.gradients(batch, COVID, (_, gradient) => gradients.push(gradient.slice()));
  const cam = await model.layer(batch, COVID, undefined);
  return { scores, gradients, cam };
}

/**
 * Where two computations of an image fall on different sides of a kink: a ReLU that is open in one alone, or another
 * pixel that is the largest of a 2 × 2 window. How far each was from its kink, relative to the layer's largest value.
 */
async function kinks(models: readonly FullClassifier[], image: Tensor): Promise<number[]> {
  const found: number[] = [];
  const relus = (await models[0]!.layers()).filter(layer => layer.operator === 'Relu').map(layer => layer.name);
  for (const name of relus) {
    const [a, b] = await Promise.all(
      models.map(async model => (await model.layer(imageBatch(image), COVID, name)).activations),
    );
    const [, h, w, c] = a!.shape as [number, number, number, number];
    const [one, other] = [a!.data, b!.data];
    const largest = one.reduce((m, v) => Math.max(m, v), 0);
    one.forEach((v, i) => {
      if (v > 0 !== other[i]! > 0) found.push(Math.max(v, other[i]!) / largest);
    });
    for (let p = 0; p < h * w * c; p++) {
      const [y, x] = [Math.floor(p / (w * c)), Math.floor(p / c) % w];
      if (y % 2 || x % 2 || y + 1 === h || x + 1 === w) continue;
      const window = [p, p + c, p + w * c, p + w * c + c];
      const top = (values: Float32Array) => window.reduce((m, i) => (values[i]! > values[m]! ? i : m), p);
      if (top(one) !== top(other)) found.push((one[top(one)]! - one[top(other)]!) / largest);
    }
  }
  return found;
}

/** How many values are further from those wanted than this share of the largest. */
function beyond(got: Float32Array, want: Float32Array, share: number): number {
  const most = share * want.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
  return want.filter((v, i) => !(Math.abs(v - got[i]!) <= most)).length;
}

describe.each(['phantom-cnn', 'phantom-densenet'])('%s as ONNX and for TF.js', name => {
  const folder = join(repository, 'models', name);

  test('the files hold the same weights and are small', async () => {
    const [card, twin] = [await readCard(folder), await readCard(join(folder, 'tfjs'))];
    expect(twin).toMatchObject({ id: `${name}-tfjs`, format: 'tfjs', classes: card.classes });
    expect(twin).toMatchObject({ intensity: card.intensity, camLayer: card.camLayer, performance: card.performance });
    expect(statSync(card.file).size).toBeLessThan(3e6);
    const weights = readFileSync(join(dirname(twin.file), WEIGHTS_FILE));
    expect(statSync(twin.file).size + weights.length).toBeLessThan(3e6);
    const held = [...decodeModel(readFileSync(card.file), { name }).constants.values()];
    const bits = (arrays: readonly ArrayLike<number | bigint>[]) =>
      arrays.flatMap(a => Array.from(a, Number)).sort((a, b) => a - b);
    expect(bits([new Float32Array(new Uint8Array(weights).buffer)])).toEqual(bits(held.map(c => c.data)));
  });

  test('scores, gradients and the layer of Grad-CAM are the same', async () => {
    const [card, twin] = [await readCard(folder), await readCard(join(folder, 'tfjs'))];
    const data = await phantom.open({ split: 'test', patients: 4, slices: 1 }, { base: '.' });
    const images: Tensor[] = [];
    for await (const sample of data.samples()) images.push(prepare((await sample.load()).source, card).input);
    const models = [
      await onnxEngine.open(card, { device: 'cpu', ...settings }),
      await tfjsEngine.open(twin, { device: 'wasm', ...settings }),
    ];
    const [onnx, tfjs] = (await Promise.all(models.map(model => everything(model, images)))) as [Found, Found];
    expect(worst(tfjs.scores, onnx.scores)).toBeLessThan(1e-5);
    // Where two pixels of a pooling window, or 0 and a ReLU's input, are equal up to rounding, the gradients may differ
    // in the pixels that they see, some hundreds at most; and only there.
    const off = images.map((_, i) => beyond(tfjs.gradients[i]!, onnx.gradients[i]!, 1e-4));
    expect(off.filter(n => n === 0).length).toBeGreaterThanOrEqual(images.length - 1);
    expect(Math.max(...off)).toBeLessThan(0.02 * images[0]!.data.length);
    for (const [i, image] of images.entries()) {
      if (off[i] === 0) continue;
      const near = await kinks(models, image);
      expect(near.length).toBeGreaterThan(0);
      for (const gap of near) expect(gap).toBeLessThan(1e-5);
    }
    expect(tfjs.cam.layer).toBe(onnx.cam.layer);
    expect(tfjs.cam.activations.shape).toEqual(onnx.cam.activations.shape);
    expect(worst(tfjs.cam.activations.data, onnx.cam.activations.data)).toBeLessThan(1e-5);
    expect(worst(tfjs.cam.gradients.data, onnx.cam.gradients.data)).toBeLessThan(1e-4);
    await Promise.all(models.map(model => model.close()));
  });
});
