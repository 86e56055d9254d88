/**
 * Speed as ratios, all sides measured in turn in one process, so that a busy machine slows them alike:
 * the harness over a raw `session.run`, and gradients over forward passes.
 *
 *   npm run build && npm run perf -- [--model FILE --size 224 --channels 1 --classes 2] [--rounds 9] [--images 8]
 *
 * Without --model it measures DenseNet-121 with random weights (speed does not depend on them).
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { encodeModel } from '../dist/engines/onnx/graph/proto.js';
import { onnxEngine } from '../dist/engines/onnx/index.js';
import { densenet121 } from './densenet121.js';
import { plainCard } from './plain-card.js';

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: process.env.CT_XAI_PERF_MODEL ?? '' },
    size: { type: 'string', default: '224' },
    channels: { type: 'string', default: '1' },
    classes: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '9' },
    images: { type: 'string', default: '8' },
    workers: { type: 'string' },
    threads: { type: 'string' },
    'micro-batch': { type: 'string' },
  },
});
const [size, channels, classes, rounds, images] = ['size', 'channels', 'classes', 'rounds', 'images'].map(k =>
  Number(values[k]),
);

const folder = mkdtempSync(join(tmpdir(), 'ct-xai-perf-'));
try {
  const file = values.model || join(folder, 'densenet121.onnx');
  if (!values.model) writeFileSync(file, encodeModel(densenet121(size, channels, classes)));
  await measure(file);
} finally {
  rmSync(folder, { recursive: true });
}

async function measure(file) {
  const card = plainCard({ id: 'perf', file, classes, size: [size, size], channels });
  const given = { workers: values.workers, threads: values.threads, microBatch: values['micro-batch'] };
  const wishes = Object.fromEntries(Object.entries(given).flatMap(([k, v]) => (v ? [[k, Number(v)]] : [])));
  const tuned = await onnxEngine.open(card, { device: 'auto', ...wishes });
  // The overhead alone: one worker with as many threads as the raw session, an image at a time.
  const plain = await onnxEngine.open(card, { device: 'auto', workers: 1, threads: 1, microBatch: 1 });
  const bytes = readFileSync(file);
  const raw = await InferenceSession.create(bytes, { intraOpNumThreads: 1 });
  const wide = await InferenceSession.create(bytes);
  try {
    const pixels = Float32Array.from({ length: size * size * channels }, (_, i) => 0.5 + 0.5 * Math.sin(i * 0.7));
    const batch = { count: images, write: (_i, out) => out.set(pixels) };
    const target = { class: 0, score: 'logit' };
    const input = raw.inputNames[0];
    const alone = async session => {
      for (let i = 0; i < images; i++) {
        await session.run({ [input]: new Tensor('float32', pixels, [1, channels, size, size]) });
      }
    };
    const sides = {
      raw: () => alone(raw),
      wide: () => alone(wide),
      plain: () => plain.scores(batch, { as: 'logit' }),
      forward: () => tuned.scores(batch, { as: 'logit' }),
      gradient: () => tuned.gradients(batch, target, () => undefined),
      layer: () => tuned.layer(batch, target, undefined),
    };
    const times = Object.fromEntries(Object.keys(sides).map(name => [name, []]));
    // Sessions are opened, and gradients tuned, before anything counts.
    for (const run of Object.values(sides)) await run();
    for (let round = 0; round < rounds; round++) {
      for (const [name, run] of Object.entries(sides)) times[name].push(await timed(run));
    }
    report(times, tuned.runtime, file);
  } finally {
    await raw.release();
    await wide.release();
    await tuned.close();
    await plain.close();
  }
}

/** Wall and processor milliseconds per image. */
async function timed(run) {
  const [start, used] = [performance.now(), process.cpuUsage()];
  await run();
  const { user, system } = process.cpuUsage(used);
  return { wall: (performance.now() - start) / images, cpu: (user + system) / 1000 / images };
}

function report(times, runtime, file) {
  const { workers, threads, microBatch, engineVersion } = runtime;
  console.log(`${values.model ? file : 'DenseNet-121, random weights'}, ${size}² × ${channels}`);
  console.log(
    `${cpus()[0]?.model.trim()}, ${availableParallelism()} cores, load ${loadavg()[0].toFixed(1)}, Node ${process.version}`,
  );
  console.log(`ONNX Runtime ${engineVersion}: ${workers} workers × ${threads} threads, micro-batch ${microBatch}\n`);
  for (const [name, list] of Object.entries(times)) {
    const q = p =>
      quantile(
        list.map(t => t.wall),
        p,
      )
        .toFixed(1)
        .padStart(8);
    console.log(
      `${name.padEnd(9)}${q(0)} fastest ${q(0.5)} median ms per image   (n = ${list.length} × ${images} images)`,
    );
  }
  console.log('\nratio                                 median  fastest      cpu   bound');
  ratio('harness / session.run, one thread', times.plain, times.raw, 1.05);
  ratio('harness / session.run, defaults', times.forward, times.wide, 1.05);
  ratio('input gradient / forward', times.gradient, times.forward, 3);
  ratio('layer gradient / forward', times.layer, times.forward, 1.2);
}

/** Of medians over pairs of a round, of the fastest rounds, and of processor time. */
function ratio(name, over, under, bound) {
  const median = quantile(
    over.map((t, i) => t.wall / under[i].wall),
    0.5,
  );
  const fastest = Math.min(...over.map(t => t.wall)) / Math.min(...under.map(t => t.wall));
  const cpu = quantile(
    over.map((t, i) => t.cpu / under[i].cpu),
    0.5,
  );
  const numbers = [median, fastest, cpu].map(v => v.toFixed(2).padStart(9)).join('');
  console.log(`${name.padEnd(34)}${numbers}   ≤ ${bound}${median <= bound ? '' : '  over'}`);
}

function quantile(list, p) {
  const sorted = [...list].sort((a, b) => a - b);
  const at = (sorted.length - 1) * p;
  const low = Math.floor(at);
  return sorted[low] + (at - low) * ((sorted[low + 1] ?? sorted[low]) - sorted[low]);
}
