// Does jobs that come as JSON: `node job-process.mjs SUITE RUN_FOLDER`. Results of earlier jobs come from the run folder.
import { builtinRegistry } from '../../dist/builtin.js';
import { loadPlan } from '../../dist/config/resolve.js';
import { execute } from '../../dist/jobs/execute.js';
import { createLocalServices } from '../../dist/jobs/local-services.js';
import { openModel } from '../../dist/jobs/open-model.js';
import { modelRef } from '../../dist/jobs/plan-jobs.js';
import { readRun } from '../../dist/results/read-run.js';

const [suite, dir] = process.argv.slice(2);
const plan = await loadPlan(suite, builtinRegistry());
const signal = new AbortController().signal;
/** Opened anew for each question: the other process appends to it. */
const store = {
  async rowsOf(model, sample) {
    const run = await readRun(dir);
    try {
      return await run.rowsOf(model, sample);
    } finally {
      await run.close();
    }
  },
  async arraysOf(row) {
    const run = await readRun(dir);
    try {
      const map = row.kind === 'map' ? await run.readMap(row) : undefined;
      return map ? { map } : {};
    } finally {
      await run.close();
    }
  },
};
const services = createLocalServices({ plan, store, signal });
for (const model of plan.models) {
  const classifier = await openModel(plan, model);
  services.use(modelRef(model), work => work(classifier));
}
process.on('message', async ({ id, json }) => {
  process.send({ id, result: await execute(JSON.parse(json), services) });
});
process.send('ready');
