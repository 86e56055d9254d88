import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { builtinRegistry } from '../../src/builtin.ts';
import { loadPlan } from '../../src/config/resolve.ts';
import { put, temporaryFolder, tinyPng } from '../data/images.ts';
import { repository } from './fixtures.ts';

const configs = resolve(repository, 'configs');
const files = readdirSync(configs).filter(file => /\.ya?ml$/.test(file));
const folder = temporaryFolder();

/** What the suites on real data are pointed at here. */
const env = {
  COVID_CT: `${folder}/covid-ct`,
  COVID_CT_MODEL: `${folder}/covid.onnx`,
  CT_XAI_DATA: `${folder}/images`,
  CT_XAI_MODEL: `${folder}/model.yaml`,
};

beforeAll(async () => {
  for (const name of ['covid-ct/CT_COVID/a%1', 'covid-ct/CT_NonCOVID/0', 'images/sick/a', 'images/well/b']) {
    put(folder, `${name}.png`, await tinyPng());
  }
  put(folder, 'covid.onnx', 'weights');
  put(folder, 'model.yaml', 'file: covid.onnx\nclasses: [well, sick]\ninput: { size: 8, channels: 3 }');
});

it('there are suites for a folder of images and for the RISE protocol', () => {
  expect(files).toEqual(expect.arrayContaining(['covid-ct.yaml', 'rise-protocol.yaml']));
});

describe.each(files)('%s', file => {
  it('tells editors its schema', () => {
    const text = readFileSync(resolve(configs, file), 'utf8');
    expect(text.split('\n')[0]).toBe('# yaml-language-server: $schema=suite.schema.json');
  });

  it('is planned', async () => {
    const plan = await loadPlan(resolve(configs, file), builtinRegistry(), { env });
    expect(plan.dataset.count).toBeGreaterThan(0);
    expect(plan.explainers.length).toBeGreaterThan(1);
    expect(plan.digest).toMatch(/^[0-9a-f]{64}$/);
  });
});

it('rise-protocol.yaml has RISE’s settings', async () => {
  const { metrics, explainers } = await loadPlan(resolve(configs, 'rise-protocol.yaml'), builtinRegistry(), { env });
  expect(metrics.map(m => [m.id, m.preset, m.baseline])).toEqual([
    ['deletion', 'rise-paper', 'zero-input'],
    ['insertion', 'rise-paper', 'rise-blur'],
  ]);
  for (const { options } of metrics) expect(options).toMatchObject({ pixelsPerStep: 224, score: 'probability' });
  expect(explainers.find(e => e.id === 'lime')!.preset).toBe('lime');
});

it('explainers-all.yaml has every explainer', async () => {
  const registry = builtinRegistry();
  const { explainers } = await loadPlan(resolve(configs, 'explainers-all.yaml'), registry, { env });
  expect([...new Set(explainers.map(e => e.explainer.name))].sort()).toEqual([...registry.explainers.keys()].sort());
});

it('the suites point at nothing on this machine', () => {
  for (const file of files) expect(readFileSync(resolve(configs, file), 'utf8')).not.toMatch(/shared\/|\/work\//);
});
