import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { nativePackage, useDevice } from '../../../src/engines/tfjs/devices/tfjs-devices.ts';
import { tfjsEngine } from '../../../src/engines/tfjs/tfjs-engine.ts';
import { testEngine } from '../../support/test-engine.ts';
import { batchOf, worst } from './fixtures.ts';
import { smallCard, smallImages } from './small-net.ts';

const installed = nativePackage();
const why = installed ?? "skipped: TF.js's native package is not installed";
const folder = mkdtempSync(join(tmpdir(), 'ct-xai-native-'));
await useDevice('cpu-js');
const card = await smallCard(folder);
const images = smallImages();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(!installed)(`TF.js on libtensorflow (${why})`, () => {
  const threads = availableParallelism();
  testEngine('a small net', { engine: tfjsEngine, device: 'cpu', card, images, step: 0.05, workers: 1, threads });

  it('gives the scores, gradients and layers of plain JavaScript', async () => {
    const options = { workers: 1, microBatch: 2 };
    const [native, plain] = await Promise.all(
      ['cpu', 'cpu-js'].map(device => tfjsEngine.open(card, { device, ...options })),
    );
    const target = { class: 1, score: 'margin' } as const;
    const found = await Promise.all(
      [native!, plain!].map(async model => {
        const gradient: number[] = [];
        await model.gradients(batchOf(images), target, (_, g) => gradient.push(...g));
        const { data: scores } = await model.scores(batchOf(images), { as: 'margin' });
        return {
          scores,
          gradient: Float32Array.from(gradient),
          layer: await model.layer(batchOf(images), target, 'deep'),
        };
      }),
    );
    const [a, b] = found as [(typeof found)[0], (typeof found)[0]];
    expect(worst(a.scores, b.scores)).toBeLessThan(1e-4);
    expect(worst(a.gradient, b.gradient)).toBeLessThan(1e-3);
    expect(worst(a.layer.activations.data, b.layer.activations.data)).toBeLessThan(1e-4);
    expect(worst(a.layer.gradients.data, b.layer.gradients.data)).toBeLessThan(1e-3);
    await Promise.all([native!.close(), plain!.close()]);
  });
});
