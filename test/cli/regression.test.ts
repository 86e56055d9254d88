import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setBackend } from '@tensorflow/tfjs-core';
import { initializers, input, layers, model, type SymbolicTensor } from '@tensorflow/tfjs-layers';
import { parse } from 'csv-parse/sync';
import { expect, test } from 'vitest';
import { createRng } from '../../src/core/rng.ts';
import { encodeModel } from '../../src/engines/onnx/graph/proto.ts';
import { encode } from '../data/images.ts';
import { smallNet } from '../engines/onnx/fixtures.ts';
import { save } from '../engines/tfjs/fixtures.ts';
import { temporaryFolder } from '../results/fixture.ts';
import { cli } from './fixture.ts';

/** A folder of images with a value for each, a regression, and a suite. */
async function study({
  units = 1,
  label = (i: number) => String(i / 4),
  ...more
}: Record<string, unknown> & object = {}) {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'images'));
  const rng = createRng('regression');
  const rows = ['file,patient,label'];
  for (let i = 0; i < 8; i++) {
    const pixels = Uint8Array.from({ length: 64 }, () => rng.int(256));
    await writeFile(join(folder, 'images', `${i}.png`), await encode(pixels, { width: 8, height: 8, channels: 1 }));
    rows.push(`${i}.png,p${i},${(label as (i: number) => string)(i)}`);
  }
  await writeFile(join(folder, 'images', 'index.csv'), rows.join('\n'));
  await writeFile(join(folder, 'model.onnx'), encodeModel(smallNet({ units: units as number })));
  const suite = {
    models: [
      {
        file: join(folder, 'model.onnx'),
        id: 'net',
        task: 'regression',
        classes: ['volume', 'age', 'dose'].slice(0, units as number),
        measure: 'ml',
        input: { size: 8, channels: 1 },
      },
    ],
    data: { use: 'image-folder', path: 'images' },
    explainers: ['saliency', 'occlusion', 'lime'].slice(0, 2),
    metrics: [
      { use: 'srg', options: { score: 'logit', normalised: true, steps: 8 } },
      { use: 'srg', id: 'srg-p', options: { steps: 8 } },
      'average-drop',
      'consistency',
      'sparseness',
    ],
    controls: ['random'],
    ...more,
  };
  const file = join(folder, 'suite.json');
  await writeFile(file, JSON.stringify(suite));
  return { folder, file };
}

test('a regression is explained and scored by its value; what follows a probability is skipped with the reason', async () => {
  const { folder, file } = await study();
  const out = join(folder, 'run');
  const { code } = await cli('run', file, '--out', out, '--no-timing');
  expect(code).toBe(0);
  const read = async (name: string) =>
    parse(await readFile(join(out, name), 'utf8'), { columns: true }) as Record<string, string>[];
  const samples = await read('samples.csv');
  expect(samples).toHaveLength(8);
  for (const row of samples) {
    expect(row).toMatchObject({ target: 'volume', label: '', predicted: '', probability: '', outcome: '' });
    expect(Number(row.reference_value)).toBe(Number.parseInt(row.id!, 10) / 4);
    expect(row.target_value).not.toBe('');
  }
  const errors = samples.map(row => Math.abs(Number(row.target_value) - Number(row.reference_value)));
  const measured = (await read('classifier.csv')).find(row => row.measure === 'mean absolute error')!;
  expect(Number(measured.estimate)).toBeCloseTo(errors.reduce((a, b) => a + b, 0) / 8, 10);
  const scores = await read('scores.csv');
  const of = (metric: string) => scores.filter(row => row.metric === metric);
  expect(of('srg').filter(row => row.status === 'ok').length).toBeGreaterThan(12);
  const withMap = [...of('srg-p'), ...of('average-drop')].filter(row => row.reason !== 'the map is constant');
  expect(withMap.length).toBeGreaterThan(24);
  for (const row of withMap) {
    expect(row).toMatchObject({ status: 'skipped', reason: expect.stringMatching(/no meaning for a regression/) });
  }
  const groups = (await readFile(join(out, 'results.jsonl'), 'utf8'))
    .split('\n')
    .filter(line => line.includes('"kind":"group"'));
  // Windows of occlusion are as large as these images, so that all its maps are constant.
  const ofMaps = groups.map(line => JSON.parse(line)).filter(row => row.method !== 'occlusion');
  expect(ofMaps).toHaveLength(2);
  for (const row of ofMaps) {
    expect(row).toMatchObject({ status: 'skipped', reason: expect.stringMatching(/regression: it compares/) });
  }
  const page = await readFile(join(out, 'index.html'), 'utf8');
  expect(page).toContain('Mean absolute error ↓ (ml)');
  expect(page).toContain('&quot;score&quot;:&quot;value&quot;');
  expect(page).toMatch(/Pearson correlation<\/th><td class="num">[^<]+<\/td><td class="num">[−\d.]+ to /);
  expect(page).not.toMatch(/Sensitivity|classified/);
});

