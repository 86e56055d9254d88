/**
 * The studies that configs/studies/detection-limit.yaml and reliance.yaml announce: trains classifiers with a shortcut of
 * stated strength, measures how much each relies on it, and, where the study names explainers, how well their maps tell it.
 *
 *   npm run build && node tools/studies/detection-limit.js STUDY.yaml FOLDER
 *
 * A model that is trained and measured is not done again. Writes models/, models.csv, detection-limit.csv (with explainers)
 * and detection-limit.md into the folder, and prints the tables.
 */
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';
import { builtinRegistry } from '../../dist/builtin.js';
import { trainModelCommand } from '../../dist/cli/train/train-model.js';
import { readCard } from '../../dist/config/card.js';
import { imageBatch } from '../../dist/core/batch.js';
import { isUndefined } from '../../dist/core/contracts/index.js';
import { jsonDigest } from '../../dist/core/digest.js';
import { distanceTo } from '../../dist/core/image/distance.js';
import { lungMask } from '../../dist/core/image/lungs.js';
import { createRng } from '../../dist/core/rng.js';
import { detection, detectionLimit, relianceOf } from '../../dist/core/statistics/detection-limit.js';
import { phantom } from '../../dist/data/readers/phantom.js';
import { loadImage } from '../../dist/jobs/loaded-image.js';

const [file, folder] = process.argv.slice(2);
if (!file || !folder) {
  console.error('Name the study and the folder: node tools/studies/detection-limit.js STUDY.yaml FOLDER');
  process.exit(2);
}
const study = parse(await readFile(file, 'utf8'));
const { size } = study.training;
const registry = builtinRegistry();
const engine = registry.engines.get('onnx');
const signal = new AbortController().signal;
const { confounders = ['letter'], explainers = [] } = study;
const REGION_HU = 10;
const LUNG_MARGIN_MM = 10;

/** Patients with the confounder in every image: agreement 1 puts it into positives alone, and 0 into negatives alone. */
async function heldOut(confounder) {
  const found = [];
  for (const agreement of [1, 0]) {
    const own = { [confounder]: agreement };
    const given = { seed: 'detection-limit', split: 'test', patients: study.patients, slices: 1, size, ...own };
    const data = await phantom.open(phantom.options.parse(given), { base: '.' });
    for await (const sample of data.samples()) {
      const factor = sample.factors.find(f => f.name === confounder);
      if (!factor) continue;
      if (factor.local === false && explainers.length > 0) {
        throw new Error(
          `${file}: ${confounder} is everywhere in the image, so that no map can show it. Leave explainers out.`,
        );
      }
      found.push(sample);
    }
  }
  return found;
}
const samplesOf = new Map();
for (const confounder of confounders) samplesOf.set(confounder, await heldOut(confounder));

function loader(sample, card) {
  const load = variant =>
    loadImage(sample, {
      ...{ card, baselines: registry.baselines, variant, signal, rng: createRng('baselines').fork(sample.id) },
      variantOf: async () => undefined,
      trainingImages: async () => [],
    });
  return load;
}

/** Pixels of the confounder, and pixels farther than the margin from the lungs. */
function regionsOf(whole, clean) {
  const { raw, spacing } = whole.prepared;
  const found = raw.data.map((v, p) => (Math.abs(v - clean.prepared.raw.data[p]) > REGION_HU ? 1 : 0));
  const lungs = lungMask(clean.prepared.raw, spacing);
  const far = distanceTo(lungs, spacing).map(d => (d > LUNG_MARGIN_MM ? 1 : 0));
  return { confounder: found, outside: far };
}

const sum = values => values.reduce((a, b) => a + b, 0);
const mean = values => sum(values) / values.length;

/** Positive part of the map in a region. */
function shareIn(map, region) {
  let [inside, all] = [0, 0];
  map.data.forEach((v, p) => {
    if (v <= 0) return;
    all += v;
    if (region[p]) inside += v;
  });
  return all > 0 ? inside / all : null;
}

async function explained(method, model, image, sample) {
  const explainer = registry.explainers.get(method.use);
  const context = {
    ...{ model, target: { class: 1 }, signal, memo: (_, compute) => compute(), trainingImages: async () => [] },
    ...{ image: image.image, view: image.view, spacing: image.spacing, windowRange: image.windowRange },
    baseline: (await image.baseline(method.baseline)).image,
    options: explainer.options.parse(method.options ?? {}),
    rng: createRng(method.use).fork(model.id, sample.id),
  };
  return explainer.explain(context);
}

/** How much one trained model relies on a confounder, and what its maps show. */
async function measured(dir, confounder) {
  const card = await readCard(dir);
  const model = await engine.open(card, { device: 'cpu', threads: 1, workers: 1, microBatch: 16 });
  try {
    const margin = async image => {
      const { data } = await model.scores(imageBatch(image.image), { as: 'logit' });
      return data[1] - data[0];
    };
    const [whole, clean] = [[], []];
    const shown = Object.fromEntries(explainers.map(e => [e.use, { known: [], blind: [] }]));
    for (const sample of samplesOf.get(confounder)) {
      const load = loader(sample, card);
      const [image, bare] = [await load(undefined), await load(`without:${confounder}`)];
      clean.push(await margin(bare));
      whole.push(await margin(image));
      if (sample.label !== card.classes[1] || explainers.length === 0) continue;
      const regions = regionsOf(image, bare);
      for (const method of explainers) {
        const of = shown[method.use];
        if (of.failed) continue;
        const made = await explained(method, model, image, sample).catch(error => {
          if (error.code !== 'OPERATOR') throw error;
          of.failed = error.message;
        });
        if (!made) continue;
        const known = isUndefined(made) ? null : shareIn(made.map, regions.confounder);
        // A map without a positive part shows nothing: as much as chance would.
        of.known.push(known === null ? 0 : known - mean(regions.confounder));
        of.blind.push(known === null ? mean(regions.outside) : shareIn(made.map, regions.outside));
      }
    }
    return { reliance: relianceOf(whole, clean), shown, auc: card.performance?.auc };
  } finally {
    await model.close();
  }
}

