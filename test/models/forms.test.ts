import { readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readCard } from '../../src/config/card.ts';
import { imageBatch } from '../../src/core/batch.ts';
import type { FullClassifier } from '../../src/core/contracts.ts';
import type { Tensor } from '../../src/core/tensor.ts';
import { phantom } from '../../src/data/phantom.ts';
import { prepare } from '../../src/data/prepare.ts';
import { onnxEngine } from '../../src/engines/onnx/engine.ts';
import { decodeModel } from '../../src/engines/onnx/proto.ts';
import { tfjsEngine } from '../../src/engines/tfjs/engine.ts';
import { WEIGHTS_FILE } from '../../src/engines/tfjs/write/model.ts';
import { repository } from '../config/fixtures.ts';
import { worst } from '../engines/tfjs/fixtures.ts';

const settings = { workers: 1, threads: 1, microBatch: 1 };
const COVID = { class: 1, score: 'logit' } as const;

async function everything(model: FullClassifier, images: readonly Tensor[]) {
  const batch = imageBatch(...images);
  const { data: scores } = await model.scores(batch, { as: 'logit' });
  const gradients: Float32Array[] = [];
  await model.gradients(batch, COVID, (_, gradient) => gradients.push(gradient.slice()));
  const cam = await model.layer(batch, COVID, undefined);
  await model.close();
  return { scores, gradients, cam };
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
    const onnx = await everything(await onnxEngine.open(card, { device: 'cpu', ...settings }), images);
    const tfjs = await everything(await tfjsEngine.open(twin, { device: 'wasm', ...settings }), images);
    expect(worst(tfjs.scores, onnx.scores)).toBeLessThan(1e-5);
    // Where two pixels of a pooling window are equal up to rounding, either may count as the largest: that image's
    // gradient differs then in the pixels that they see, some hundreds at most.
    const off = images.map((_, i) => beyond(tfjs.gradients[i]!, onnx.gradients[i]!, 1e-4));
    expect(off.filter(n => n === 0).length).toBeGreaterThanOrEqual(images.length - 1);
    expect(Math.max(...off)).toBeLessThan(0.02 * images[0]!.data.length);
    expect(tfjs.cam.layer).toBe(onnx.cam.layer);
    expect(tfjs.cam.activations.shape).toEqual(onnx.cam.activations.shape);
    expect(worst(tfjs.cam.activations.data, onnx.cam.activations.data)).toBeLessThan(1e-5);
    expect(worst(tfjs.cam.gradients.data, onnx.cam.gradients.data)).toBeLessThan(1e-4);
  });
});