test('a regression of TF.js has the same values, maps and scores on its own engine as on ONNX Runtime', async () => {
  const { folder, file } = await study();
  await import('@tensorflow/tfjs-backend-cpu');
  await setBackend('cpu');
  const image = input({ shape: [8, 8, 1] });
  const seeded = (seed: number) => initializers.randomNormal({ stddev: 0.7, seed });
  const conv = layers.conv2d({ filters: 4, kernelSize: 3, activation: 'tanh', kernelInitializer: seeded(1) });
  const pooled = layers.globalAveragePooling2d({}).apply(conv.apply(image));
  const value = layers.dense({ units: 1, kernelInitializer: seeded(2) }).apply(pooled) as SymbolicTensor;
  await save(model({ inputs: image, outputs: value }), folder);
  const suite = JSON.parse(await readFile(file, 'utf8'));
  suite.models[0] = { ...suite.models[0], file: join(folder, 'model.json') };
  suite.models[0].input.layout = 'NHWC';
  suite.explainers = ['saliency', 'integrated-gradients', 'grad-cam', 'score-cam', 'lime'];
  suite.controls = [];
  const rows: Record<string, readonly Record<string, string>[]> = {};
  for (const engine of ['onnx', 'tfjs']) {
    await writeFile(file, JSON.stringify({ ...suite, engine }));
    const out = join(folder, engine);
    expect((await cli('run', file, '--out', out, '--no-timing')).code).toBe(0);
    for (const name of ['samples', 'scores']) {
      rows[`${engine} ${name}`] = parse(await readFile(join(out, `${name}.csv`), 'utf8'), { columns: true });
    }
  }
  const [ours, theirs] = [rows['onnx samples']!, rows['tfjs samples']!];
  expect(new Set(ours.map(row => row.target_value)).size).toBe(8);
  for (const [i, row] of ours.entries()) {
    expect(Number(theirs[i]!.target_value)).toBeCloseTo(Number(row.target_value), 5);
  }
  const compared = rows['onnx scores']!.flatMap((row, i) => {
    const other = rows['tfjs scores']![i]!;
    expect(other).toMatchObject({ sample: row.sample, method: row.method, metric: row.metric, status: row.status });
    if (row.method === 'score-cam') expect(row.reason).toMatch(/no meaning for a regression/);
    if (row.status !== 'ok' || row.metric === 'consistency') return [];
    expect(Number(other.value)).toBeCloseTo(Number(row.value), 3);
    return row.method!;
  });
  expect(new Set(compared)).toEqual(new Set(['saliency', 'integrated-gradients', 'grad-cam', 'lime']));
});

test('of several values the one that is explained is named', async () => {
  const { file } = await study({ units: 3 });
  const { code, stderr } = await cli('check', file, '--no-measure');
  expect(code).not.toBe(0);
  expect(stderr).toMatch(/names no value of the regression 'net'.*\n.*target: \[volume, age\]/);
});

test('labels of a regression are numbers', async () => {
  const { file } = await study({ label: (i: number) => (i === 3 ? 'large' : String(i)) });
  const { code, stderr } = await cli('check', file, '--no-measure');
  expect(code).not.toBe(0);
  expect(stderr).toMatch(/the data's label 'large' is not a number/);
});

test('labels of a regression are not renamed: the value in the table would count all the same', async () => {
  const { file } = await study({
    label: (i: number) => String(i),
    data: { use: 'image-folder', path: 'images', labels: { 1: '2' } },
  });
  const { code, stderr } = await cli('check', file, '--no-measure');
  expect(code).not.toBe(0);
  expect(stderr).toMatch(/'1' is renamed, and 'net' is a regression/);
});
