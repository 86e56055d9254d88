/**
 * Time and passes of the twelve metrics that Quantus has as well: the same ONNX file, images, maps and settings on both
 * sides, one side after the other on as many threads.
 *
 *   npm run build && npm run perf:metrics -- --python PATH [--models phantom-cnn densenet121] [--images 2] [--small]
 *
 * PATH is a Python with quantus 0.6, torch and onnx. --small takes one image and a third of the perturbations, and is
 * done within six minutes on two cores. Without --python only our side is measured. Times are in seconds for all images;
 * every metric runs alone, and then all twelve together, as in a run, where equal passes are done once.
 *
 * --clock cpu counts processor time instead of the time that passes, for a machine that does other work as well; take
 * --threads 1 with it, since threads that wait for each other spend processor time too.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { builtinRegistry } from '../dist/builtin.js';
import { rememberingMemo, scoreSubject } from '../dist/conformance/score.js';
import { explainSubject, subjectFor } from '../dist/conformance/subject.js';
import { isUndefined } from '../dist/core/contracts/index.js';
import { fingerprint } from '../dist/core/fingerprint.js';
import { onnxEngine } from '../dist/engines/onnx/index.js';
import { forEachConcurrently } from '../dist/runners/concurrently.js';
import { cardOf } from './densenet121.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    python: { type: 'string' },
    models: { type: 'string', multiple: true, default: ['phantom-cnn', 'densenet121'] },
    images: { type: 'string' },
    threads: { type: 'string', default: String(Math.min(2, availableParallelism())) },
    clock: { type: 'string', default: 'wall' },
    small: { type: 'boolean', default: false },
  },
});
const images = Number(values.images ?? (values.small ? 1 : 2));
const threads = Number(values.threads);
if (!['wall', 'cpu'].includes(values.clock)) throw new Error(`--clock is '${values.clock}'; it is wall or cpu.`);
const { explainers, metrics } = builtinRegistry();
const saliency = explainers.get('saliency');
/** What is asked for at most, so that the ratio of times is that of equal work. */
const settings = values.small
  ? { steps: 32, regions: 32, segments: 100, subsets: 32, draws: 2, repeats: 1, copies: 4 }
  : { steps: 100, regions: 100, segments: 100, subsets: 100, draws: 5, repeats: 2, copies: 10 };
/** Patches a side, where patches are removed. */
const GRID = 8;
/** How many times as fast the sum is to be. */
const GOALS = { 'phantom-cnn': 10, densenet121: 2.5 };

const folder = mkdtempSync(join(tmpdir(), 'ct-xai-perf-'));
try {
  const how = `${threads} thread(s), ${values.clock} clock, ${images} image(s)`;
  console.log(`${cpus()[0]?.model.trim()}, ${how}, ${JSON.stringify(settings)}`);
  for (const name of [...values.models, ...positionals]) await compare(name);
} finally {
  rmSync(folder, { recursive: true });
}

async function compare(name) {
  const ours = await measured(name);
  const theirs = values.python ? quantus(name) : undefined;
  console.log(`\n${name}, load ${loadavg()[0].toFixed(1)}`);
  show(['metric', 'passes', 's', ...(theirs ? ['Quantus passes', 's', 'times as fast'] : [])]);
  for (const [metric, { passes, seconds }] of Object.entries(ours.alone)) {
    const other = theirs?.[metric];
    show([metric, passes, seconds.toFixed(2), ...(other ? beside(other, seconds) : [])]);
  }
  const sums = { alone: sumOf(ours.alone), theirs: theirs && sumOf(theirs) };
  show([
    'sum',
    sums.alone.passes,
    sums.alone.seconds.toFixed(2),
    ...(theirs ? beside(sums.theirs, sums.alone.seconds) : []),
  ]);
  const { passes, seconds } = ours.together;
  show(['together', passes, seconds.toFixed(2), ...(theirs ? beside(sums.theirs, seconds) : [])]);
  if (theirs && GOALS[name]) {
    const ratio = sums.theirs.seconds / seconds;
    console.log(`goal ${GOALS[name]}: ${ratio >= GOALS[name] ? 'reached' : 'missed'} (${ratio.toFixed(1)} together)`);
  }
}

function beside({ passes, seconds }, own) {
  return [passes, seconds.toFixed(2), (seconds / own).toFixed(1)];
}

function sumOf(sides) {
  const all = Object.values(sides);
  return { passes: all.reduce((n, s) => n + s.passes, 0), seconds: all.reduce((n, s) => n + s.seconds, 0) };
}

function show(cells) {
  console.log(
    cells
      .map((cell, c) => String(cell).padEnd([26, 9, 9, 16, 9][c] ?? 0))
      .join('')
      .trimEnd(),
  );
}

