import { execFileSync } from 'node:child_process';
import { cp, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from 'onnx-buf';
import { describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { temporaryFolder } from '../results/fixture.ts';
import { cli, cliWorld, ROOT } from './fixture.ts';

/** A world whose inputs somebody changed, and what `ct-xai check` or `run` says of it. */
async function saidOf(change: (dir: string) => Promise<void>, command: 'check' | 'run' = 'check') {
  const dir = await temporaryFolder();
  const suite = await cliWorld(dir, { images: 1, suite: { explainers: ['occlusion'], controls: [], metrics: [] } });
  await change(dir);
  return command === 'check' ? cli('check', suite) : cli('run', suite, '--out', join(dir, 'out'));
}

const opset = { opsetImport: [{ domain: '', version: 17n }] };
const relu = { opType: 'Relu', input: ['x'], output: ['y'] };

const onnx = (model: object) => (dir: string) =>
  writeFile(
    join(dir, 'model.onnx'),
    toBinary(ModelProtoSchema, create(ModelProtoSchema, { ...opset, ...model } as never)),
  );

const call = (name: string) => ({ opType: name, domain: 'own', input: ['x'], output: ['y'] });
const body = (name: string, ...calls: string[]) => ({
  name,
  domain: 'own',
  input: ['x'],
  output: ['y'],
  node: calls.map(call),
});

/** Functions of which each calls the next twice: 2^40 nodes. */
const doubling = Array.from({ length: 40 }, (_, i) => body(`f${i}`, `f${i + 1}`, `f${i + 1}`));

const external = (entries: Record<string, string>) => ({
  graph: {
    node: [relu],
    initializer: [
      {
        name: 'w',
        dataType: 1,
        dims: [2n],
        dataLocation: 1,
        externalData: Object.entries(entries).map(([key, value]) => ({ key, value })),
      },
    ],
  },
});

const BUNDLED = join(ROOT, 'models', 'phantom-cnn', 'tfjs');

/** The bundled TF.js model in place of the ONNX file, its model.json changed. */
const tfjs = (edit: (json: Json) => unknown) => async (dir: string) => {
  await rm(join(dir, 'model.onnx'));
  const { id: _, ...card } = parse(await readFile(join(BUNDLED, 'model.yaml'), 'utf8')) as Record<string, unknown>;
  await cp(BUNDLED, dir, { recursive: true });
  await writeFile(join(dir, 'model.yaml'), stringify({ ...card, classes: ['no', 'yes'], intensity: { unit: 'grey' } }));
  const json = JSON.parse(await readFile(join(dir, 'model.json'), 'utf8')) as Json;
  await writeFile(join(dir, 'model.json'), JSON.stringify(edit(json)));
};

interface Json {
  weightsManifest: { paths: unknown; weights: unknown[] }[];
  modelTopology: { model_config: { config: { layers: { name: string; inbound_nodes: unknown }[] } } };
}

const shards = (paths: unknown) => (json: Json) => ({
  ...json,
  weightsManifest: [{ ...json.weightsManifest[0]!, paths }],
});

const layers =
  (edit: (layers: Json['modelTopology']['model_config']['config']['layers']) => unknown) => (json: Json) => {
    edit(json.modelTopology.model_config.config.layers);
    return json;
  };

describe('a model that nobody exports, with exit code 2', () => {
  test.each<[string, (dir: string) => Promise<void>, RegExp]>([
    [
      'a function that calls itself',
      onnx({ graph: { node: [call('f')] }, functions: [body('f', 'f')] }),
      /'f' calls itself/,
    ],
    [
      'functions that double',
      onnx({ graph: { node: [call('f0')] }, functions: [...doubling, body('f40')] }),
      /more than 1000000 nodes/,
    ],
    [
      'an attribute without a value',
      onnx({ graph: { node: [{ ...relu, attribute: [{ name: 'value', type: 4 }] }] } }),
      /'value' has no value/,
    ],
    ['a size beyond all', onnx(external({ location: 'w.bin', length: '100000000000000' })), /'w'.*100000000000000/],
    ['an offset below 0', onnx(external({ location: 'model.yaml', offset: '-8', length: '8' })), /bytes -8 to 0/],
    ['weights outside', onnx(external({ location: '../../etc/passwd', length: '8' })), /outside its folder/],
    ['no model', tfjs(() => null), /no TF\.js model/],
    ['a list', tfjs(() => []), /no TF\.js model/],
    ['a manifest that is no list', tfjs(j => ({ ...j, weightsManifest: { a: 1 } })), /weightsManifest/],
    ['paths that are numbers', tfjs(shards([1])), /paths holds 1/],
    ['paths that are a text', tfjs(shards('abc')), /lists of 'paths'/],
    ['a shard outside', tfjs(shards(['../../../etc/passwd'])), /outside its folder/],
    ['a shard of another place', tfjs(shards(['/dev/zero'])), /outside its folder/],
    ['weights that are none', tfjs(j => ({ ...j, weightsManifest: [{ paths: [], weights: [null] }] })), /is no weight/],
    ['layers that are none', tfjs(layers(all => all.splice(0, all.length))), /model\.json/],
    [
      'a layer whose input there is not',
      tfjs(layers(all => Object.assign(all[4]!, { inbound_nodes: [[['nowhere', 0, 0, {}]]] }))),
      /takes output 0 of use 0 of 'nowhere', which the model does not have/,
    ],
    [
      'layers in a circle',
      tfjs(layers(all => Object.assign(all[1]!, { inbound_nodes: [[[all[3]!.name, 0, 0, {}]]] }))),
      /which is not computed before it/,
    ],
  ])('%s', async (_, change, message) => {
    const { code, stderr } = await saidOf(change, 'run');
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/internal error|fault of ct-xai-bench|\n {4}at /);
    expect(code).toBe(2);
  });

  test.skipIf(process.platform === 'win32').each([
    ['a device', '/dev/zero'],
    ['a folder', '/'],
  ])('a link to %s in place of weights', async (what, target) => {
    const { code, stderr } = await saidOf(async dir => {
      await onnx(external({ location: 'w.bin', length: '8' }))(dir);
      await symlink(target, join(dir, 'w.bin'));
    }, 'run');
    expect(stderr).toMatch(
      new RegExp(`'w\\.bin', which can't be read \\(it is ${what}; an ordinary file is expected\\)`),
    );
    expect(stderr).not.toMatch(/internal error|fault of ct-xai-bench/);
    expect(code).toBe(2);
  });

  test('weights in a file that there is not', async () => {
    const { code, stderr } = await saidOf(onnx(external({ location: 'w.bin', length: '8' })), 'run');
    expect(stderr).toMatch(/w\.bin/);
    expect(code).toBe(2);
  });
});

describe.skipIf(process.platform === 'win32')('pipes in place of files are refused, not waited for', () => {
  const pipe = async (path: string) => {
    await rm(path, { force: true });
    execFileSync('mkfifo', [path]);
  };
  test.each<[string, string]>([
    ['the index', 'images/index.csv'],
    ['the weights', 'model.onnx'],
    ['the card', 'model.yaml'],
    ['the suite', 'suite.yaml'],
    ['a picture', 'images/no/slice 0 50%.png'],
  ])('%s', async (_, file) => {
    const { code, stderr } = await saidOf(dir => pipe(join(dir, file)));
    expect(stderr).not.toMatch(/internal error|fault of ct-xai-bench/);
    if (file.endsWith('.png')) expect(code).toBe(0);
    else expect(code).toBe(2);
  });
});

describe('a suite that nobody writes, with exit code 2', () => {
  test.each<[string, string, RegExp]>([
    ['very many unknown keys', Array.from({ length: 60_000 }, (_, i) => `k${i}: 1`).join('\n'), /and 59995 more/],
    ['a file of megabytes', 'a'.repeat(2 ** 20 + 1), /at most 1048576 are read/],
    ['lists in lists', '['.repeat(20_000), /suite\.yaml/],
    ['no text', '\0\0\0', /suite\.yaml/],
    ['a number', '7', /suite\.yaml/],
  ])('%s', async (_, text, message) => {
    const { code, stderr } = await saidOf(dir => writeFile(join(dir, 'suite.yaml'), text));
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/internal error|fault of ct-xai-bench/);
    expect(code).toBe(2);
  });
});

