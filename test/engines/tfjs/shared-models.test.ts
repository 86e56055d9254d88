import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { imageBatch } from '../../../src/core/batch.ts';
import type { ModelCard } from '../../../src/core/contracts/index.ts';
import { decodeImage } from '../../../src/data/pixels/decode.ts';
import { sourceOf } from '../../../src/data/pixels/source.ts';
import { prepare } from '../../../src/data/preparation/prepare.ts';
import { onnxWithTfjs } from '../../../src/engines/tfjs/export/through-onnx.ts';
import { tfjsEngine } from '../../../src/engines/tfjs/tfjs-engine.ts';
import { cardFor } from '../onnx/fixtures.ts';

const shared = fileURLToPath(new URL('../../../../shared/', import.meta.url));
const [models, data] = [join(shared, 'models'), join(shared, 'data', 'covid-ct')];
const golden = fileURLToPath(new URL('../../golden/', import.meta.url));

/** Probabilities of COVID by an independent forward pass, by file. */
type Reference = readonly (readonly [file: string, p: number])[];

function referenceOf(path: string, key: string): Reference {
  const { predictions } = JSON.parse(readFileSync(path, 'utf8')) as { predictions: Record<string, unknown>[] };
  return predictions
    .map(p => [p.file as string, p[key] as number] as const)
    .filter(([file]) => existsSync(join(data, file)));
}

function modelCard(name: string, change: Partial<ModelCard>): ModelCard {
  const card = cardFor(join(models, name, 'model.json'), { classes: ['other', 'covid'], ...change });
  return { ...card, format: 'tfjs', task: 'sigmoid', emits: 'probabilities' };
}

const window = { unit: 'grey', window: [0, 255], air: 0 } as const;

describe.skipIf(!existsSync(models) || !existsSync(data))('models by others (needs ../shared)', () => {
  it.each([
    [
      'covid-ct-baselinenet',
      () => referenceOf(join(models, 'reference-predictions.json'), 'p_covid_baselinenet'),
      {
        input: { size: [291, 407], channels: 3, layout: 'NHWC' },
        intensity: { ...window, steps: [] },
        resize: { antialias: false, fit: 'stretch' },
      },
    ],
    [
      'ricord-2dcnn',
      // Not the column `p_covid_simplecnn_pil_resize`, which is another model's: Keras itself gives these.
      () => referenceOf(join(golden, 'tfjs', 'ricord-2dcnn.json'), 'p_covid'),
      {
        input: { size: [128, 128], channels: 3, layout: 'NHWC' },
        intensity: { ...window, steps: [{ multiply: 255 }] },
        resize: { antialias: true, fit: 'stretch', round: true },
      },
    ],
  ] as const)('%s gives the reference predictions, on TF.js and through ONNX', async (name, read, change) => {
    const card = modelCard(name, change);
    const reference = read();
    expect(reference.length).toBe(5);
    const images = await Promise.all(
      reference.map(async ([file]) => prepare(sourceOf(await decodeImage(join(data, file)), {}), card).input),
    );
    for (const [engine, device] of [
      [onnxWithTfjs, 'cpu'],
      [tfjsEngine, 'wasm'],
    ] as const) {
      const model = await engine.open(card, { device, workers: 2, threads: 1, microBatch: 1 });
      const { data: p } = await model.scores(imageBatch(...images), { as: 'probability' });
      await model.close();
      reference.forEach(([file, expected], i) => {
        expect(p[2 * i + 1]!, `${file} on ${device}`).toBeCloseTo(expected, 4);
      });
    }
  });
});
