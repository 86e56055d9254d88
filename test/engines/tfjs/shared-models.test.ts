import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { imageBatch } from '../../../src/core/batch.ts';
import type { ModelCard } from '../../../src/core/contracts.ts';
import { decodeImage } from '../../../src/data/decode.ts';
import { prepare } from '../../../src/data/prepare.ts';
import { tfjsEngine } from '../../../src/engines/tfjs/engine.ts';
import { onnxWithTfjs } from '../../../src/engines/tfjs/through-onnx.ts';
import { cardFor } from '../onnx/fixtures.ts';

const shared = fileURLToPath(new URL('../../../../shared/', import.meta.url));
const [models, data] = [join(shared, 'models'), join(shared, 'data', 'covid-ct')];

interface Prediction {
  readonly file: string;
  readonly p_covid_baselinenet: number;
}

function modelCard(name: string, change: Partial<ModelCard>): ModelCard {
  const card = cardFor(join(models, name, 'model.json'), { classes: ['other', 'covid'], ...change });
  return { ...card, format: 'tfjs', task: 'sigmoid', emits: 'probabilities' };
}

/** The reference kept its colours; here images are grey. */
const COLOURED: ReadonlySet<string> = new Set(['CT_NonCOVID/11%1.jpg']);

const window = { unit: 'grey', window: [0, 255], air: 0 } as const;

describe.skipIf(!existsSync(models) || !existsSync(data))('models by others (needs ../shared)', () => {
  it.each([
    [
      'covid-ct-baselinenet',
      'p_covid_baselinenet',
      {
        input: { size: [291, 407], channels: 3, layout: 'NHWC' },
        intensity: { ...window, steps: [] },
        resize: { antialias: false, fit: 'stretch' },
      },
    ],
    [
      'ricord-2dcnn',
      undefined,
      {
        input: { size: [128, 128], channels: 3, layout: 'NHWC' },
        intensity: { ...window, steps: [{ multiply: 255 }] },
        resize: { antialias: true, fit: 'stretch', round: true },
      },
    ],
  ] as const)(
    '%s gives the reference predictions where there are some, and the same on TF.js and through ONNX',
    async (name, key, change) => {
      const card = modelCard(name, change);
      const reference = readFileSync(join(models, 'reference-predictions.json'), 'utf8');
      const { predictions } = JSON.parse(reference) as { predictions: Prediction[] };
      const found = predictions.filter(p => existsSync(join(data, p.file)));
      expect(found.length).toBeGreaterThan(0);
      const images = await Promise.all(
        found.map(async ({ file }) => {
          const { stored } = await decodeImage(join(data, file));
          return prepare({ pixels: stored, unit: 'grey' }, card).input;
        }),
      );
      const all: Float32Array[] = [];
      for (const [engine, device] of [
        [onnxWithTfjs, 'cpu'],
        [tfjsEngine, 'wasm'],
      ] as const) {
        const model = await engine.open(card, { device, workers: 2, threads: 1, microBatch: 1 });
        const few = engine === tfjsEngine ? images.slice(0, 3) : images;
        const { data: p } = await model.scores(imageBatch(...few), { as: 'probability' });
        all.push(p);
        await model.close();
      }
      found.forEach((prediction, i) => {
        if (key === undefined || COLOURED.has(prediction.file)) return;
        expect(all[0]![2 * i + 1]!, prediction.file).toBeCloseTo(prediction[key], 4);
      });
      all[1]!.forEach((p, i) => {
        expect(p).toBeCloseTo(all[0]![i]!, 4);
      });
    },
  );
});