describe('a run folder that somebody changed', () => {
  const done = async () => {
    const dir = await temporaryFolder();
    const suite = await cliWorld(dir, { images: 1, suite: { explainers: ['occlusion'], controls: [], metrics: [] } });
    expect((await cli('run', suite, '--out', join(dir, 'out'))).code).toBe(0);
    return { suite, out: join(dir, 'out') };
  };

  test.each<[string, (manifest: Record<string, unknown>) => unknown, RegExp]>([
    ['models that are a number', m => ({ ...m, models: 7 }), /manifest\.json is damaged: models/],
    ['no methods', m => ({ ...m, methods: null }), /manifest\.json is damaged: methods/],
    ['no object', () => 'null', /not the manifest/],
  ])('a manifest with %s', async (_, edit, message) => {
    const { suite, out } = await done();
    const path = join(out, 'manifest.json');
    await writeFile(path, JSON.stringify(edit(JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>)));
    for (const args of [
      ['report', out],
      ['run', suite, '--out', out],
    ]) {
      const { code, stderr } = await cli(...args);
      expect(stderr).toMatch(message);
      expect(code).toBe(2);
    }
  });

  test('rows that are none', async () => {
    const { out } = await done();
    const path = join(out, 'results.jsonl');
    const journal = await readFile(path, 'utf8');
    await writeFile(path, `{"kind":"map","model":[],"sample":{},"status":"ok"}\n${journal}`);
    const { code, stderr } = await cli('report', out);
    expect(stderr).toMatch(/line 1 is not a row/);
    expect(code).toBe(2);
  });

  test('a map that is gone is made again', async () => {
    const { suite, out } = await done();
    const map = join(out, 'attributions');
    await rm(map, { recursive: true });
    expect((await cli('run', suite, '--out', out)).code).toBe(0);
    expect(execFileSync('find', [map, '-name', '*.npy'], { encoding: 'utf8' }).split('\n')).toHaveLength(3);
  });

  test('a map that is cut off is made again', async () => {
    const { suite, out } = await done();
    const [map] = execFileSync('find', [join(out, 'attributions'), '-name', '*.npy'], { encoding: 'utf8' }).split('\n');
    const whole = await readFile(map!);
    await truncate(map!, 100);
    expect((await cli('run', suite, '--out', out)).code).toBe(0);
    expect(await readFile(map!)).toEqual(whole);
  });
});
