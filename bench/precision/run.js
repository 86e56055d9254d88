/**
 * How near the area under a curve comes to its exact value when a suite has a `precision`, and how many passes that
 * saves: one suite is run twice, exact and not, on images that were not used to choose the constants, and all rows are
 * compared. Writes the table of docs/precision.md.
 *
 *   npm run build && node bench/precision/run.js [--precision 0.005] [--patients 6] [--seed held-out] [--densenet FILE --data FOLDER]
 *     [--metrics others] [--explainers others] [--keep FOLDER]
 *
 * --metrics others: instead of deletion, insertion and srg those that read other curves; errors of aopc-log-odds are in log-odds.
 * --explainers others: six other explainers, whose maps are mostly tied.
 * --keep: the run folders stay there.
 * --densenet, --data: a DenseNet-121 for one-channel grey images, classes NonCOVID and COVID, and a folder of COVID-CT.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    precision: { type: 'string', default: '0.005' },
    patients: { type: 'string', default: '6' },
    seed: { type: 'string', default: 'held-out' },
    densenet: { type: 'string' },
    data: { type: 'string' },
    images: { type: 'string', default: '4' },
    metrics: { type: 'string', default: 'curves' },
    explainers: { type: 'string', default: 'usual' },
    keep: { type: 'string' },
  },
});
const precision = Number(values.precision);
const root = resolve(import.meta.dirname, '../..');
const folder = values.keep ? resolve(values.keep) : mkdtempSync(join(tmpdir(), 'ct-xai-precision-'));
mkdirSync(folder, { recursive: true });

const METRICS = {
  curves: [
    'deletion',
    'insertion',
    { use: 'srg', options: { unit: 'patches' } },
    { use: 'deletion', id: 'deletion-margin', options: { score: 'margin' } },
  ],
  others: [
    'irof',
    { use: 'aopc', options: { score: 'probability' } },
    { use: 'aopc', id: 'aopc-log-odds' },
    'pic-sic',
    'pic-aic',
    'sufficient-share',
  ],
}[values.metrics];
const EXPLAINERS = {
  usual: [
    'grad-cam',
    { use: 'integrated-gradients', options: { steps: 32, maxSteps: 64 } },
    { use: 'lime', options: { samples: 200, segments: 60 } },
    { use: 'occlusion', options: { stride: 12 } },
    'saliency',
    { use: 'kernel-shap', options: { samples: 200 } },
  ],
  others: [
    'layer-cam',
    'guided-backprop',
    { use: 'segment-ablation', options: { segments: 50 } },
    { use: 'hsic', options: { samples: 200 } },
    { use: 'partition-shap', options: { samples: 200 } },
    { use: 'occlusion', id: 'occlusion-24', options: { window: 24, stride: 24 } },
  ],
}[values.explainers];
const suites = [
  {
    models: ['phantom-cnn', 'phantom-densenet'].map(name => join(root, 'models', name, 'model.yaml')),
    data: { use: 'phantom', split: 'test', patients: Number(values.patients), slices: 1, seed: values.seed },
    explainers: EXPLAINERS,
    controls: ['random', 'edges', 'shuffled'],
    target: 'covid',
  },
];
if (values.densenet && values.data) {
  suites.push({
    models: [
      {
        id: 'densenet121',
        file: resolve(values.densenet),
        classes: ['NonCOVID', 'COVID'],
        input: { size: 224, channels: 1 },
        intensity: { unit: 'grey', window: [0, 255] },
      },
    ],
    data: {
      use: 'image-folder',
      path: resolve(values.data),
      ...(existsSync(join(values.data, 'CT_COVID')) ? { labels: { CT_COVID: 'COVID', CT_NonCOVID: 'NonCOVID' } } : {}),
    },
    limit: Number(values.images),
    explainers: ['grad-cam', 'saliency', { use: 'occlusion', options: { window: 32, stride: 32 } }],
    controls: ['random', 'edges'],
    target: 'COVID',
  });
}

try {
  console.log(
    '| Model | Metric | Values | Passes, exact | Passes | Times fewer | Mean \\|Δ\\| | Mean Δ | \\|Δ\\| ≤ estimate |',
  );
  console.log('|---|---|---|---|---|---|---|---|---|');
  const all = [];
  const ranks = [];
  for (const [i, suite] of suites.entries()) {
    const exact = rowsOf(run(suite, 'exact', `exact-${i}`));
    const near = rowsOf(run(suite, precision, `near-${i}`));
    const groups = grouped([...exact.keys()], key => JSON.stringify(JSON.parse(key).slice(0, 2)));
    for (const [group, keys] of groups) {
      const pairs = keys.flatMap(key => pairOf(exact.get(key), near.get(key)));
      all.push(...pairs);
      line(...JSON.parse(group), pairs);
      ranks.push({ group: JSON.parse(group), same: orderOf(keys, exact) === orderOf(keys, near) });
    }
  }
  line('all', '', all);
  const changed = ranks.filter(r => !r.same).map(r => r.group.join(': '));
  console.log(`\nOrder of the explainers' means: the same for ${ranks.length - changed.length} of ${ranks.length}.`);
  if (changed.length > 0) console.log(`Changed: ${changed.join('; ')}.`);
} finally {
  if (!values.keep) rmSync(folder, { recursive: true, force: true });
}

/** The run folder of a suite with this precision. */
function run(suite, wanted, name) {
  const file = join(folder, `${name}.yaml`);
  const dir = join(folder, name);
  const whole = { ...suite, metrics: METRICS, precision: wanted, timing: false, output: { dir } };
  writeFileSync(file, JSON.stringify(whole));
  execFileSync(process.execPath, [join(root, 'dist/cli/main.js'), 'run', file], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return dir;
}

/** Score rows that have a value, by model, metric, explainer and sample. */
function rowsOf(dir) {
  const rows = readFileSync(join(dir, 'results.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map(text => JSON.parse(text));
  const scores = rows.filter(row => row.kind === 'score' && row.status === 'ok');
  return new Map(scores.map(row => [JSON.stringify([row.model, row.metric, row.method, row.sample]), row]));
}

/** Differences are shares of the range of scores where the score is no probability, if the curve is there. */
function pairOf(exact, near) {
  if (!exact || !near) return [];
  const unit = exact.metric.includes('margin') ? Math.max(...exact.curve.score) - Math.min(...exact.curve.score) : 1;
  return [
    {
      difference: (near.value - exact.value) / unit,
      error: near.error / unit,
      exact: exact.passes.forward,
      near: near.passes.forward,
    },
  ];
}

function line(model, metric, pairs) {
  const mean = of => pairs.reduce((sum, p) => sum + of(p), 0) / pairs.length;
  const within = mean(p => (Math.abs(p.difference) <= p.error + 1e-7 ? 1 : 0));
  const [exact, near] = [mean(p => p.exact), mean(p => p.near)];
  const cells = [
    model,
    metric,
    pairs.length,
    exact.toFixed(0),
    near.toFixed(0),
    (exact / near).toFixed(1),
    mean(p => Math.abs(p.difference)).toFixed(4),
    mean(p => p.difference)
      .toFixed(4)
      .replace('-', '−'),
    `${(100 * within).toFixed(1)} %`,
  ];
  console.log(`| ${cells.join(' | ')} |`);
}

/** Explainers by the mean of their values, controls left out. */
function orderOf(keys, rows) {
  const byMethod = grouped(keys, key => JSON.parse(key)[2]);
  return [...byMethod]
    .filter(([method]) => !/^(random|edges|shuffled)/.test(method))
    .map(([method, own]) => {
      const found = own.flatMap(key => rows.get(key)?.value ?? []);
      return [method, found.reduce((a, b) => a + b, 0) / found.length];
    })
    .sort((a, b) => b[1] - a[1])
    .map(([method]) => method)
    .join();
}

function grouped(items, keyOf) {
  const groups = new Map();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}
