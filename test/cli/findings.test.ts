import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { expect, test } from 'vitest';
import { createRng } from '../../src/core/rng.ts';
import { encodeModel } from '../../src/engines/onnx/graph/proto.ts';
import { encode } from '../data/images.ts';
import { smallNet } from '../engines/onnx/fixtures.ts';
import { temporaryFolder } from '../results/fixture.ts';
import { cli } from './fixture.ts';

const FINDINGS = ['Effusion', 'Mass', 'Nodule'];

/** A folder of images with a column for each finding, a network of three sigmoids, and a suite. */
async function study(more: object, cells: (i: number) => readonly string[]): Promise<{ folder: string; file: string }> {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'images'));
  const rng = createRng('findings');
  const rows = [`file,patient,${FINDINGS.join(',')}`];
  for (let i = 0; i < 12; i++) {
    await writeFile(
      join(folder, 'images', `${i}.png`),
      await encode(
        Uint8Array.from({ length: 64 }, () => rng.int(256)),
        { width: 8, height: 8, channels: 1 },
      ),
    );
    rows.push(`${i}.png,p${i},${cells(i).join(',')}`);
  }
  await writeFile(join(folder, 'images', 'index.csv'), rows.join('\n'));
  await writeFile(join(folder, 'model.onnx'), encodeModel(smallNet({ units: 3, tail: 'Sigmoid' })));
  const card = {
    file: join(folder, 'model.onnx'),
    id: 'net',
    task: 'multi-label',
    emits: 'probabilities',
    classes: FINDINGS,
    input: { size: 8, channels: 1 },
    threshold: { Mass: 0.4 },
  };
  const suite = {
    models: [card],
    data: { use: 'image-folder', path: 'images', findings: FINDINGS },
    explainers: ['saliency'],
    metrics: ['sparseness'],
    controls: [],
    ...more,
  };
  const file = join(folder, 'suite.json');
  await writeFile(file, JSON.stringify(suite));
  return { folder, file };
}

const alternating = (i: number) => [String(i % 2), i < 2 ? '' : i < 4 ? '-1.0' : String((i >> 1) % 2), '0'];

test('each target is explained, labelled and analysed by itself; what is not known is no label', async () => {
  const { folder, file } = await study({ target: ['Effusion', 'Mass'], explain: 'positives' }, alternating);
  const out = join(folder, 'run');
  const { code } = await cli('run', file, '--out', out, '--no-timing');
  expect(code).toBe(0);
  const read = async (name: string) =>
    parse(await readFile(join(out, name), 'utf8'), { columns: true }) as Record<string, string>[];
  const samples = await read('samples.csv');
  expect([...new Set(samples.map(s => s.model))]).toEqual(['net: Effusion', 'net: Mass']);
  for (const row of samples) {
    const i = Number.parseInt(row.id!, 10);
    const finding = row.model === 'net: Effusion' ? 'Effusion' : 'Mass';
    expect(row.target).toBe(finding);
    const present = finding === 'Effusion' ? i % 2 === 1 : i < 4 ? undefined : (i >> 1) % 2 === 1;
    expect(row.label).toBe(present === undefined ? '' : present ? finding : `no ${finding}`);
    const threshold = finding === 'Mass' ? 0.4 : 0.5;
    const predicted = Number(row.target_probability) >= threshold;
    expect(row.predicted).toBe(predicted ? finding : `no ${finding}`);
    expect(Number(row.probability)).toBeCloseTo(
      predicted ? Number(row.target_probability) : 1 - Number(row.target_probability),
      6,
    );
    const hit = predicted === present;
    const outcome = present ? (hit ? 'true-positive' : 'false-negative') : hit ? 'true-negative' : 'false-positive';
    expect(row.outcome).toBe(present === undefined ? '' : outcome);
  }
  const scores = await read('scores.csv');
  expect(scores.filter(s => s.model === 'net: Effusion')).toHaveLength(6);
  expect(scores.filter(s => s.model === 'net: Mass')).toHaveLength(4);
  const classifier = await read('classifier.csv');
  const images = (model: string, value: string) =>
    classifier.find(c => c.model === model && c.subgroup === 'finding' && c.value === value)?.images;
  expect([images('net: Mass', 'Effusion'), images('net: Mass', 'Mass'), images('net: Mass', 'Nodule')]).toEqual([
    '12',
    '8',
    '12',
  ]);
});

