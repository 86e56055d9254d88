/**
 * How much faster it is to compute only what changed, for occlusion and for patches that are removed one after the
 * other: each whole batch against the same images in pieces that are too small for it, in turn. The processor's time
 * says the same on a busy machine; the clock does not.
 *
 *   npm run build && npm run perf:changes -- [--models vgg11 --models densenet121] [--rounds 3] [--passes 1000]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createRng } from '../dist/core/rng.js';
import { onnxEngine } from '../dist/engines/onnx/index.js';
import { cardOf } from './densenet121.js';

const { values } = parseArgs({
  options: {
    models: { type: 'string', multiple: true, default: ['vgg11', 'densenet121', 'phantom-cnn', 'phantom-densenet'] },
    rounds: { type: 'string', default: '3' },
    passes: { type: 'string', default: '1000' },
  },
});
const folder = mkdtempSync(join(tmpdir(), 'ct-xai-perf-'));
try {
  for (const name of values.models) await measure(name);
} finally {
  rmSync(folder, { recursive: true });
}

async function measure(name) {
  const model = await onnxEngine.open(await cardOf(name, folder), { device: 'cpu' });
  try {
    const [height, width] = model.input.spatial;
    const { channels } = model.input;
    const rng = createRng('changes');
    const image = Float32Array.from({ length: height * width * channels }, () => rng.next());
    const { workers, threads, microBatch } = model.runtime;
    console.log(
      `\n${name}: ${workers} × ${threads} threads, micro-batch ${microBatch}, load ${loadavg()[0].toFixed(1)}`,
    );
    const square = (data, top, left, side) => {
      for (let y = top; y < Math.min(height, top + side); y++) {
        data.fill(0, (y * width + left) * channels, (y * width + Math.min(width, left + side)) * channels);
      }
    };
    const corners = step => {
      const along = length =>
        Array.from({ length: Math.ceil((length - 16) / step) + 1 }, (_, i) => Math.min(i * step, length - 16));
      return along(height).flatMap(y => along(width).map(x => [y, x]));
    };
    const windows = corners(8);
    const patches = rng.shuffle(corners(16));
    const batches = {
      'occlusion 16/8': {
        count: Math.min(Number(values.passes), windows.length + 1),
        write(i, out) {
          out.set(image);
          if (i > 0) square(out, ...windows[i - 1], 16);
        },
      },
      'deletion by patches of 16': {
        count: Math.min(Number(values.passes), patches.length + 1),
        write(i, out) {
          out.set(image);
          for (const [y, x] of patches.slice(0, i)) square(out, y, x, 16);
        },
      },
    };
    for (const [what, batch] of Object.entries(batches)) await compare(model, what, batch);
  } finally {
    await model.close();
  }
}

async function compare(model, what, batch) {
  const raw = { as: 'logit' };
  const together = async () => (await model.scores(batch, raw)).data;
  const apart = async () => {
    const all = [];
    for (let from = 0; from < batch.count; from += 64) {
      const count = Math.min(64, batch.count - from);
      all.push(...(await model.scores({ count, write: (i, out) => batch.write(from + i, out) }, raw)).data);
    }
    return all;
  };
  const clock = async run => {
    const [start, used] = [performance.now(), process.cpuUsage()];
    const result = await run();
    const { user, system } = process.cpuUsage(used);
    return { result, ms: (performance.now() - start) / batch.count, cpu: (user + system) / 1000 / batch.count };
  };
  const first = await clock(together);
  const rounds = [];
  let error = 0;
  for (let round = 0; round < Number(values.rounds); round++) {
    const [full, less] = [await clock(apart), await clock(together)];
    rounds.push({ full: full.ms, less: less.ms, faster: full.ms / less.ms, saved: full.cpu / less.cpu });
    const largest = full.result.reduce((most, v) => Math.max(most, Math.abs(v)), 1);
    error = Math.max(error, ...full.result.map((v, i) => Math.abs(v - less.result[i]) / largest));
  }
  const middle = key => rounds.map(r => r[key]).sort((p, q) => p - q)[rounds.length >> 1];
  console.log(
    `${what.padEnd(26)} ${batch.count} passes: full ${middle('full').toFixed(1)} ms, only what changed ` +
      `${middle('less').toFixed(1)} ms: ${middle('faster').toFixed(2)} times as fast (processor's time ` +
      `${middle('saved').toFixed(2)} times less), largest difference ${error.toExponential(1)}; the first time ` +
      `${((first.ms * batch.count) / 1000).toFixed(1)} s`,
  );
}