function trainingOf(confounder, agreement, seed, out) {
  const { 'val-patients': valPatients, ...own } = study.training;
  return {
    ...{ data: 'phantom', dataOption: [`size=${size}`], plugin: [], normalise: 'none', redraw: false, slices: 2 },
    ...{ testPatients: valPatients, valPatients, confounder, agreement, optimiser: 'adamw' },
    ...{ smoothing: 0.05, augment: 'none', averaging: 0.9, classWeights: true, patience: 10, smooth: 3 },
    ...{ further: [], fresh: false, seed, out },
    ...own,
  };
}

const digest = jsonDigest([study.training, study.patients, explainers]);
const models = [];

async function trained(confounder, agreement, seed) {
  const dir = resolve(folder, 'models', `${confounder}-agreement-${agreement}-seed-${seed}`);
  const path = join(dir, 'measured.json');
  await mkdir(dir, { recursive: true });
  let held = existsSync(path) ? JSON.parse(await readFile(path, 'utf8')) : undefined;
  if (held?.digest !== digest) {
    await trainModelCommand(trainingOf(confounder, agreement, `${seed}`, dir));
    held = { digest, confounder, agreement, seed, ...(await measured(dir, confounder)) };
    await writeFile(path, JSON.stringify(held));
  }
  models.push(held);
  console.error(`${confounder}, agreement ${agreement}, seed ${seed}: reliance ${held.reliance.toFixed(3)}`);
}

// In turns, so that a study that is cut short has models of all agreements.
const turns = Math.max(...Object.values(study.models));
for (let k = 0; k < turns; k++) {
  for (const confounder of confounders) {
    for (const [agreement, count] of Object.entries(study.models)) {
      if (k < count) await trained(confounder, Number(agreement), k + 1);
    }
  }
}

const rows = models.map(m => [m.confounder, m.agreement, m.seed, m.reliance, m.auc ?? '']);
await writeFile(
  join(folder, 'models.csv'),
  `${[['confounder', 'agreement', 'seed', 'reliance', 'auc'], ...rows].map(r => r.join(',')).join('\n')}\n`,
);

const two = v => v.toFixed(2);
const agreements = Object.keys(study.models)
  .map(Number)
  .sort((a, b) => a - b);
const relied = confounders.flatMap(confounder =>
  agreements.map(a => {
    const of = models.filter(m => m.agreement === a && m.confounder === confounder);
    const sorted = of.map(m => m.reliance).sort((x, y) => x - y);
    const numbers = [mean(of.map(m => m.auc)), mean(sorted), sorted[0], sorted.at(-1)];
    return [confounder, String(a), String(sorted.length), ...numbers.map(two)];
  }),
);
const shown = ['confounder', 'explainer', 'knowing', 'models', ...agreements.map(a => `AUC at ${a}`), 'limit'];
const table = [shown];
for (const confounder of confounders) {
  const of = agreement => models.filter(m => m.agreement === agreement && m.confounder === confounder);
  for (const [{ use }, knowing] of explainers.flatMap(e => [
    [e, 'known'],
    [e, 'blind'],
  ])) {
    const as = m => ({ reliance: m.reliance, shown: m.shown[use][knowing] });
    const explainedOf = list => list.filter(m => !m.shown[use].failed);
    const reference = explainedOf(of(0.5)).map(as);
    const rng = createRng(`detection ${confounder} ${use} ${knowing}`);
    const cells = agreements.map(a => {
      // Each against the others is one half, by symmetry.
      const { auc, low } = detection(explainedOf(of(a)).map(as), reference, rng.fork(a));
      return a === 0.5 ? two(auc) : `${two(auc)} (from ${two(low)})`;
    });
    const { limit } = detectionLimit(
      agreements.flatMap(a => (a === 0.5 ? [] : explainedOf(of(a)))).map(as),
      reference,
      rng,
    );
    const counted = String(agreements.flatMap(a => explainedOf(of(a))).length);
    table.push([confounder, use, knowing, counted, ...cells, limit === null ? 'none' : two(limit)]);
  }
}
const line = cells => `| ${cells.join(' | ')} |`;
const markdown = ([head, ...body]) => [line(head), line(head.map(() => '---')), ...body.map(line)].join('\n');
const head = ['confounder', 'agreement', 'models', 'AUC on test images', 'reliance, mean', 'least', 'most'];
const tables = [[head, ...relied], ...(explainers.length > 0 ? [table] : [])];
const page = `${tables.map(markdown).join('\n\n')}\n`;
if (explainers.length > 0) {
  await writeFile(join(folder, 'detection-limit.csv'), `${table.map(r => r.join(',')).join('\n')}\n`);
}
await writeFile(join(folder, 'detection-limit.md'), page);
console.log(page);
