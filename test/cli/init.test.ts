import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { nameClasses, numberClasses } from '../../src/cli/init/name-classes.ts';
import { writeNpy } from '../../src/core/npy.ts';
import { detectReader } from '../../src/data/detect-reader.ts';
import { encodeModel } from '../../src/engines/onnx/graph/proto.ts';
import { encode } from '../data/images.ts';
import { graphOf, smallNet, weights } from '../engines/onnx/fixtures.ts';
import { temporaryFolder } from '../results/fixture.ts';
import { cli, cliWorld, ROOT } from './fixture.ts';

/** Weights and images of two labels, without card and suite. */
async function world(): Promise<string> {
  const dir = await temporaryFolder();
  await cliWorld(dir);
  await Promise.all(['model.yaml', 'suite.yaml'].map(name => rm(join(dir, name))));
  return dir;
}

const yamlOf = async (path: string) => parse(await readFile(path, 'utf8')) as Record<string, never>;

test('writes a card and a suite that pass check at once, and says what it could not know', async () => {
  const dir = await world();
  const made = await cli('init', join(dir, 'model.onnx'), join(dir, 'images'), '--out', join(dir, 'study'));
  expect(made.stderr).toBe('');
  expect(made.code).toBe(0);
  expect(made.stdout).toMatch(/What could not be known:\n- The order of the classes/);
  expect(made.stdout).toMatch(/normalisation that the model was trained with stands in no file/);
  expect(await yamlOf(join(dir, 'study', 'model.yaml'))).toEqual({
    file: '../model.onnx',
    task: 'softmax',
    emits: 'logits',
    classes: ['no', 'yes'],
    input: { size: 64, channels: 1, layout: 'NCHW' },
    intensity: { unit: 'grey' },
  });
  const suite = await readFile(join(dir, 'study', 'suite.yaml'), 'utf8');
  expect(suite).toContain('Found: 4 images of 4 patients, 0 with a mask; no 2, yes 2.');
  expect(suite).toContain('patientPattern');
  expect(parse(suite)).toMatchObject({
    models: ['./model.yaml'],
    data: { use: 'image-folder', path: '../images' },
    explainers: ['grad-cam', 'integrated-gradients', 'lime', 'occlusion'],
    metrics: ['deletion', 'insertion', 'srg'],
  });
  const card = await readFile(join(dir, 'study', 'model.yaml'), 'utf8');
  expect(card).toMatch(/# Measured on test images: values from/);
  expect(card.replaceAll('\n# ', ' ')).toMatch(/AUC on 4 labelled images, by intensity: \{ unit: grey \} \d\.\d\d;/);
  expect(card).toMatch(/^# camLayer: \S+$/m);
  const checked = await cli('check', join(dir, 'study', 'suite.yaml'), '--no-measure');
  expect(checked.stderr).toBe('');
  expect(checked.code).toBe(0);
});

test('labels that are many numbers, or one name for one output, make a card of a regression that passes check', async () => {
  const dir = await temporaryFolder();
  await mkdir(join(dir, 'images'));
  const rows = ['file,label'];
  for (let i = 0; i < 4; i++) {
    await writeFile(
      join(dir, 'images', `${i}.png`),
      await encode(new Uint8Array(64).fill(40 * i), { width: 8, height: 8, channels: 1 }),
    );
    rows.push(`${i}.png,${i * 1.5}`);
  }
  await writeFile(join(dir, 'images', 'index.csv'), rows.join('\n'));
  await writeFile(join(dir, 'model.onnx'), encodeModel(smallNet({ units: 1 })));
  const made = await cli('init', join(dir, 'model.onnx'), join(dir, 'images'), '--out', join(dir, 'study'));
  expect(made).toMatchObject({
    code: 0,
    stderr: '',
    stdout: expect.stringMatching(/4 labels that are numbers: the model is taken/),
  });
  expect(await yamlOf(join(dir, 'study', 'model.yaml'))).toMatchObject({ task: 'regression', classes: ['value'] });
  expect(await cli('check', join(dir, 'study', 'suite.yaml'), '--no-measure')).toMatchObject({ code: 0, stderr: '' });
  const named = await cli(
    'init',
    join(dir, 'model.onnx'),
    join(dir, 'images'),
    '--classes',
    'volume',
    '--out',
    join(dir, 'named'),
  );
  expect(named).toMatchObject({ code: 0, stderr: '' });
  expect(await yamlOf(join(dir, 'named', 'model.yaml'))).toMatchObject({ task: 'regression', classes: ['volume'] });
});

test('a model of several findings is given one to explain, which is to be checked', async () => {
  const dir = await world();
  for (const [label, other] of [
    ['fluid', 'no'],
    ['lump', 'yes'],
    ['mark', 'no'],
  ] as const) {
    await mkdir(join(dir, 'findings', label), { recursive: true });
    for (const name of await readdir(join(dir, 'images', other))) {
      await copyFile(join(dir, 'images', other, name), join(dir, 'findings', label, name));
    }
  }
  await writeFile(join(dir, 'findings.onnx'), encodeModel(smallNet({ units: 3, tail: 'Sigmoid' })));
  const made = await cli('init', join(dir, 'findings.onnx'), join(dir, 'findings'), '--out', join(dir, 'several'));
  expect([made.code, made.stderr]).toEqual([0, '']);
  expect(await yamlOf(join(dir, 'several', 'model.yaml'))).toMatchObject({ task: 'multi-label' });
  const suite = await readFile(join(dir, 'several', 'suite.yaml'), 'utf8');
  expect(suite).toMatch(/CHECK: The finding explained[^\n]*\ntarget: fluid\n/);
  expect((await cli('check', join(dir, 'several', 'suite.yaml'), '--no-measure')).code).toBe(0);
});

test('of a network that takes rows of values the size is a guess to be checked, and the study runs', async () => {
  const dir = await world();
  const graph = graphOf({
    input: [null, 64],
    build: (b, rows) => [b.op('Gemm', [rows, b.constant(weights('rows', [64, 2]))]), [null, 2]],
  });
  await writeFile(join(dir, 'rows.onnx'), encodeModel(graph));
  const out = join(dir, 'rows');
  const made = await cli('init', join(dir, 'rows.onnx'), join(dir, 'images'), '--out', out);
  expect([made.code, made.stderr]).toEqual([0, '']);
  const card = await readFile(join(out, 'model.yaml'), 'utf8');
  expect(card.replaceAll('\n# ', ' ')).toMatch(
    /CHECK: The file's input 'image' takes rows of 64 values\..* is a guess/,
  );
  expect(parse(card)).toMatchObject({ input: { size: 8, channels: 1, layout: 'NCHW' } });
  const run = await cli('run', join(out, 'suite.yaml'), '--out', join(out, 'run'));
  expect(run.code).toBe(0);
  expect(run.stdout).toMatch(/integrated-gradients +-?\d\.\d{3}/);
});

test('does not overwrite without --force', async () => {
  const dir = await world();
  await writeFile(join(dir, 'suite.yaml'), 'mine');
  const args = ['init', join(dir, 'model.onnx'), join(dir, 'images'), '--out', dir];
  const refused = await cli(...args);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toMatch(/suite\.yaml would be overwritten[\s\S]*--force/);
  expect(await readFile(join(dir, 'suite.yaml'), 'utf8')).toBe('mine');
  expect((await cli(...args, '--force')).code).toBe(0);
  expect(await readFile(join(dir, 'suite.yaml'), 'utf8')).toContain('use: image-folder');
});

test('finds the reader and masks, and takes the phantom where no data are named', async () => {
  const dir = await world();
  await mkdir(join(dir, 'arrays'));
  await writeFile(join(dir, 'arrays', 'a.npy'), writeNpy({ shape: [8, 8], data: new Float32Array(64) }));
  expect(await detectReader(join(dir, 'arrays'))).toEqual({ use: 'npy', lookedAt: 1, taken: 1 });
  await mkdir(join(dir, 'images', 'masks', 'no'), { recursive: true });
  const name = 'slice 0 50%.png';
  await copyFile(join(dir, 'images', 'no', name), join(dir, 'images', 'masks', 'no', name));
  expect(await detectReader(join(dir, 'images'))).toEqual({
    use: 'image-folder',
    masks: 'masks',
    lookedAt: 4,
    taken: 4,
  });
  await mkdir(join(dir, 'empty'));
  await expect(detectReader(join(dir, 'empty'))).rejects.toThrow('it holds no files');
  const made = await cli('init', dir, '--out', join(dir, 'study'));
  expect(made.code).toBe(0);
  expect(await yamlOf(join(dir, 'study', 'suite.yaml'))).toMatchObject({
    data: { use: 'phantom', labels: { covid: 'class-1', 'non-covid': 'class-0' } },
    metrics: ['deletion', 'insertion', 'srg', 'pointing-game', 'relevance-mass'],
  });
  expect((await cli('check', join(dir, 'study', 'suite.yaml'), '--no-measure')).code).toBe(0);
});

test('takes TF.js models as they are', async () => {
  const dir = await temporaryFolder();
  const made = await cli('init', join(ROOT, 'models', 'phantom-cnn', 'tfjs', 'model.json'), '--out', dir);
  expect(made.stderr).toBe('');
  expect(await yamlOf(join(dir, 'model.yaml'))).toMatchObject({
    classes: ['class-0', 'class-1'],
    input: { size: 128, channels: 1, layout: 'NHWC' },
    intensity: { unit: 'HU' },
  });
});

test('refuses what is no model, and other than so many names', async () => {
  const dir = await world();
  await writeFile(join(dir, 'model.pt'), 'x');
  const other = await cli('init', join(dir, 'model.pt'), '--out', join(dir, 'study'));
  expect(other.stderr).toMatch(/model\.pt: it is a PyTorch checkpoint.*\n.*torch\.onnx\.export/);
  const names = await cli('init', join(dir, 'model.onnx'), '--classes', 'a', 'b', 'c', '--out', join(dir, 'study'));
  expect(names.stderr).toMatch(/--classes has 3 names; the model has 2 outputs/);
  expect(names.code).toBe(2);
});

test('names classes after labels, numbers by their value, and says what is a guess', () => {
  expect(nameClasses(3, ['10', '2', '1'], undefined).classes).toEqual(['1', '2', '10']);
  expect(nameClasses(1, ['COVID', 'NonCOVID'], undefined)).toMatchObject({ positive: 'COVID', labels: {} });
  expect(nameClasses(2, ['no', 'yes'], undefined)).not.toHaveProperty('positive');
  expect(nameClasses(2, ['a', 'b', 'c'], undefined).labels).toEqual({ a: 'class-0', b: 'class-1', c: null });
  expect(nameClasses(3, ['a', 'b'], undefined).classes).toEqual(['a', 'b', 'class-2']);
  expect(nameClasses(2, ['b', 'CT_x'], ['x', 'b']).labels).toEqual({ CT_x: 'x' });
  expect(numberClasses(1, ['covid', 'non-covid']).labels).toEqual({ covid: 'class-0', 'non-covid': 'class-1' });
});
