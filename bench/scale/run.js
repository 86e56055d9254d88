/**
 * How far suites on a queue scale, with a Redis of its own on loopback (apt-get install redis-server).
 *
 *   npm run build && node bench/scale/run.js [sleep] [real] [queue] [tables] [--workers 1,2,4] [--jobs 100000] [--rows 1000000]
 *
 * sleep:  jobs that only wait, on 1, 2, 4 … workers: the queue's own cost
 * real:   Grad-CAM, LIME and curves, likewise; more workers than cores can't help
 * queue:  blocks through BullMQ with workers that do nothing: jobs a second, memory of Redis and of the coordinator
 * tables: a journal of so many rows: appending, opening, finding the rows of an image, and the tables
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    workers: { type: 'string', default: '1,2,4' },
    jobs: { type: 'string', default: '100000' },
    rows: { type: 'string', default: '1000000' },
  },
});
const parts = positionals.length > 0 ? positionals : ['sleep', 'real', 'queue', 'tables'];
const counts = values.workers.split(',').map(Number);
const folder = mkdtempSync(join(tmpdir(), 'ct-xai-scale-'));
const root = resolve(import.meta.dirname, '../..');
const main = join(root, 'dist/cli/main.js');
const children = new Set();

const seconds = since => (performance.now() - since) / 1000;
const megabytes = bytes => `${Math.round(bytes / 2 ** 20)} MB`;

function start(args, options = {}) {
  const child = spawn(process.execPath, [main, ...args], { stdio: 'ignore', ...options });
  children.add(child);
  return child;
}

async function redisHere() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  const args = ['--port', port, '--bind', '127.0.0.1', '--dir', folder, '--appendonly', 'yes', '--save', ''];
  const child = spawn('redis-server', args.map(String), { stdio: 'ignore' });
  children.add(child);
  await setTimeout(1000);
  return { port, address: `redis://127.0.0.1:${port}` };
}

const SUITE = {
  models: [join(root, 'models/phantom-cnn')],
  data: { use: 'phantom', patients: 64, slices: 1 },
  controls: [],
  timing: false,
  engine: { use: 'onnx', device: 'cpu', workers: 1, threads: 1, microBatch: 4 },
};

async function scaled(name, redis, suite, more = []) {
  const file = join(folder, `${name}.json`);
  writeFileSync(file, JSON.stringify({ name, ...SUITE, ...suite }));
  let one;
  for (const count of counts) {
    const workers = Array.from({ length: count }, () => start(['worker', redis.address, ...more]));
    await setTimeout(6000);
    const out = join(folder, `${name}-${count}`);
    const run = start(['run', file, '--queue', redis.address, '--out', out]);
    const took = await growthOf(join(out, 'results.jsonl'), run);
    const code = run.exitCode;
    for (const worker of workers) worker.kill('SIGKILL');
    one ??= { took, count };
    const efficiency = (one.took * one.count) / (took * count);
    console.log(
      `${name}: ${count} workers ${took.toFixed(1)} s from the first row to the last, efficiency ${efficiency.toFixed(2)}, exit code ${code}`,
    );
  }
}

/** Seconds from the first row of a journal to its last, once the run has ended: without start and report. */
async function growthOf(journal, run) {
  let size = 0;
  let first;
  let last;
  while (run.exitCode === null && run.signalCode === null) {
    const now = statSync(journal, { throwIfNoEntry: false })?.size ?? 0;
    if (now > size) {
      size = now;
      last = performance.now();
      first ??= last;
    }
    await setTimeout(50);
  }
  return (last - first) / 1000;
}

/** Blocks of 10 images with 50 jobs each, whose rows are of the usual size. */
async function throughQueue(redis) {
  const { connect, disconnect, redisPlace, QUEUE_PREFIX, queueName } = await import(
    '../../dist/runners/queue/redis.js'
  );
  const { openRunQueue } = await import('../../dist/runners/queue/queue-links.js');
  const { readDone } = await import('../../dist/runners/queue/messages.js');
  const { Worker } = await import('bullmq');
  const place = redisPlace(redis.address);
  const client = await connect(place, console.warn);
  const id = randomBytes(8).toString('hex');
  const queue = await openRunQueue(id, client, place);
  const total = Number(values.jobs);
  const key = () => randomBytes(16).toString('hex');
  const memory = async () => Number(/used_memory:(\d+)/.exec(await client.info('memory'))[1]);
  const before = await memory();
  let began = performance.now();
  for (let sent = 0; sent < total; sent += 500 * 20) {
    const blocks = Array.from({ length: Math.min(20, (total - sent) / 500) }, () => ({
      priority: 1,
      block: {
        format: 1,
        model: 'net',
        weights: 'original',
        images: Array.from({ length: 10 }, (_, i) => ({
          sample: `sample-${i}`,
          index: i,
          keys: Array.from({ length: 50 }, key),
          donors: {},
          held: [],
        })),
      },
    }));
    await queue.add(blocks);
  }
  const put = seconds(began);
  console.log(
    `queue: ${total} jobs put there in ${put.toFixed(1)} s (${Math.round(total / put)} a second); ` +
      `Redis holds ${megabytes((await memory()) - before)} for them`,
  );
  began = performance.now();
  const rowOf = (sample, job) => ({
    row: {
      kind: 'score',
      job,
      model: 'net',
      sample,
      method: 'integrated-gradients',
      metric: 'deletion',
      target: 'COVID',
      baseline: 'air',
      status: 'ok',
      value: Math.random(),
      passes: { forward: 224, backward: 0 },
      curve: { fraction: Array.from({ length: 11 }, (_, i) => i / 10), score: Array.from({ length: 11 }, Math.random) },
    },
    arrays: {},
  });
  const workers = Array.from(
    { length: 2 },
    () =>
      new Worker(
        queueName(id),
        async ({ data }) => ({
          format: 1,
          worker: 'w',
          rows: data.images.flatMap(({ sample, keys }) => keys.map(job => rowOf(sample, job))),
        }),
        { connection: { port: redis.port }, prefix: QUEUE_PREFIX },
      ),
  );
  let peak = 0;
  let resident = 0;
  for (let done = 0; done < total; ) {
    for (const ended of await queue.ended()) {
      done += readDone(ended.returned).rows.length;
      await ended.remove();
    }
    peak = Math.max(peak, await memory());
    resident = Math.max(resident, process.memoryUsage.rss());
  }
  const through = seconds(began);
  console.log(
    `queue: through in ${through.toFixed(1)} s (${Math.round(total / through)} jobs a second); ` +
      `at most ${megabytes(peak - before)} in Redis, ${megabytes(resident)} in this process (workers and coordinator)`,
  );
  await Promise.all(workers.map(worker => worker.close(true)));
  await queue.retire(false);
  await queue.close();
  await disconnect(client);
}

