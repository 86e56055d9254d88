import { beforeAll, describe, expect, it } from 'vitest';
import { loadPlan, resolvePlan } from '../../src/config/resolve.ts';
import { parseSuite, readSuite } from '../../src/config/suite.ts';
import { messageOf } from '../../src/core/errors.ts';
import { put } from '../data/images.ts';
import { refusalOf, registry, suite, suiteFolder } from './fixtures.ts';

let folder: string;
beforeAll(async () => {
  folder = await suiteFolder();
});

const YAML = `
models: [./model]
data:
  use: image-folder
  path: ./images
explainers:
  - sampler
  - use: gradient
    id: second
controls: []
metrics: [drop]
`;

describe('a suite file', () => {
  it('is read in YAML and in JSON, with defaults; its name is the file’s', async () => {
    const yaml = await readSuite(put(folder, 'my-suite.yaml', YAML));
    expect(yaml.suite).toMatchObject({ target: 'positive', seed: 0, timing: true, engine: 'auto', plugins: [] });
    expect(yaml.suite.output).toMatchObject({ attributions: true, curvesCsv: false, gallery: 12 });
    const json = await readSuite(put(folder, 'my-suite.json', JSON.stringify(suite())));
    expect(json.suite.explainers).toEqual(['sampler', 'gradient']);
    expect((await loadPlan(yaml.file!, registry)).name).toBe('my-suite');
    expect((await readSuite(put(folder, 'bare.yaml', YAML.replace('controls: []', '')))).suite.controls).toEqual([
      'random',
      'edges',
      'centre',
      'shuffled',
    ]);
  });

  it('takes the environment into strings', async () => {
    const text = YAML.replace('./images', '${IMAGES}/images').replace('./model', '"${MODEL:-./model}"');
    const file = put(folder, 'env.yaml', `${text}description: costs $$5\n`);
    const { suite: read } = await readSuite(file, { IMAGES: folder });
    expect(read.data['path']).toBe(`${folder}/images`);
    expect(read.models).toEqual(['./model']);
    expect(read.description).toBe('costs $5');
    const error = await refusalOf(readSuite(file));
    expect(error.code).toBe('SUITE');
    expect(messageOf(error)).toMatch(/env\.yaml:5: data\.path needs the environment variable IMAGES.*\$\{IMAGES:-…\}/);
  });
});

describe('what is refused, with file and line', () => {
  const refuse = async (text: string) => {
    const error = await refusalOf(readSuite(put(folder, 'bad.yaml', text)));
    expect(error.code).toBe('SUITE');
    return messageOf(error);
  };

  it.each([
    [
      'an unknown key',
      YAML.replace('metrics:', 'metric:'),
      /bad\.yaml:11: .*unknown key 'metric'.*Did you mean 'metrics'\? Allowed: .*target/,
    ],
    [
      'an unknown key further in',
      YAML.replace('    id:', '    idd:'),
      /bad\.yaml:9: explainers\[1\] has the unknown key 'idd'.*Did you mean 'id'\? Allowed: use, id, preset, baseline, options/,
    ],
    ['a key of the engine', `${YAML}engine: { devise: cpu }`, /bad\.yaml:12: engine has .*Did you mean 'device'/],
    [
      'a key of the timing',
      `${YAML}timing: { samples: 3, sec: 1 }`,
      /timing has the unknown key 'sec'.*Allowed: enabled, samples, repeats, seconds/,
    ],
    [
      'a key of an inline card',
      YAML.replace('[./model]', '[{ file: m.onnx, classes: [a, b], inputs: { size: 8 } }]'),
      /models\[0\].*'inputs'.*Did you mean 'input'/,
    ],
    ['the wrong type', YAML.replace('[./model]', '3'), /bad\.yaml:2: models is 3; it must be array/],
    [
      'the wrong type where several fit',
      YAML.replace('  - sampler', '  - 3'),
      /bad\.yaml:7: explainers\[0\] is 3; it must be string or object/,
    ],
    ['a missing key', YAML.replace('metrics: [drop]', ''), /metrics is missing; it must be string or array/],
    ['a missing key further in', YAML.replace('use: image-folder', ''), /data\.use is missing; it must be string/],
    ['an empty list', YAML.replace('[./model]', '[]'), /models is \[\]: /],
    ['a bad number', `${YAML}limit: -1`, /limit is -1: /],
    ['an id with a slash', YAML.replace('second', 'a/b'), /explainers\[1\]\.id is "a\/b": ids have letters/],
    ['a list for a suite', '- a', /must be a map of keys/],
    ['an empty file', '', /must be a map of keys/],
  ])('%s', async (_, text, message) => {
    expect(await refuse(text)).toMatch(message);
  });

  it('YAML that is not sound, with line and column; a key that stands twice', async () => {
    expect(await refuse('models: [./model\ndata: {}')).toMatch(/bad\.yaml:\d+:\d+: the YAML is not sound/);
    expect(await refuse(`${YAML}\nmetrics: []`)).toMatch(/bad\.yaml:13:1: .*unique/);
    expect(await refuse('a:\n\t- b')).toMatch(/bad\.yaml:2/);
  });

  it('a file that is not there; an object without a name', async () => {
    expect((await refusalOf(readSuite(`${folder}/none.yaml`))).message).toContain('none.yaml');
    const { name: _, ...nameless } = suite();
    const error = await refusalOf(resolvePlan(parseSuite(nameless, folder), registry));
    expect(error.message).toContain("no 'name'");
  });

  it('several problems at once, five at most', async () => {
    const text = `${YAML}aa: 1\nbb: 2\nlimit: 0\nseed: 1.5\ntarget: 3\ntiming: 4\nplugins: 5\npreset: 6`;
    const message = await refuse(text);
    expect(message.split('\n')).toHaveLength(6);
    expect(message).toContain('more');
  });
});
