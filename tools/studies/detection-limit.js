/**
 * The study that configs/studies/detection-limit.yaml announces: trains classifiers with a shortcut of stated strength,
 * measures how much each relies on it, and how well the maps of explainers tell it.
 *
 *   npm run build && node tools/studies/detection-limit.js STUDY.yaml FOLDER
 *
 * A model that is trained and measured is not done again. Writes models/, models.csv, detection-limit.csv and
 * detection-limit.md into the folder, and prints the table.
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
const without = 'without:letter';
const REGION_HU = 10;
const LUNG_MARGIN_MM = 10;

/** Patients with the letter in every image: agreement 1 puts it into positives alone, and 0 into negatives alone. */
async function heldOut() {
  const found = [];
  for (const letter of [1, 0]) {
    const given = { seed: 'detection-limit', split: 'test', patients: study.patients, slices: 1, size, letter };
    const data = await phantom.open(phantom.options.parse(given), { base: '.' });
    for await (const sample of data.samples()) {
      if (sample.factors.some(f => f.name === 'letter')) found.push(sample);
    }
  }
  return found;
}
const samples = await heldOut();

function loader(sample, card) {
  const load = variant =>
    loadImage(sample, {
      ...{ card, baselines: registry.baselines, variant, signal, rng: createRng('baselines').fork(sample.id) },
      variantOf: async () => undefined,
      trainingImages: async () => [],
    });
  return load;
}

/** Pixels of the letter, and pixels farther than the margin from the lungs. */
function regionsOf(whole, clean) {
  const { raw, spacing } = whole.prepared;
  const letter = raw.data.map((v, p) => (Math.abs(v - clean.prepared.raw.data[p]) > REGION_HU ? 1 : 0));
  const lungs = lungMask(clean.prepared.raw, spacing);
  const far = distanceTo(lungs, spacing).map(d => (d > LUNG_MARGIN_MM ? 1 : 0));
  return { letter, outside: far };
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

/** What one trained model relies on, and what its maps show. */
async function measured(dir) {
  const card = await readCard(dir);
  const model = await engine.open(card, { device: 'cpu', threads: 1, workers: 1, microBatch: 16 });
  try {
    const margin = async image => {
      const { data } = await model.scores(imageBatch(image.image), { as: 'logit' });
      return data[1] - data[0];
    };
    const [whole, clean] = [[], []];
    const shown = Object.fromEntries(study.explainers.map(e => [e.use, { known: [], blind: [] }]));
    for (const sample of samples) {
      const load = loader(sample, card);
      const [image, bare] = [await load(undefined), await load(without)];
      clean.push(await margin(bare));
      whole.push(await margin(image));
      if (sample.label !== card.classes[1]) continue;
      const { letter, outside } = regionsOf(image, bare);
      for (const method of study.explainers) {
        const of = shown[method.use];
        if (of.failed) continue;
        const made = await explained(method, model, image, sample).catch(error => {
          if (error.code !== 'OPERATOR') throw error;
          of.failed = error.message;
        });
        if (!made) continue;
        const known = isUndefined(made) ? null : shareIn(made.map, letter);
        // A map without a positive part shows nothing: as much as chance would.
        of.known.push(known === null ? 0 : known - mean(letter));
        of.blind.push(known === null ? mean(outside) : shareIn(made.map, outside));
      }
    }
    return { reliance: relianceOf(whole, clean), shown, auc: card.performance?.auc };
  } finally {
    await model.close();
  }
}

function trainingOf(agreement, seed, out) {
  const { 'val-patients': valPatients, ...own } = study.training;
  return {
    ...{ data: 'phantom', dataOption: [`size=${size}`], plugin: [], normalise: 'none', redraw: false, slices: 2 },
    ...{ testPatients: valPatients, valPatients, confounder: 'letter', agreement, optimiser: 'adamw' },
    ...{ smoothing: 0.05, augment: 'none', averaging: 0.9, classWeights: true, patience: 10, smooth: 3 },
    ...{ further: [], fresh: false, seed, out },
    ...own,
  };
}

const digest = jsonDigest([study.training, study.patients, study.explainers]);
const models = [];
// In turns, so that a study that is cut short has models of all agreements.
const turns = Math.max(...Object.values(study.models));
for (let k = 0; k < turns; k++) {
  for (const [agreement, count] of Object.entries(study.models)) {
    if (k >= count) continue;
    const dir = resolve(folder, 'models', `agreement-${agreement}-seed-${k + 1}`);
    const path = join(dir, 'measured.json');
    await mkdir(dir, { recursive: true });
    let held = existsSync(path) ? JSON.parse(await readFile(path, 'utf8')) : undefined;
    if (held?.digest !== digest) {
      await trainModelCommand(trainingOf(Number(agreement), `${k + 1}`, dir));
      held = { digest, agreement: Number(agreement), seed: k + 1, ...(await measured(dir)) };
      await writeFile(path, JSON.stringify(held));
    }
    models.push(held);
    console.error(`agreement ${agreement}, seed ${k + 1}: reliance ${held.reliance.toFixed(3)}`);
  }
}

const rows = models.map(m => [m.agreement, m.seed, m.reliance, m.auc ?? '']);
await writeFile(
  join(folder, 'models.csv'),
  `${[['agreement', 'seed', 'reliance', 'auc'], ...rows].map(r => r.join(',')).join('\n')}\n`,
);

const two = v => v.toFixed(2);
const agreements = Object.keys(study.models)
  .map(Number)
  .sort((a, b) => a - b);
const of = agreement => models.filter(m => m.agreement === agreement);
const relied = agreements.map(a => {
  const sorted = of(a)
    .map(m => m.reliance)
    .sort((x, y) => x - y);
  const auc = mean(of(a).map(m => m.auc));
  return [String(a), String(sorted.length), two(auc), two(mean(sorted)), two(sorted[0]), two(sorted.at(-1))];
});
const table = [['explainer', 'knowing', 'models', ...agreements.map(a => `AUC at ${a}`), 'limit']];
for (const { use } of study.explainers) {
  for (const knowing of ['known', 'blind']) {
    const as = m => ({ reliance: m.reliance, shown: m.shown[use][knowing] });
    const explainedOf = list => list.filter(m => !m.shown[use].failed);
    const reference = explainedOf(of(0.5)).map(as);
    const rng = createRng(`detection ${use} ${knowing}`);
    const cells = agreements.map(a => {
      // Each against the others is one half, by symmetry.
      const { auc, low } = detection(explainedOf(of(a)).map(as), reference, rng.fork(a));
      return a === 0.5 ? two(auc) : `${two(auc)} (from ${two(low)})`;
    });
    const { limit } = detectionLimit(explainedOf(models.filter(m => m.agreement !== 0.5)).map(as), reference, rng);
    table.push([use, knowing, String(explainedOf(models).length), ...cells, limit === null ? 'none' : two(limit)]);
  }
}
const line = cells => `| ${cells.join(' | ')} |`;
const markdown = ([head, ...body]) => [line(head), line(head.map(() => '---')), ...body.map(line)].join('\n');
const page = `${markdown([['agreement', 'models', 'AUC on test images', 'reliance, mean', 'least', 'most'], ...relied])}\n\n${markdown(table)}\n`;
await writeFile(join(folder, 'detection-limit.csv'), `${table.map(r => r.join(',')).join('\n')}\n`);
await writeFile(join(folder, 'detection-limit.md'), page);
console.log(page);
