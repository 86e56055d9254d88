import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { readCard } from '../../src/config/card.ts';
import { explainSubject, subjectFor } from '../../src/conformance/subject.ts';
import { isUndefined } from '../../src/core/contracts/index.ts';
import { onnxEngine } from '../../src/engines/onnx/onnx-engine.ts';
import { nativePackage } from '../../src/engines/tfjs/devices/tfjs-devices.ts';
import { tfjsEngine } from '../../src/engines/tfjs/tfjs-engine.ts';
import { gradCam } from '../../src/methods/grad-cam.ts';
import { integratedGradients } from '../../src/methods/integrated-gradients.ts';
import { lime } from '../../src/methods/lime.ts';
import { occlusion } from '../../src/methods/occlusion.ts';
import type { Manifest } from '../../src/results/rows.ts';
import { relativeL2 } from '../methods/helpers.ts';
import { temporaryFolder } from '../results/fixture.ts';
import { cli, cliWorld, ROOT } from './fixture.ts';

const KERAS = join(ROOT, 'test', 'golden', 'tfjs', 'keras');

/** A folder with the nested MobileNet-style model, as .h5 or as model.json, and its card. */
async function mobile(dir: string, version: 'h5' | 'json'): Promise<string> {
  const folder = join(dir, 'mobile');
  await mkdir(folder);
  const from = join(KERAS, 'mobile-keras3');
  const files = version === 'h5' ? [] : ['model.json', 'group1-shard1of1.bin'];
  for (const name of files) await copyFile(join(from, name), join(folder, name));
  if (version === 'h5') await copyFile(`${from}.h5`, join(folder, 'model.h5'));
  const card = {
    task: 'sigmoid',
    emits: 'probabilities',
    classes: ['no', 'yes'],
    input: { size: 32, channels: 3 },
    intensity: { unit: 'grey' },
  };
  await writeFile(join(folder, 'model.yaml'), stringify(card));
  return folder;
}

const methods = [
  [gradCam, {}],
  [integratedGradients, { steps: 16, maxSteps: 16 }],
  [lime, { samples: 200 }],
  [occlusion, { stride: 8 }],
] as const;

test.each(['h5', 'json'] as const)('a nested MobileNet from %s, exported, gives the same maps', async version => {
  const dir = await temporaryFolder();
  const folder = await mobile(dir, version);
  const to = join(dir, 'model.onnx');
  const { code, stdout, stderr } = await cli('convert', folder, '--to', to);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/largest difference of logits on random images: \d\.\de-\d/);
  expect(stdout).toMatch(/times as fast/);
  expect(stdout).toMatch(/model\.yaml: its card, from /);

  const settings = { workers: 1, threads: 1, microBatch: 8 };
  const original = await tfjsEngine.open(await readCard(folder), { device: 'wasm', ...settings });
  const exported = await onnxEngine.open(await readCard(dir), { device: 'cpu', ...settings });
  try {
    for (const [explainer, options] of methods) {
      const maps = await Promise.all(
        [original, exported].map(async model => {
          const { result } = await explainSubject({ explainer, subject: subjectFor(model, 2), options, class: 0 });
          if (isUndefined(result)) throw new Error(`${explainer.name}: ${result.undefined}`);
          return result;
        }),
      );
      expect(relativeL2(maps[1]!.map.data, maps[0]!.map.data), explainer.name).toBeLessThan(1e-3);
      expect(maps[1]!.notes, explainer.name).toEqual(maps[0]!.notes);
    }
  } finally {
    await Promise.all([original.close(), exported.close()]);
  }
  expect(await cli('convert', folder, '--to', to)).toMatchObject({ code: 2, stderr: expect.stringMatching(/--force/) });
});

test('without a card it says what one needs', async () => {
  const dir = await temporaryFolder();
  const to = join(dir, 'out.onnx');
  const { code, stdout } = await cli('convert', join(KERAS, 'separable-keras2.h5'), '--to', to);
  expect(code).toBe(0);
  expect(stdout).toMatch(/Save this as .*model\.yaml.*class-2.*channels: 1/s);
  expect(existsSync(to)).toBe(true);
  const keras = join(dir, 'model.keras');
  await writeFile(keras, 'PK');
  expect(await cli('convert', keras, '--to', join(dir, 'other.onnx'))).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/save it as \.h5/),
  });
});

test('what TF.js lacks is written all the same, and said', async () => {
  const to = join(await temporaryFolder(), 'out.onnx');
  const { code, stdout } = await cli('convert', join(KERAS, 'modern-keras3.keras'), '--to', to);
  expect(code).toBe(0);
  expect(stdout).toMatch(/not compared with TF\.js: .*Unknown layer: Normalization\.\n/);
  expect(stdout).not.toMatch(/Try it as ONNX|largest difference/);
  expect(existsSync(to)).toBe(true);
});

test.each([
  ['cpu', 'Conv'],
  ['wasm', 'Conv2D'],
  ['tfjs/wasm', 'Conv2D'],
])('explain --device %s: the layers are those of its engine', async (device, operator) => {
  const folder = await mobile(await temporaryFolder(), 'h5');
  const { code, stdout } = await cli('explain', '--model', folder, '--list-layers', '--device', device);
  expect(code).toBe(0);
  expect(stdout).toMatch(new RegExp(` ${operator} `));
});

describe.skipIf(nativePackage() !== undefined)('a layers model in a suite (needs no native TF.js)', () => {
  test.each([
    ['auto', /mobile: onnx [\d.]+ on cpu/, /a TF\.js layers model, exported to ONNX/],
    ['onnx', /mobile: onnx [\d.]+ on cpu/, /a TF\.js layers model, exported to ONNX/],
    ['tfjs', /mobile: tfjs [\d.]+ on wasm/, undefined],
  ])('engine: %s', async (use, runs, says) => {
    const dir = await temporaryFolder();
    await mobile(dir, 'h5');
    const device = use === 'tfjs' ? { device: 'wasm' } : {};
    const path = await cliWorld(dir, {
      images: 1,
      suite: {
        models: ['./mobile'],
        explainers: ['grad-cam', { use: 'occlusion', options: { stride: 16 } }],
        controls: [],
        engine: { use, ...device, workers: 1, threads: 1, microBatch: 4 },
      },
    });
    const out = join(dir, 'out');
    const { code, stderr } = await cli('run', path, '--out', out);
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(runs);
    const manifest = JSON.parse(await readFile(join(out, 'manifest.json'), 'utf8')) as Manifest;
    const told = JSON.stringify(manifest);
    if (says) {
      expect(stderr).toMatch(says);
      expect(told).toMatch(says);
    } else {
      expect(stderr).not.toMatch(/ONNX|exported/);
      expect(told).not.toMatch(/exported/);
    }
  });
});
