/**
 * The same work by us and by PyTorch with Captum, lime and Quantus: DenseNet-121 with the same weights (random: speed
 * does not depend on them), the same image, map and counts, one side after the other on as many threads.
 *
 *   pip install -r bench/peers/requirements.txt
 *   npm run build && node bench/peers/run.js --python PATH [--small] [--threads 2]
 *
 * The table has two parts. *Equal counts*: both sides make as many passes as the settings say. *Equal precision*: we
 * make as many as the default precision takes, where the method has one, and half as many samples for LIME, whose orthogonal
 * designs are then as precise as independent samples (docs/precision.md); the others have no such stop, and make what they made
 * before. --small is a third of the counts, some three minutes on two quiet cores. The metrics that Quantus
 * has as well are compared one by one in bench/metrics.js.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { builtinRegistry } from '../../dist/builtin.js';
import { scoreSubject } from '../../dist/conformance/score.js';
import { explainSubject, subjectFor } from '../../dist/conformance/subject.js';
import { isUndefined } from '../../dist/core/contracts/index.js';
import { encodeModel } from '../../dist/engines/onnx/graph/proto.js';
import { onnxEngine } from '../../dist/engines/onnx/index.js';
import { densenet121 } from '../densenet121.js';
import { plainCard } from '../plain-card.js';

const { values } = parseArgs({
  options: {
    python: { type: 'string' },
    small: { type: 'boolean', default: false },
    tiny: { type: 'boolean', default: false },
    threads: { type: 'string', default: String(Math.min(2, availableParallelism())) },
  },
});
const threads = Number(values.threads);
/** Pixels a side; --tiny only shows that everything runs. */
const SIZE = values.tiny ? 64 : 224;
const BASELINE = -0.5;
const PRECISION = 0.005;
/** Goals: how many times as fast as the peers, in all. */
const GOALS = { counts: 2, precision: 3 };
// 98 steps: Quantus takes only numbers of pixels that divide 224².
const settings = {
  ...{ size: SIZE, threads, baseline: BASELINE, cells: SIZE === 224 ? 7 : 4 },
  ...(values.tiny
    ? { integration: 4, window: 16, stride: 16, samples: 24, steps: 16 }
    : values.small
      ? { integration: 16, window: 32, stride: 16, samples: 300, steps: 98 }
      : { integration: 50, window: 16, stride: 8, samples: 1000, steps: 98 }),
};
const { explainers, metrics } = builtinRegistry();
const folder = mkdtempSync(join(tmpdir(), 'ct-xai-peers-'));
try {
  console.log(
    `${cpus()[0]?.model.trim()}, ${threads} threads, load ${loadavg()[0].toFixed(1)}, ${JSON.stringify(settings)}\n`,
  );
  const ours = await measure();
  const theirs = values.python ? peers() : {};
  report(ours, theirs);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Our side; leaves the model, the image, the map and the settings for the other. */
async function measure() {
  const file = join(folder, 'model.onnx');
  writeFileSync(file, encodeModel(densenet121(SIZE, 1, 2)));
  const card = plainCard({ id: 'densenet121', file, classes: 2, size: [SIZE, SIZE], channels: 1 });
  const model = await onnxEngine.open(
    card,
    threads === availableParallelism() ? { device: 'cpu' } : { device: 'cpu', workers: threads, threads: 1 },
  );
  try {
    const subject = subjectFor(model, 1);
    const one = { count: 1, write: (_, out) => out.set(subject.image.data) };
    const logits = [...(await model.scores(one, { as: 'logit' })).data];
    const target = logits[0] > logits[1] ? 0 : 1;
    const saliency = explainers.get('saliency');
    const { result } = await explainSubject({ explainer: saliency, subject, class: target });
    if (isUndefined(result)) throw new Error(result.undefined);
    writeFileSync(join(folder, 'image'), subject.image.data);
    writeFileSync(join(folder, 'attribution'), result.map.data);
    writeFileSync(join(folder, 'settings.json'), JSON.stringify({ ...settings, logits, class: target }));
    const explained = (name, options) => () =>
      explainSubject({ explainer: explainers.get(name), subject, class: target, options });
    const scored = options => () =>
      scoreSubject({ metric: metrics.get('deletion'), subject, attribution: result.map, class: target, options });
    const { integration, window, stride, samples, steps } = settings;
    const tasks = {
      'integrated-gradients': {
        equal: explained('integrated-gradients', { steps: integration, maxSteps: integration }),
      },
      occlusion: { equal: explained('occlusion', { window, stride }) },
      lime: {
        equal: explained('lime', { samples, segments: settings.cells ** 2, design: 'independent' }),
        precise: explained('lime', { samples: samples / 2, segments: settings.cells ** 2 }),
      },
      deletion: {
        equal: scored({ steps, tieFields: 1 }),
        precise: scored({ steps, tieFields: 1, precision: PRECISION }),
      },
    };
    const found = {};
    for (const [name, { equal, precise }] of Object.entries(tasks)) {
      found[name] = { equal: await timed(equal) };
      found[name].precise = precise ? await timed(precise) : found[name].equal;
    }
    return found;
  } finally {
    await model.close();
  }
}

async function timed(work) {
  const start = performance.now();
  const { forward, backward, result } = await work();
  const seconds = (performance.now() - start) / 1000;
  return { passes: forward + backward, seconds, ...(result?.value === undefined ? {} : { value: result.value }) };
}

function peers() {
  const script = fileURLToPath(new URL('peers.py', import.meta.url));
  const { stdout, stderr, status } = spawnSync(values.python, [script, folder], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  if (status !== 0) throw new Error(`${values.python} ${script} ended with ${status}:\n${stderr.slice(-2000)}`);
  return JSON.parse(stdout.trim().split('\n').at(-1));
}

function report(ours, theirs) {
  const lines = [
    ['task', 'ours: passes', 's', 'theirs: passes', 's', 'times as fast', 'at precision: passes', 's', 'times as fast'],
  ];
  const sums = { equal: 0, precise: 0, theirs: 0 };
  for (const [name, { equal, precise }] of Object.entries(ours)) {
    const other = theirs[name];
    const known = other?.seconds !== undefined;
    if (known) {
      sums.equal += equal.seconds;
      sums.precise += precise.seconds;
      sums.theirs += other.seconds;
    }
    lines.push([
      name,
      ...[equal.passes, equal.seconds.toFixed(2)],
      ...(known
        ? [other.passes, other.seconds.toFixed(2), (other.seconds / equal.seconds).toFixed(1)]
        : [other?.why ?? '–', '', '']),
      ...[precise.passes, precise.seconds.toFixed(2), known ? (other.seconds / precise.seconds).toFixed(1) : ''],
    ]);
  }
  const times = of => (sums.theirs > 0 ? sums.theirs / sums[of] : Number.NaN);
  lines.push([
    'sum',
    ...['', sums.equal.toFixed(2), '', sums.theirs.toFixed(2), times('equal').toFixed(1)],
    ...['', sums.precise.toFixed(2), times('precise').toFixed(1)],
  ]);
  for (const [i, cells] of lines.entries()) {
    console.log(`| ${cells.join(' | ')} |`);
    if (i === 0) console.log(`|${'---|'.repeat(cells.length)}`);
  }
  if (sums.theirs === 0) return;
  console.log(
    '\nThe sum is over tasks that both sides have. Passes: images through the network, gradients counted once more.',
  );
  for (const [which, of] of [
    ['counts', 'equal'],
    ['precision', 'precise'],
  ]) {
    const reached = times(of) >= GOALS[which] ? 'reached' : 'missed';
    console.log(`Equal ${which}: ${times(of).toFixed(1)} times as fast; goal ${GOALS[which]}: ${reached}.`);
  }
}
