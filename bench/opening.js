/**
 * What opening a model costs, as ratios to plain ONNX Runtime: time, processor time and the most memory (peak RSS). Each
 * side runs in a process of its own; the sides take turns, so that a busy machine slows them alike, and the medians are
 * compared. Plain: the session is created and runs one image. Here: the model is opened for the first time, with all its
 * measurements; opened again, when they and the settings are remembered; and its first gradient.
 *
 *   npm run build && npm run perf:opening -- FILE.onnx … [--rounds 3] [--size 224 --channels 3 --classes 1000] [--json]
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { onnxEngine } from '../dist/engines/onnx/index.js';
import { plainCard } from './plain-card.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    side: { type: 'string' },
    cache: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    size: { type: 'string', default: '224' },
    channels: { type: 'string', default: '3' },
    classes: { type: 'string', default: '1000' },
    json: { type: 'boolean', default: false },
  },
});
const [size, channels, classes] = [values.size, values.channels, values.classes].map(Number);
const SIDES = ['plain', 'first', 'again', 'gradient'];

if (values.side) {
  console.log(JSON.stringify(await side(values.side, positionals[0])));
  // The model's threads are still there.
  process.exit();
}
compare();

/** One side, in this process. */
async function side(name, file) {
  const start = performance.now();
  await (name === 'plain' ? plain(file) : opened(name, file));
  const { user, system } = process.cpuUsage();
  const seconds = (performance.now() - start) / 1000;
  return { seconds, processor: (user + system) / 1e6, megabytes: process.resourceUsage().maxRSS / 1024 };
}

async function plain(file) {
  const session = await InferenceSession.create(file, { logSeverityLevel: 3 });
  const image = new Tensor('float32', new Float32Array(channels * size * size), [1, channels, size, size]);
  await session.run({ [session.inputNames[0]]: image });
}

async function opened(name, file) {
  const card = plainCard({ id: 'opening', file, classes, size: [size, size], channels });
  const model = await onnxEngine.open(card, { device: 'cpu', cacheDir: values.cache });
  const image = { count: 1, write: (_, out) => out.fill(0.3) };
  if (name === 'gradient') await model.gradients(image, { class: 0, score: 'logit' }, () => undefined);
  else await model.score(image, { class: 0, score: 'logit' });
}

function compare() {
  const results = positionals.map(file => {
    const runs = Object.fromEntries(SIDES.map(name => [name, []]));
    for (let round = 0; round < Number(values.rounds); round++) {
      const cache = mkdtempSync(join(tmpdir(), 'ct-xai-opening-'));
      try {
        for (const name of SIDES) runs[name].push(inProcess(name, file, cache));
      } finally {
        rmSync(cache, { recursive: true });
      }
    }
    const medians = Object.fromEntries(SIDES.map(name => [name, medianOf(runs[name])]));
    return { file: basename(file), megabytes: statSync(file).size / 1e6, ...medians };
  });
  if (values.json)
    console.log(JSON.stringify({ threads: availableParallelism(), load: loadavg()[0], results }, null, 1));
  else for (const result of results) print(result);
}

function inProcess(name, file, cache) {
  const own = ['--side', name, '--cache', cache, '--size', `${size}`, '--channels', `${channels}`];
  const args = [fileURLToPath(import.meta.url), ...own, '--classes', `${classes}`, file];
  return JSON.parse(execFileSync(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] }).toString());
}

function medianOf(runs) {
  const middle = key => runs.map(r => r[key]).sort((a, b) => a - b)[Math.floor(runs.length / 2)];
  return { seconds: middle('seconds'), processor: middle('processor'), megabytes: middle('megabytes') };
}

function print({ file, megabytes, plain, ...others }) {
  const shown = ({ seconds, processor, megabytes }) =>
    `${seconds.toFixed(1)} s, processor ${processor.toFixed(1)} s, ${megabytes.toFixed(0)} MB`;
  console.log(`${file} (${megabytes.toFixed(0)} MB), load ${loadavg()[0].toFixed(1)}\n  plain      ${shown(plain)}`);
  for (const [name, found] of Object.entries(others)) {
    const ratio = key => `${(found[key] / plain[key]).toFixed(1)}×`;
    console.log(
      `  ${name.padEnd(10)} ${shown(found)}: ${ratio('seconds')}, ${ratio('processor')}, ${ratio('megabytes')} memory`,
    );
  }
}