/** Our side; leaves the model, images, maps and settings where the other side reads them. */
async function measured(name) {
  const card = await cardOf(name, folder);
  // As a run has it: workers of one thread, as many as the other side has threads.
  const model = await onnxEngine.open(card, { device: 'cpu', workers: threads, threads: 1 });
  try {
    const subjects = await Promise.all(Array.from({ length: images }, (_, i) => prepared(model, i)));
    const [height] = model.input.spatial;
    const patch = height / GRID;
    writeFileSync(
      join(folder, `${name}.json`),
      JSON.stringify({
        ...settings,
        file: card.file,
        size: height,
        patch,
        pixelsPerStep: pixelsPerStep(height),
        threads,
        clock: values.clock,
        classes: subjects.map(s => s.class),
      }),
    );
    for (const what of ['image', 'attribution']) {
      const all = subjects.flatMap(s => [...(what === 'image' ? s.subject.image : s.attribution).data]);
      writeFileSync(join(folder, `${name}.${what}`), Float32Array.from(all));
    }
    const wanted = optionsFor(height, patch);
    // What is compiled at first use counts on neither side.
    await score(subjects.slice(0, 1), { deletion: { steps: 2 } }, {});
    await score(subjects.slice(0, 1), { 'max-sensitivity': { draws: 1 } }, {});
    const alone = {};
    for (const [metric, options] of Object.entries(wanted)) {
      alone[metric] = await timed(() => score(subjects, { [metric]: options }, {}));
    }
    const together = await timed(() => score(subjects, wanted, { sharing: true }));
    return { alone, together };
  } finally {
    await model.close();
  }
}

async function prepared(model, i) {
  const subject = subjectFor(model, i + 1);
  const { data } = await model.scores({ count: 1, write: (_, out) => out.set(subject.image.data) }, { as: 'logit' });
  const predicted = data.indexOf(Math.max(...data));
  const { result } = await explainSubject({ explainer: saliency, subject, class: predicted });
  if (isUndefined(result)) throw new Error(`no map of image ${i}: ${result.undefined}`);
  return { subject, class: predicted, attribution: result.map };
}

/** At most `steps` equal steps: Quantus takes only numbers of pixels that divide the image. */
function pixelsPerStep(size) {
  const pixels = size * size;
  let step = Math.ceil(pixels / settings.steps);
  while (pixels % step !== 0) step++;
  return step;
}

/** The twelve, as Quantus is asked for them in metrics.py. */
function optionsFor(size, patch) {
  const { regions, segments, subsets, draws, repeats, copies } = settings;
  const patches = { patchPixels: patch, score: 'logit' };
  const noise = { noise: 'uniform', radius: 0.02, draws: copies };
  return {
    deletion: { pixelsPerStep: pixelsPerStep(size), tieFields: 1 },
    aopc: { regions, side: 8, fill: 'baseline', score: 'probability' },
    irof: { segments },
    road: { noise: 0.01 },
    'faithfulness-correlation': { ...patches, subsets },
    'faithfulness-estimate': patches,
    monotonicity: patches,
    'monotonicity-correlation': { ...patches, draws },
    infidelity: { ...patches, shares: [0.5], subsets: GRID * GRID * repeats },
    'max-sensitivity': noise,
    'avg-sensitivity': noise,
    'local-lipschitz': noise,
  };
}

/** Passes of all images; a backward pass counts as one. As many images as a run has under way are scored at a time. */
async function score(subjects, wanted, { sharing = false }) {
  let passes = 0;
  await forEachConcurrently(subjects, Math.max(2, threads), async ({ subject, attribution, class: target }) => {
    const memos = sharing ? { memo: rememberingMemo(), mapMemo: rememberingMemo() } : {};
    const explainer = sharing ? remembering(saliency) : saliency;
    for (const [name, options] of Object.entries(wanted)) {
      const request = { metric: metrics.get(name), subject, attribution, mask: attribution, class: target, options };
      const { result, forward, backward, explanations } = await scoreSubject({
        ...request,
        ...memos,
        explainer,
        kind: 'additive',
      });
      if (isUndefined(result)) console.log(`  ${name} is undefined: ${result.undefined}`);
      passes += forward + backward + explanations.forward + explanations.backward;
    }
  });
  return passes;
}

/** A run explains an image once for all metrics. */
function remembering(explainer) {
  const known = new Map();
  return {
    ...explainer,
    explain(context) {
      const key = fingerprint(context.image);
      if (!known.has(key)) known.set(key, explainer.explain(context));
      return known.get(key);
    },
  };
}

async function timed(work) {
  const start = now();
  const passes = await work();
  return { passes, seconds: now() - start };
}

function now() {
  const { user, system } = process.cpuUsage();
  return values.clock === 'cpu' ? (user + system) / 1e6 : performance.now() / 1000;
}

function quantus(name) {
  const script = fileURLToPath(new URL('metrics.py', import.meta.url));
  const { status, stdout, stderr } = spawnSync(values.python, [script, join(folder, name)], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`Quantus' side failed:\n${stderr.slice(-2000)}`);
  return JSON.parse(stdout.slice(stdout.indexOf('{')));
}