test('check says how many images have each finding', async () => {
  const { folder, file } = await study({ target: 'Mass' }, alternating);
  const { stdout } = await cli('check', file, '--no-measure');
  const told = /findings +Effusion 6 of 12, Mass 4 of 8 \(4 not known\), Nodule 0 of 12/;
  expect(stdout).toMatch(told);
  const options = ['--use', 'image-folder', '--data-option', 'findings=[Effusion, Mass, Nodule]'];
  const inspected = await cli('data', 'inspect', join(folder, 'images'), ...options);
  expect(inspected.stdout).toMatch(told);
});

test('baselines are measured on the images that have the finding', async () => {
  const { file } = await study({ target: 'Mass' }, alternating);
  const { code, stdout } = await cli('baselines', file, '--baselines', 'air', '--json');
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject([{ baseline: 'air', fall: { patients: 4 } }]);
});

test.each([
  ['no finding is named', {}, alternating, /names no finding of the model 'net'.*Name one, or several/s],
  ['the predicted class is asked for', { target: 'predicted' }, alternating, /do not exclude each other/],
  [
    'a target is no finding',
    { target: ['Mass', 'Masss'] },
    alternating,
    /'Masss' is not a class.*Did you mean 'Mass'/s,
  ],
  ['a target stands twice', { target: ['Mass', 'Mass'] }, alternating, /'Mass' stands twice/],
  [
    'a cell is neither yes nor no',
    { target: 'Mass' },
    () => ['1', '2', '0'],
    /line 2: 0\.png: the cell of 'Mass' is '2'/,
  ],
  [
    'a column is missing',
    { target: 'Mass', data: { use: 'image-folder', path: 'images', findings: ['Fibrosis'] } },
    alternating,
    /index\.csv has no column 'Fibrosis'/,
  ],
  [
    'a finding is none of the model’s',
    { target: 'Mass', data: { use: 'image-folder', path: 'images', findings: { Lump: 'Mass' } } },
    alternating,
    /'Lump' is not a finding of the model 'net'/,
  ],
])('it is refused where %s', async (_, more, cells, message) => {
  const { file } = await study(more, cells);
  const { code, stderr } = await cli('check', file, '--no-measure');
  expect(code).toBe(2);
  expect(stderr).toMatch(message);
});

test('whether noise changes what is predicted of a finding is judged by its threshold', async () => {
  const metrics = [{ use: 'max-sensitivity', options: { strength: 0.2 } }];
  const flips = async (threshold: number) => {
    const { folder, file } = await study({ target: 'Mass', metrics }, alternating);
    const suite = JSON.parse(await readFile(file, 'utf8'));
    suite.models[0].threshold = threshold;
    await writeFile(file, JSON.stringify(suite));
    const out = join(folder, 'run');
    await cli('run', file, '--out', out, '--no-timing');
    const rows = (await readFile(join(out, 'results.jsonl'), 'utf8'))
      .trim()
      .split('\n')
      .map(line => JSON.parse(line));
    const scores = rows.filter(row => row.kind === 'score');
    const probabilities = rows.filter(row => row.kind === 'sample').map(row => row.targetProbability as number);
    return { shares: scores.map(row => (row.details?.flippedShare as number) ?? 1), probabilities };
  };
  const { probabilities } = await flips(0.999);
  const middle = probabilities.sort((a, b) => a - b)[6]!;
  expect((await flips(middle)).shares.some(share => share > 0)).toBe(true);
  expect((await flips(0.999)).shares.every(share => share === 0)).toBe(true);
});

test('explain says which finding it took, and why', async () => {
  const { folder, file } = await study({ target: 'Mass' }, alternating);
  const card = join(folder, 'model.yaml');
  await writeFile(card, JSON.stringify(JSON.parse(await readFile(file, 'utf8')).models[0]));
  const { code, stdout, stderr } = await cli(
    ...['explain', '--image', join(folder, 'images', '0.png'), '--model', card],
    ...['--method', 'saliency', '--npy', join(folder, 'map.npy')],
  );
  expect(code).toBe(0);
  expect(stdout + stderr).toMatch(/(Effusion|Mass|Nodule) is explained because it is the most probable finding/);
});
