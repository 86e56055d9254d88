import { resolve } from 'node:path';
import { z } from 'zod';
import type { Baseline, Engine, Explainer, Metric, MetricSet } from '../../src/core/contracts/index.ts';
import { defineExplainer, defineMetric } from '../../src/core/define.ts';
import { CtXaiError } from '../../src/core/errors.ts';
import { createRegistry, type Registry } from '../../src/core/registry.ts';
import { filled, tensor } from '../../src/core/tensor.ts';
import { imageFolder } from '../../src/data/readers/image-folder.ts';
import { put, temporaryFolder, tinyPng } from '../data/images.ts';

const map = { map: tensor([1, 1]) };

const sampler: Explainer = defineExplainer({
  name: 'sampler',
  title: 'Sampler',
  cite: 'a test',
  kind: 'additive',
  baseline: 'air',
  options: z.strictObject({ samples: z.int().positive().default(100), mode: z.enum(['fast', 'slow']).default('fast') }),
  presets: { tool: { options: { samples: 7 }, baseline: 'blur' } },
  cost: o => ({ forward: o.samples, backward: 0 }),
  explain: async () => map,
});
const gradient: Explainer = defineExplainer({
  name: 'gradient',
  title: 'Gradient',
  cite: 'a test',
  kind: 'ranking',
  requires: ['gradients'],
  cost: () => ({ forward: 1, backward: 1 }),
  explain: async () => map,
});
const control = (name: string, needsDonor: boolean): Explainer =>
  defineExplainer({
    name,
    title: name,
    cite: 'a test',
    kind: 'ranking',
    role: 'control',
    needsDonor,
    cost: () => ({ forward: 0, backward: 0 }),
    explain: async () => map,
  });
const drop: Metric = defineMetric({
  name: 'drop',
  title: 'Drop',
  cite: 'a test',
  category: 'faithfulness',
  better: 'lower',
  range: [0, 1],
  needs: ['model'],
  baseline: 'air',
  options: z.strictObject({ steps: z.int().positive().default(10) }),
  presets: { tool: { options: { steps: 224 } }, other: { baseline: 'blur' } },
  cost: o => ({ forward: o.steps + 1, backward: 0 }),
  evaluate: async () => ({ value: 0 }),
});
const rise: Metric = { ...drop, name: 'rise', better: 'higher' };
const both: MetricSet = {
  name: 'both',
  title: 'Both',
  summary: 'Both of them.',
  metrics: [
    { use: 'drop', options: { steps: 20 }, reason: 'It is there.' },
    { use: 'rise', reason: 'It is there too.' },
  ],
};
const baseline = (name: string): Baseline => ({
  name,
  title: name,
  summary: '',
  space: 'raw',
  make: image => filled(image.shape, 0),
});
const engine: Engine = {
  name: 'test-engine',
  formats: ['onnx'],
  devices: ['cpu'],
  probe: async () => [],
  open: () => Promise.reject(new Error('not opened here')),
};

/** A small registry, so that these tests do not depend on what ships. */
export const registry: Registry = createRegistry({
  explainers: [sampler, gradient, control('noise', false), control('swapped', true)],
  metrics: [drop, rise],
  metricSets: [both],
  baselines: [baseline('air'), baseline('blur')],
  readers: [imageFolder],
  engines: [engine],
});

/** A folder with images of two classes, weights, and a card. */
export async function suiteFolder(): Promise<string> {
  const folder = temporaryFolder();
  for (const [i, name] of ['sick/P1-a', 'sick/P2-a', 'sick/P2-b', 'well/P3-a', 'well/P4-a'].entries()) {
    put(folder, `images/${name}.png`, await tinyPng(i));
  }
  put(folder, 'model/model.onnx', 'weights');
  put(folder, 'model/model.yaml', 'classes: [well, sick]\ninput: { size: 8 }\n');
  return folder;
}

/** The smallest suite for that folder, and what is put over it. */
export function suite(more: object = {}): Record<string, unknown> {
  return {
    name: 'test',
    models: ['./model'],
    data: { use: 'image-folder', path: './images', patientPattern: '/(P[0-9])' },
    explainers: ['sampler', 'gradient'],
    controls: ['noise', 'swapped'],
    metrics: ['drop'],
    ...more,
  };
}

/** What a promise was rejected with; fails the test if it was not, or not by a CtXaiError. */
export async function refusalOf(promise: Promise<unknown>): Promise<CtXaiError> {
  const result = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (result instanceof CtXaiError) return result;
  throw new Error(result === undefined ? 'it was accepted' : `not a CtXaiError: ${String(result)}`, { cause: result });
}

export const repository = resolve(import.meta.dirname, '../..');
