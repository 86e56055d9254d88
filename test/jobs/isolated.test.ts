import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { builtinRegistry } from '../../src/builtin.ts';
import { loadPlan } from '../../src/config/resolve.ts';
import { runSuite } from '../../src/runners/run-suite.ts';
import { put, temporaryFolder } from '../data/images.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = temporaryFolder();

/** An explainer that asks the model for all that there is, and a metric that explains again. */
const PLUGIN = `
import { defineExplainer, defineMetric, definePlugin, imageBatch, tensor } from '${pathToFileURL(join(root, 'dist/index.js')).href}';
const all = defineExplainer({
  name: 'all', title: 'All', cite: 'none', kind: 'ranking', baseline: 'air',
  requires: ['gradients', 'layers', 'activations', 'continuation'],
  cost: () => ({ forward: 1, backward: 1 }),
  async explain({ model, image, baseline, target, rng, signal }) {
    const [h, w, c] = image.shape;
    const map = tensor([h, w]);
    const many = { count: 9, write(i, out) { for (let k = 0; k < out.length; k++) out[k] = image.data[k] * (i / 9) + baseline.data[k] * (1 - i / 9); } };
    const add = (i, g, score) => { for (let k = 0; k < g.length; k++) map.data[Math.floor(k / c)] += g[k] * (score + i); };
    await model.gradients(many, { class: target.class, score: 'margin' }, add, { signal });
    const one = imageBatch(image);
    const scores = await model.scores(many, { as: 'probability', signal });
    const score = await model.score(many, { class: target.class, score: 'logit' });
    const { activations, gradients } = await model.layer(one, { class: target.class, score: 'logit' });
    const [again] = await model.activations(one, [undefined]);
    const on = await model.continueFrom(undefined, { count: 2, write(i, out) { out.set(again.activations.data); } }, { as: 'logit', image });
    const sum = t => t.data.reduce((a, b) => a + b, 0);
    const layers = await model.layers();
    map.data[0] += sum(scores) + score[3] + sum(activations) + sum(gradients) + sum(on) + layers.length + rng.next();
    return { map };
  },
});
const again = defineMetric({
  name: 'again', title: 'Again', cite: 'none', category: 'robustness', better: 'lower', range: [0, Infinity],
  needs: ['explain', 'model'], cost: () => ({ forward: 0, backward: 0 }),
  async evaluate({ image, attribution, explain }) {
    const found = await explain({ image: { shape: image.shape, data: image.data.map(v => v * 0.9) }, key: 'darker' });
    if (found.undefined) return found;
    let most = 0;
    for (let i = 0; i < found.map.data.length; i++) most = Math.max(most, Math.abs(found.map.data[i] - attribution.data[i]));
    return { value: most };
  },
});
export default definePlugin({ name: 'mine', explainers: [all], metrics: [again] });
`;

const SUITE = `
name: isolated
models: [${join(root, 'models/phantom-cnn')}]
data: { use: phantom, patients: 2, slices: 1 }
plugins: [./mine.mjs]
explainers: [all, saliency]
controls: [random, shuffled]
metrics: [{ use: deletion, options: { steps: 5 } }, again]
timing: false
engine: { use: onnx, device: cpu, workers: 1, threads: 1, microBatch: 4 }
`;

test('plug-ins in a thread of their own, the model reached by messages, give the same tables as in this one', async () => {
  put(folder, 'mine.mjs', PLUGIN);
  const suite = put(folder, 'suite.yaml', SUITE);
  const run = async (dir: string, apart: boolean) => {
    const pluginThread = { worker: pathToFileURL(join(root, 'dist/plugin-worker.js')), overrides: {} };
    const plan = await loadPlan(suite, builtinRegistry());
    const { counts } = await runSuite(plan, { dir: join(folder, dir), ...(apart ? { pluginThread } : {}) });
    expect(counts.map).toEqual({ ok: 10 });
    return readFile(join(folder, dir, 'scores.csv'), 'utf8');
  };
  const there = await run('there', true);
  expect(there).toBe(await run('here', false));
  expect(there).toMatch(/,all,again,[^,]*,[0-9.]+,ok/);
});
