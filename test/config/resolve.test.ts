import { beforeAll, describe, expect, it } from 'vitest';
import { planCost } from '../../src/config/cost.ts';
import type { Plan } from '../../src/config/plan.ts';
import { resolvePlan } from '../../src/config/resolve.ts';
import { labelNamed } from '../../src/config/resolve-labels.ts';
import { countImages, samplesOf } from '../../src/config/samples.ts';
import { type Overrides, parseSuite } from '../../src/config/suite.ts';
import { messageOf } from '../../src/core/errors.ts';
import { createRegistry } from '../../src/core/registry.ts';
import { put, tinyPng } from '../data/images.ts';
import { refusalOf, registry, suite, suiteFolder } from './fixtures.ts';

let folder: string;
beforeAll(async () => {
  folder = await suiteFolder();
});

const resolve = async (more: object = {}, overrides: Overrides = {}): Promise<Plan> =>
  resolvePlan(parseSuite(suite(more), folder), registry, overrides);

async function refuse(more: object, overrides: Overrides = {}): Promise<string> {
  const error = await refusalOf(resolve(more, overrides));
  return `${error.code}: ${messageOf(error)}`;
}

async function ids(plan: Plan): Promise<string[]> {
  const found: string[] = [];
  for await (const sample of samplesOf(plan)) found.push(sample.id);
  return found;
}

