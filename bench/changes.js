/**
 * How much faster it is to compute only what changed, for occlusion, for patches that are removed one after the other,
 * and for segments of a slice of the phantom that are removed alone (segment-ablation) or one after the other (irof): each
 * whole batch against the same images in pieces that are too small for it, in turn. The processor's time says the same on
 * a busy machine; the clock does not.
 *
 *   npm run build && npm run perf:changes -- [--models vgg11 --models densenet121] [--rounds 3] [--passes 1000] [--device webgpu]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { segmentPixels } from '../dist/core/image/segmentation.js';
import { slic } from '../dist/core/image/slic.js';
import { sequenceOf } from '../dist/core/perturbation/path.js';
import { removalPath } from '../dist/core/perturbation/removal.js';
import { createRng } from '../dist/core/rng.js';
import { tensor } from '../dist/core/tensor.js';
import { phantom } from '../dist/data/readers/phantom.js';
import { onnxEngine } from '../dist/engines/onnx/index.js';
import { switchedBatch } from '../dist/methods/shared/switched.js';
import { cardOf } from './densenet121.js';

const { values } = parseArgs({
  options: {
    models: { type: 'string', multiple: true, default: ['vgg11', 'densenet121', 'phantom-cnn', 'phantom-densenet'] },
    rounds: { type: 'string', default: '3' },
    passes: { type: 'string', default: '1000' },
    device: { type: 'string', default: 'cpu' },
  },
});
/** So few images are always computed whole. */
const PIECE = 7;

const folder = mkdtempSync(join(tmpdir(), 'ct-xai-perf-'));
try {
  for (const name of values.models) await measure(name);
} finally {
  rmSync(folder, { recursive: true });
}

async function measure(name) {
  const model = await onnxEngine.open(await cardOf(name, folder), { device: values.device });
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
      ...segmentBatches(await slice(height), rng),
    };
    for (const [what, batch] of Object.entries(batches)) await compare(model, what, batch);
  } finally {
    await model.close();
  }
}

/** A slice of the phantom in a window of the lung, and air in its place. */
async function slice(size) {
  const data = await phantom.open(phantom.options.parse({ seed: 'bench', patients: 1, slices: 1, size }), {
    base: '.',
  });
  for await (const sample of data.samples()) {
    const { pixels } = (await sample.load()).source;
    const image = tensor(
      [...pixels.shape, 1],
      pixels.data.map(hu => Math.min(1, Math.max(0, (hu + 1350) / 1500))),
    );
    return { image, baseline: tensor(image.shape, new Float32Array(pixels.data.length).fill(350 / 1500)) };
  }
}

/** Segments that are switched off alone, and one after the other. */
function segmentBatches(removal, rng) {
  const alone = options => {
    const segmentation = slic(removal.image, { segments: 50, ...options });
    const { count } = segmentation;
    const design = new Uint8Array((count + 1) * count).fill(1);
    for (let s = 0; s < count; s++) design[(s + 1) * count + s] = 0;
    return switchedBatch(removal, segmentPixels(segmentation), design);
  };
  const segmentation = slic(removal.image, { segments: 300, compactness: 0.1, sigma: 0 });
  const order = rng.shuffle(Uint32Array.from({ length: segmentation.count }, (_, s) => s));
  const { pixels, ends } = sequenceOf(segmentPixels(segmentation), order);
  return {
    'segment-ablation': alone({ compactness: 0.1, sigma: 1 }),
    'segment-ablation, compact': alone({ compactness: 10, sigma: 1 }),
    'irof, 300 segments': removalPath(removal, 'removed', pixels, [...ends.subarray(1)]),
  };
}

async function compare(model, what, batch) {
  const raw = { as: 'logit' };
  const together = async () => (await model.scores(batch, raw)).data;
  const apart = async () => {
    const pieces = Array.from({ length: Math.ceil(batch.count / PIECE) }, async (_, k) => {
      const count = Math.min(PIECE, batch.count - k * PIECE);
      return (await model.scores({ count, write: (i, out) => batch.write(k * PIECE + i, out) }, raw)).data;
    });
    return (await Promise.all(pieces)).flatMap(data => [...data]);
  };
  const clock = async run => {
    const [start, used] = [performance.now(), process.cpuUsage()];
    const result = await run();
    const { user, system } = process.cpuUsage(used);
    return { result, ms: (performance.now() - start) / batch.count, cpu: (user + system) / 1000 / batch.count };
  };
  // Nothing is measured before so many images have come.
  for (let came = 0; came < 48 * model.runtime.workers; came += batch.count) await together();
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
      `${middle('saved').toFixed(2)} times less), largest difference ${error.toExponential(1)}`,
  );
}
