/**
 * What the thread of their own costs plug-ins, as ratios: the same explainer as it is built in, in this thread, and as a
 * part of a plug-in, in the thread of plug-ins. Both sides are measured in turn in one process, so that a busy machine
 * slows them alike.
 *
 *   npm run build && npm run perf:plugins -- [--model models/phantom-cnn] [--rounds 9]
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { builtinRegistry } from '../dist/builtin.js';
import { loadPlan } from '../dist/config/resolve.js';
import { execute } from '../dist/jobs/execute.js';
import { createIsolation } from '../dist/jobs/isolated/isolation.js';
import { createLocalServices } from '../dist/jobs/local-services.js';
import { openModel, openSession } from '../dist/jobs/open-model.js';
import { explainJob, modelRef, predictJob } from '../dist/jobs/plan-jobs.js';
import { NOTHING_SHARED } from '../dist/jobs/shared-work.js';

const { values } = parseArgs({
  options: { model: { type: 'string', default: 'models/phantom-cnn' }, rounds: { type: 'string', default: '9' } },
});
const rounds = Number(values.rounds);
const here = name => new URL(`../dist/${name}`, import.meta.url);

/** Explainers that ask the model for nothing, for a gradient, for many gradients, and for many scores. */
const MEASURED = ['random', 'saliency', 'grad-cam', 'integrated-gradients', 'occlusion'];

const folder = mkdtempSync(join(tmpdir(), 'ct-xai-plugins-'));
try {
  await main();
} finally {
  rmSync(folder, { recursive: true });
}

async function main() {
  writeFileSync(
    join(folder, 'same.mjs'),
    `import { builtinRegistry } from ${JSON.stringify(here('builtin.js').href)};
     import { definePlugin } from ${JSON.stringify(here('index.js').href)};
     const { explainers } = builtinRegistry();
     export default definePlugin({ name: 'same', explainers: ${JSON.stringify(MEASURED)}
       .map(name => ({ ...explainers.get(name), name: name + '-plugin', role: 'method' })) });`,
  );
  const file = join(folder, 'suite.yaml');
  const controls = MEASURED.filter(name => builtinRegistry().explainers.get(name).role === 'control');
  writeFileSync(
    file,
    JSON.stringify({
      models: [resolve(values.model)],
      data: { use: 'phantom', patients: 1, slices: 1 },
      plugins: ['./same.mjs'],
      explainers: [...MEASURED.filter(n => !controls.includes(n)), ...MEASURED.map(name => `${name}-plugin`)],
      controls,
      metrics: [],
      engine: { use: 'onnx', device: 'cpu' },
      timing: false,
    }),
  );
  const plan = await loadPlan(file, builtinRegistry());
  const [model] = plan.models;
  const { signal } = new AbortController();
  const session = await openSession(() => openModel(plan, model, { signal }), console.warn);
  const source = { kind: 'suite', file, overrides: {} };
  const isolation = createIsolation({
    worker: here('plugin-worker.js'),
    source,
    limits: plan.limits,
    digest: plan.digest,
    warn: console.warn,
  });
  const own = createLocalServices({ plan, signal });
  own.use(modelRef(model), work => session.run(work));
  try {
    const { value: sample } = await plan.dataset.samples()[Symbol.asyncIterator]().next();
    own.begin(sample, 0);
    const predict = predictJob(plan, model, sample).job;
    own.remember(predict, await execute(predict, own));
    // As in the timing phase: nothing is remembered from one call to the next, and the image is there.
    const services = { ...own, shared: () => NOTHING_SHARED, measured: { variation: 0, told: () => {} } };
    const { cpuModel, cores, load } = {
      cpuModel: cpus()[0]?.model.trim(),
      cores: availableParallelism(),
      load: loadavg()[0],
    };
    console.log(`${model.id}; ${cpuModel}, ${cores} cores, load ${load.toFixed(1)}, Node ${process.version}`);
    console.log(`median of ${rounds} rounds, ms\n`);
    console.log('explainer               built in   plug-in     ratio     added');
    for (const name of MEASURED) await compare(name, { plan, model, sample, isolation, services });
  } finally {
    await isolation.close();
    await own.close();
    await session.close();
  }
}

async function compare(name, { plan, model, sample, isolation, services }) {
  const jobOf = id =>
    explainJob(
      plan,
      model,
      sample,
      plan.explainers.find(e => e.id === id),
    ).job;
  const sides = { inner: jobOf(name), outer: jobOf(`${name}-plugin`) };
  const times = { inner: [], outer: [] };
  const maps = {};
  await isolation.prepare(sides.outer, services);
  for (let round = -1; round < rounds; round++) {
    for (const [side, job] of Object.entries(sides)) {
      const start = performance.now();
      const { row, arrays } = await isolation.execute(job, services);
      const wall = performance.now() - start;
      if (row.status !== 'ok') throw new Error(`${job.explainer.id}: ${row.reason}`);
      // The first round compiles.
      if (round >= 0) times[side].push(wall);
      maps[side] = arrays.map;
    }
  }
  const ratio = median(times.outer.map((t, i) => t / times.inner[i]));
  const [inner, outer] = [median(times.inner), median(times.outer)];
  const cells = [inner.toFixed(1), outer.toFixed(1), ratio.toFixed(2), (outer - inner).toFixed(1)];
  console.log(`${name.padEnd(22)}${cells.map(cell => cell.padStart(10)).join('')}`);
}

function median(list) {
  const sorted = [...list].sort((a, b) => a - b);
  return (sorted[Math.floor((sorted.length - 1) / 2)] + sorted[Math.ceil((sorted.length - 1) / 2)]) / 2;
}