describe('a plan', () => {
  it('has methods, then controls; one control with a donor for each method', async () => {
    const plan = await resolve({ explainers: ['sampler', { use: 'sampler', id: 'again' }, 'gradient'] });
    expect(plan.explainers.map(e => [e.id, e.of])).toEqual([
      ['sampler', undefined],
      ['again', undefined],
      ['gradient', undefined],
      ['noise', undefined],
      ['swapped(sampler)', 'sampler'],
      ['swapped(again)', 'again'],
      ['swapped(gradient)', 'gradient'],
    ]);
    expect(plan.metrics.map(m => [m.id, m.baseline, m.options])).toEqual([['drop', 'air', { steps: 10 }]]);
    expect([...plan.baselines.keys()]).toEqual(['air']);
    expect((await resolve({ controls: [] })).explainers.map(e => e.id)).toEqual(['sampler', 'gradient']);
  });

  it('puts a set’s metrics in the place of its name, less those that the suite lists itself', async () => {
    const metricsOf = async (metrics: unknown) =>
      (await resolve({ metrics })).metrics.map(m => [m.id, (m.options as { steps: number }).steps]);
    expect(await metricsOf('both')).toEqual([
      ['drop', 20],
      ['rise', 10],
    ]);
    const mixed = ['both', { use: 'drop', options: { steps: 5 } }, { use: 'drop', id: 'mine' }];
    expect(await metricsOf(mixed)).toEqual([
      ['rise', 10],
      ['drop', 5],
      ['mine', 10],
    ]);
    expect(await metricsOf(['both', 'both']).catch(messageOf)).toMatch(/two metrics have the id 'drop'/);
  });

  it('takes options over a preset’s over defaults, and baselines likewise', async () => {
    const sampler = async (entry: object, more: object = {}) => {
      const { explainers } = await resolve({ explainers: [{ use: 'sampler', ...entry }], controls: [], ...more });
      const { options, baseline, preset } = explainers[0]!;
      return { ...(options as object), baseline, preset };
    };
    expect(await sampler({})).toEqual({ samples: 100, mode: 'fast', baseline: 'air', preset: undefined });
    expect(await sampler({ preset: 'tool' })).toEqual({ samples: 7, mode: 'fast', baseline: 'blur', preset: 'tool' });
    expect(await sampler({ preset: 'tool', options: { samples: 8 }, baseline: 'air' })).toEqual({
      samples: 8,
      mode: 'fast',
      baseline: 'air',
      preset: 'tool',
    });
    expect(await sampler({}, { preset: 'tool' })).toMatchObject({ samples: 7, preset: 'tool' });
  });

  it('applies the suite’s preset to all that have it, unless they name their own', async () => {
    const plan = await resolve({ preset: 'tool', metrics: ['drop', { use: 'drop', id: 'mine', preset: 'other' }] });
    expect(plan.explainers.map(e => e.preset)).toEqual(['tool', undefined, undefined, undefined, undefined]);
    expect(plan.metrics.map(m => [m.preset, m.options, m.baseline])).toEqual([
      ['tool', { steps: 224 }, 'air'],
      ['other', { steps: 10 }, 'blur'],
    ]);
  });

  it('maps labels to classes, per model where it must, and leaves out what is mapped to null', async () => {
    const plain = await resolve();
    expect([...plain.models[0]!.classOf]).toEqual([
      ['sick', 1],
      ['well', 0],
    ]);
    const inline = {
      file: './model/model.onnx',
      classes: ['S', 'W'],
      input: { size: 4 },
      labels: { sick: 'S', well: 'W' },
    };
    const two = await resolve({ models: ['./model', { id: 'inline', ...inline }] });
    expect(two.models.map(m => [m.id, ...m.classOf])).toEqual([
      ['model', ['sick', 1], ['well', 0]],
      ['inline', ['sick', 0], ['well', 1]],
    ]);
    const data = { use: 'image-folder', path: './images', labels: { well: null } };
    const some = await resolve({ data });
    expect(some.dataset).toMatchObject({ count: 3, labels: ['sick'] });
    expect(await ids(some)).toEqual(['sick/P1-a.png', 'sick/P2-a.png', 'sick/P2-b.png']);
  });

  it('takes equal numbers for the same label, as YAML and tables of programs write them', () => {
    const labels = { 0: 'well', '1.0': 'sick', '2': null };
    expect(['0.0', '1', '2.00', '1.5', 'x'].map(l => labelNamed(labels, l))).toEqual([
      'well',
      'sick',
      null,
      undefined,
      undefined,
    ]);
  });

  it('names what is explained', async () => {
    expect((await resolve()).target).toEqual({ kind: 'positive' });
    expect((await resolve({ target: 'predicted' })).target).toEqual({ kind: 'predicted' });
    expect((await resolve({ target: 'label' })).target).toEqual({ kind: 'label' });
    const plan = await resolve({ target: 'sick' });
    expect(plan.target).toEqual({ kind: 'class', name: 'sick' });
    expect(plan.models[0]!.targetClass).toBe(1);
  });

  it('takes the positive class of the card, or the one that the suite names', async () => {
    const plan = await resolve();
    expect(plan.models[0]).toMatchObject({ targetClass: 1 });
    const other = await resolve({ analysis: { class: 'well' } });
    expect(other.models[0]).toMatchObject({ targetClass: 0, card: { positive: 'well' } });
    expect(other.digest).not.toBe(plan.digest);
  });

  it('has what the suite declares of its analysis, with defaults, and does not run again for it', async () => {
    const plan = await resolve();
    expect(plan.analysis).toEqual({ strata: ['outcome'], least: 0.8 });
    const given = {
      primary: 'drop',
      smallest: { drop: 0.1 },
      reference: 'sampler',
      strata: ['outcome', 'sex'],
      least: 1,
    };
    const declared = await resolve({ analysis: given });
    expect(declared.analysis).toEqual({ ...given, primary: ['drop'] });
    expect(declared.digest).toBe(plan.digest);
    expect(declared.suite).toMatchObject({ analysis: { primary: 'drop' } });
  });

  it('spreads a limit over the labels', async () => {
    expect(await ids(await resolve({ limit: 3 }))).toEqual(['sick/P1-a.png', 'sick/P2-a.png', 'well/P3-a.png']);
    expect(await ids(await resolve({ limit: 4 }))).toHaveLength(4);
    expect(await ids(await resolve({ limit: 99 }))).toHaveLength(5);
    expect(await ids(await resolve({}, { limit: 1 }))).toEqual(['sick/P1-a.png']);
  });

  it('heeds what the command line says', async () => {
    put(folder, 'elsewhere/sick/P1-x.png', await tinyPng());
    const plan = await resolve({}, { device: 'cpu', seed: 'x', data: './elsewhere', out: '/out' });
    expect(plan).toMatchObject({ seed: 'x', engine: { use: 'auto', device: 'cpu' }, output: { dir: '/out' } });
    expect(plan.dataset.count).toBe(1);
    expect((await resolve({ output: { dir: './runs' } })).output.dir).toBe(`${folder}/runs`);
    expect((await resolve()).output.dir).toBeUndefined();
  });

  it('has timing and engine with defaults', async () => {
    expect((await resolve()).timing).toEqual({
      enabled: true,
      samples: 3,
      repeats: 9,
      seconds: 20,
      most: 'auto',
      budgets: [],
    });
    expect((await resolve({ timing: false })).timing.enabled).toBe(false);
    expect((await resolve({ timing: { samples: 1 } })).timing).toMatchObject({ enabled: true, samples: 1 });
    expect((await resolve({ engine: 'test-engine' })).engine).toEqual({ use: 'test-engine', device: 'auto' });
    expect((await resolve({ engine: { workers: 2 } })).engine).toEqual({ use: 'auto', device: 'auto', workers: 2 });
  });

  it('costs what its parts cost', async () => {
    const cost = planCost(await resolve(), { images: 10, explained: [10] });
    // Prediction; 100 + (1, 1) for two methods, nothing for three controls; 11 for each of five maps.
    expect(cost.models[0]!.perImage).toEqual({ forward: 1 + 101 + 5 * 11, backward: 1 });
    expect(cost.total).toEqual({ forward: 1570, backward: 10 });
    expect(cost.models[0]!.explainers['swapped(sampler)']).toEqual({ forward: 0, backward: 0 });
    const fewer = planCost(await resolve(), { images: 10, explained: [3] });
    expect(fewer.total).toEqual({ forward: 7 + 3 * 157, backward: 3 });
  });

  it('explains the positives alone where it is told to', async () => {
    const counts = await countImages(await resolve({ explain: 'positives' }));
    const { images, explained } = await countImages(await resolve());
    expect(explained).toEqual([images]);
    expect(counts.images).toBe(images);
    expect(counts.explained[0]).toBeLessThan(images);
    expect(counts.explained[0]).toBeGreaterThan(0);
    expect((await resolve({ explain: 'positives' })).digest).not.toBe((await resolve()).digest);
    expect((await resolve({ explain: 'all' })).digest).toBe((await resolve()).digest);
  });

  it('is recorded as plain JSON', async () => {
    const { suite: record } = await resolve({ seed: 3 });
    expect(JSON.parse(JSON.stringify(record))).toEqual(record);
    expect(record).toMatchObject({
      name: 'test',
      seed: 3,
      data: { use: 'image-folder', labels: {} },
      target: 'positive',
      metrics: [{ id: 'drop', use: 'drop', options: { steps: 10 }, baseline: 'air' }],
    });
  });
});