/** 1 model, 10 explainers, 49 metrics: 501 rows an image. */
async function bigTables() {
  const { openRunFolder } = await import('../../dist/results/folder.js');
  const { readRun } = await import('../../dist/results/read-run.js');
  const { readRows } = await import('../../dist/results/row-reader.js');
  const { tableReaders } = await import('../../dist/results/tables.js');
  const part = id => ({ id, name: id, title: id, cite: 'none', options: {} });
  const methods = Array.from({ length: 10 }, (_, i) => ({
    ...part(`explainer-${i}`),
    kind: 'additive',
    role: 'method',
  }));
  const metrics = Array.from({ length: 49 }, (_, i) => ({
    ...part(`metric-${i}`),
    category: 'faithfulness',
    better: 'higher',
    range: [0, 1],
  }));
  const images = Math.ceil(Number(values.rows) / 501);
  const manifest = {
    formatVersion: 1,
    name: 'big',
    planDigest: 'x',
    state: 'running',
    command: '',
    suite: {},
    seed: '0',
    versions: {},
    hardware: { cpu: '', cores: 1, memoryGb: 1, os: '' },
    startedAt: new Date().toISOString(),
    resumed: 0,
    dataset: { name: 'data', digest: 'x', count: images, labels: [] },
    models: [{ id: 'net', digest: 'x', classes: ['a', 'b'], task: 'softmax' }],
    methods,
    metrics,
    target: 'predicted',
  };
  const dir = join(folder, 'big');
  const run = await openRunFolder(dir, manifest, false);
  let began = performance.now();
  for (let i = 0; i < images; i++) {
    const names = { model: 'net', sample: `patient-${i}/slice` };
    const job = () => randomBytes(16).toString('hex');
    const rows = [
      {
        kind: 'sample',
        job: job(),
        ...names,
        index: i,
        source: `${i}.png`,
        patient: `p${i}`,
        status: 'ok',
        hasMask: false,
      },
    ];
    for (const { id: method } of methods) {
      rows.push({ kind: 'map', job: job(), ...names, method, target: 'a', status: 'ok' });
      for (const { id: metric } of metrics) {
        rows.push({
          kind: 'score',
          job: job(),
          ...names,
          method,
          metric,
          target: 'a',
          baseline: 'air',
          value: Math.random(),
          status: 'ok',
        });
      }
    }
    await run.journal.append(rows);
  }
  const rows = run.journal.index.rows;
  console.log(`tables: ${rows} rows appended in ${seconds(began).toFixed(1)} s, synced image by image`);
  await run.close();
  began = performance.now();
  const read = await readRun(dir);
  console.log(`tables: journal opened in ${seconds(began).toFixed(1)} s`);
  began = performance.now();
  await read.rowsOf('net', `patient-${images - 1}/slice`);
  console.log(`tables: the rows of one image found in ${(1000 * seconds(began)).toFixed(1)} ms`);
  began = performance.now();
  let resident = 0;
  const watch = setInterval(() => {
    resident = Math.max(resident, process.memoryUsage.rss());
  }, 200);
  await readRows(read, tableReaders(read));
  clearInterval(watch);
  console.log(`tables: written in ${seconds(began).toFixed(1)} s, at most ${megabytes(resident)} resident`);
  await read.close();
}

try {
  console.log(`Node ${process.version}, ${availableParallelism()} cores`);
  const redis = parts.some(part => part !== 'tables') ? await redisHere() : undefined;
  if (parts.includes('sleep')) {
    const plugin = join(root, 'bench/scale/sleep.js');
    const suite = { plugins: [plugin], explainers: [{ use: 'sleep', options: { ms: 1000 } }], metrics: [] };
    await scaled('sleep', redis, suite, ['--allow-plugin', plugin]);
  }
  if (parts.includes('real')) {
    await scaled('real', redis, {
      explainers: ['grad-cam', { use: 'lime', options: { samples: 100, segments: 20 } }],
      metrics: [
        { use: 'deletion', options: { steps: 20 } },
        { use: 'insertion', options: { steps: 20 } },
      ],
    });
  }
  if (parts.includes('queue')) await throughQueue(redis);
  if (parts.includes('tables')) await bigTables();
} finally {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}
