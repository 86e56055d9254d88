import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { builtinRegistry } from '../../src/builtin.ts';
import { loadPlan } from '../../src/config/resolve.ts';
import type { Job } from '../../src/jobs/job.ts';
import type { JobResult, Services } from '../../src/jobs/services.ts';
import { runSuite } from '../../src/runners/run-suite.ts';
import { put, temporaryFolder } from '../data/images.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = temporaryFolder();

const SUITE = `
name: jobs
models: [${join(root, 'models/phantom-cnn')}]
data: { use: phantom, patients: 3, slices: 1 }
explainers: [grad-cam, { use: lime, options: { samples: 40, segments: 12 } }]
controls: [random, shuffled]
metrics: [{ use: deletion, options: { steps: 5 } }, { use: srg, options: { steps: 5 } }, pointing-game]
timing: false
engine: { use: onnx, device: cpu, workers: 1, threads: 1, microBatch: 4 }
`;

test('a run whose jobs are done by another process, each sent as JSON, ends in the same tables', async () => {
  const suite = put(folder, 'suite.yaml', SUITE);
  const here = await runSuite(await loadPlan(suite, builtinRegistry()), { dir: join(folder, 'here') });

  // It finds results of earlier jobs in the run folder, as a worker elsewhere would.
  const dir = join(folder, 'there');
  const child = fork(join(root, 'test/jobs/job-process.mjs'), [suite, dir], { serialization: 'advanced' });
  const ready = once(child, 'message');
  const waiting = new Map<number, (result: JobResult) => void>();
  let sent = 0;
  try {
    await ready;
    child.on('message', ({ id, result }: { id: number; result: JobResult }) => {
      waiting.get(id)?.(result);
      waiting.delete(id);
    });
    const execute = (job: Job, services: Services) =>
      new Promise<JobResult>(resolve => {
        void services;
        const id = sent++;
        waiting.set(id, resolve);
        child.send({ id, json: JSON.stringify(job) });
      });
    const there = await runSuite(await loadPlan(suite, builtinRegistry()), { dir, execute });
    expect(there.counts).toEqual(here.counts);
  } finally {
    child.kill();
  }
  expect(sent).toBeGreaterThan(50);
  for (const table of ['samples.csv', 'scores.csv']) {
    const text = (of: string) => readFile(join(folder, of, table), 'utf8');
    expect(await text('there')).toBe(await text('here'));
  }
});