describe('the digest', () => {
  it('changes with what affects results', async () => {
    const digests = await Promise.all(
      [
        {},
        { seed: 1 },
        { limit: 2 },
        { target: 'label' },
        { metrics: [{ use: 'drop', options: { steps: 11 } }] },
        { explainers: ['sampler'] },
        { controls: [] },
        { engine: { device: 'cpu' } },
        { data: { use: 'image-folder', path: './images' } },
        { models: [{ id: 'renamed', card: './model' }] },
      ].map(async more => (await resolve(more)).digest),
    );
    expect(new Set(digests).size).toBe(digests.length);
  });

  it('does not change with timing, output, or the order of keys', async () => {
    const { digest } = await resolve();
    expect((await resolve({ timing: false, output: { dir: './x', attributions: false } })).digest).toBe(digest);
    expect((await resolve({ name: 'renamed' })).digest).toBe(digest);
    const reordered = Object.fromEntries(Object.entries(suite()).reverse());
    expect((await resolvePlan(parseSuite(reordered, folder), registry)).digest).toBe(digest);
  });
});

describe('what is refused', () => {
  it.each([
    [
      'an unknown explainer',
      { explainers: ['samplr'] },
      /^SUITE: .*explainers\[0\]: no explainer is called 'samplr'\. Did you mean 'sampler'\? There are: sampler, gradient/,
    ],
    ['an unknown metric', { metrics: ['dropp'] }, /^SUITE: .*metrics\[0\].*Did you mean 'drop'/],
    ['an unknown reader', { data: { use: 'image-foldr' } }, /^SUITE: .*data\.use.*Did you mean 'image-folder'/],
    ['an unknown engine', { engine: 'tfjs' }, /^SUITE: .*engine: no engine is called 'tfjs'/],
    [
      'an unknown baseline',
      { metrics: [{ use: 'drop', baseline: 'blurr' }] },
      /^SUITE: .*metrics\[0\]\.baseline.*Did you mean 'blur'/,
    ],
    [
      'a baseline that is not used',
      { explainers: [{ use: 'gradient', baseline: 'air' }] },
      /^SUITE: .*'gradient' uses no baseline/,
    ],
    [
      'an unknown option',
      { explainers: [{ use: 'sampler', options: { sample: 5 } }] },
      /^SUITE: .*explainers\[0\]\.options has the unknown key 'sample'\. Did you mean 'samples'\? Allowed: samples, mode/,
    ],
    ['an option where there is none', { explainers: [{ use: 'gradient', options: { x: 5 } }] }, /takes no keys/],
    [
      'a bad option',
      { explainers: [{ use: 'sampler', options: { mode: 'fst' } }] },
      /^SUITE: .*explainers\[0\]\.options\.mode is "fst"\. Did you mean 'fast'\? Allowed: fast, slow/,
    ],
    [
      'an unknown option of the data',
      { data: { use: 'image-folder', path: './images', splt: 'x' } },
      /^SUITE: .*data has the unknown key 'splt'\. Did you mean 'split'/,
    ],
    [
      'an unknown preset',
      { explainers: [{ use: 'sampler', preset: 'tol' }] },
      /^SUITE: .*'sampler' has no preset 'tol'\. Did you mean 'tool'/,
    ],
    [
      'a preset where there is none',
      { explainers: [{ use: 'gradient', preset: 'tool' }] },
      /has no preset 'tool'\. It has none/,
    ],
    [
      'a preset that nothing has',
      { preset: 'nothing' },
      /^SUITE: .*nothing in this suite has the preset 'nothing'.*There are: tool, other/,
    ],
    [
      'options of a set',
      { metrics: [{ use: 'both', options: {} }] },
      /^SUITE: .*metrics\[0\]: 'both' is a set of metrics/,
    ],
    ['an unknown set', { metrics: 'bot' }, /^SUITE: .*metrics: no metric is called 'bot'.*Did you mean 'both'/s],
    ['an id twice', { metrics: ['drop', 'drop'] }, /^SUITE: .*two metrics have the id 'drop'/],
    ['a method among controls', { controls: ['sampler'] }, /'sampler' is a method\. Put it under 'explainers'/],
    ['a control among methods', { explainers: ['noise'] }, /'noise' is a control\. Put it under 'controls'/],
    ['a model twice', { models: ['./model', './model'] }, /^SUITE: .*two models have the id 'model'/],
    ['a missing card', { models: ['./none'] }, /^CARD: /],
    ['missing weights', { models: [{ file: 'x.onnx', classes: ['a', 'b'], input: { size: 1 } }] }, /^MODEL: .*x\.onnx/],
    [
      'an inline card with a fault',
      { models: [{ file: 'model/model.onnx', classes: ['a', 'a'], input: { size: 1 } }] },
      /^CARD: .*stands twice/,
    ],
    [
      'a format that is not read',
      { models: [{ file: 'suite.json', format: 'tfjs', classes: ['a', 'b'], input: { size: 1 } }] },
      /^SUITE: .*no engine reads 'suite'.*Formats read: onnx/,
    ],
    ['no data', { data: { use: 'image-folder', path: './nowhere' } }, /^DATA: /],
    [
      'nothing left',
      { data: { use: 'image-folder', path: './images', labels: { sick: null, well: null } } },
      /^DATA: .*no images once the labels sick, well are left out/,
    ],
    [
      'an unknown label',
      { data: { use: 'image-folder', path: './images', labels: { sick: 'sik' } } },
      /^LABEL: .*'sick' \(mapped to 'sik'\) is not a class of the model 'model'\. Did you mean 'sick'\? Labels: sick, well\. Classes: well, sick/,
    ],
    [
      'a primary metric that is not there',
      { analysis: { primary: 'drp' } },
      /SUITE: .*analysis.primary: this suite has no metric 'drp'[\s\S]*Did you mean 'drop'/,
    ],
    [
      'a reference that is a control',
      { analysis: { reference: 'swapped(sampler)' } },
      /analysis.reference: this suite has no explainer/,
    ],
    [
      'a smallest effect of no metric',
      { analysis: { smallest: { dro: 1 } } },
      /analysis.smallest: this suite has no metric 'dro'/,
    ],
    [
      'a positive class of no model',
      { analysis: { class: 'sik' } },
      /'sik' is no class of the model[\s\S]*Did you mean 'sick'/,
    ],
    [
      'an unknown target',
      { target: 'sik' },
      /^LABEL: .*Did you mean 'sick'\? Allowed: positive, predicted, label, well, sick/,
    ],
    ['a missing plugin', { plugins: ['./none.js'] }, /^PLUGIN: .*none\.js/],
  ])('%s', async (_, more, message) => {
    put(folder, 'suite.json', '{}');
    expect(await refuse(more)).toMatch(message);
  });

  it('labels as target where there are none; a path for data that has none', async () => {
    put(folder, 'flat/index.csv', 'file\na.png\n');
    put(folder, 'flat/a.png', await tinyPng());
    const data = { use: 'image-folder', path: './flat' };
    expect(await refuse({ data, target: 'label' })).toMatch(/^LABEL: .*needs labels/);
    const { image: _, ...rest } = { image: 0, name: 'made-up', title: '', summary: '' };
    const other = createRegistry({
      explainers: [...registry.explainers.values()],
      metrics: [...registry.metrics.values()],
      baselines: [...registry.baselines.values()],
      engines: [...registry.engines.values()],
      readers: [
        { ...rest, options: registry.explainers.get('gradient')!.options, open: () => Promise.reject(new Error()) },
      ],
    });
    const loaded = parseSuite(suite({ data: { use: 'made-up' } }), folder);
    expect(await refusalOf(resolvePlan(loaded, other, { data: 'x' }))).toMatchObject({ code: 'USAGE' });
  });
});
