/**
 * Passes and time of every explainer, one explanation of one image at default options, on the bundled models and on
 * DenseNet-121 with random weights (speed does not depend on them); beside Captum, where it has the method.
 *
 *   npm run build && npm run perf:explainers -- [--models phantom-cnn phantom-densenet densenet121] [--most 3000]
 *   python bench/explainers.py captum.json && npm run perf:explainers -- --models densenet121 --captum captum.json
 *
 * Explainers of more passes than --most are not run. Times are medians of up to three runs after one that warms up;
 * those of more than 300 passes are one run. On a busy machine only ratios mean something, so run both sides in turn.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { builtinRegistry } from '../dist/builtin.js';
import { explainSubject, subjectFor } from '../dist/conformance/subject.js';
import { isUndefined } from '../dist/core/contracts/index.js';
import { onnxEngine } from '../dist/engines/onnx/index.js';
import { cardOf } from './densenet121.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    models: { type: 'string', multiple: true, default: ['phantom-cnn', 'phantom-densenet', 'densenet121'] },
    most: { type: 'string', default: '3000' },
    captum: { type: 'string' },
  },
});
const models = [...values.models, ...positionals];
const most = Number(values.most);
const captum = values.captum ? JSON.parse(readFileSync(values.captum, 'utf8')) : undefined;
const { explainers } = builtinRegistry();
const folder = mkdtempSync(join(tmpdir(), 'ct-xai-perf-'));
try {
  for (const name of models) await measure(name);
} finally {
  rmSync(folder, { recursive: true });
}

async function measure(name) {
  const model = await onnxEngine.open(await cardOf(name, folder), { device: 'cpu' });
  try {
    const { microBatch, workers, threads } = model.runtime;
    const load = loadavg()[0].toFixed(1);
    console.log(`\n${name}: ${workers} × ${threads} threads, micro-batch ${microBatch}, load ${load}`);
    const widths = [22, 14, 10, 6, 11, 13];
    const show = cells =>
      console.log(
        cells
          .map((cell, c) => String(cell).padEnd(widths[c] ?? 0))
          .join('')
          .trimEnd(),
      );
    show(['explainer', 'passes', 'ms', 'runs', ...(captum ? ['Captum ms', 'times as fast'] : [])]);
    for (const explainer of explainers.values()) {
      if (explainer.role === 'method') show([explainer.name, ...(await timed(explainer, model, name))]);
    }
  } finally {
    await model.close();
  }
}

/** [passes, milliseconds, runs], or what stands in their way. */
async function timed(explainer, model, name) {
  const options = explainer.options.parse({});
  const lacking = explainer.requiresOf(options).find(ability => !model.capabilities.has(ability));
  if (lacking) return ['', `needs ${lacking}`];
  const wrapped = explainer.wraps === undefined ? undefined : explainers.get(explainer.wraps);
  const facts = { ...model.input, classes: model.classes.length, layers: await model.layers() };
  const inner = wrapped?.cost(wrapped.options.parse(explainer.innerOptionsOf(options)), facts);
  const cost = explainer.cost(options, facts, inner);
  const passes = cost.forward + cost.backward;
  if (passes > most) return [`${cost.forward} + ${cost.backward}`, `over ${most} passes`];
  const subject = subjectFor(model, 1);
  const times = [];
  let spent;
  for (let run = 0; run < (passes > 300 ? 1 : 4); run++) {
    const start = performance.now();
    const explained = await explainSubject({ explainer, subject, wrapped, seed: String(run) }).catch(error => error);
    if (explained instanceof Error) return ['', `cannot: ${explained.message.slice(0, 60)}`];
    if (isUndefined(explained.result)) return ['', `undefined: ${explained.result.undefined.slice(0, 60)}`];
    times.push(performance.now() - start);
    spent = explained;
  }
  const measured = (times.length > 1 ? times.slice(1) : times).sort((a, b) => a - b);
  const median = measured[Math.floor(measured.length / 2)];
  const other = name === 'densenet121' ? captum?.[explainer.name] : undefined;
  const beside = other === undefined ? [] : [other.toFixed(0), (other / median).toFixed(1)];
  return [`${spent.forward} + ${spent.backward}`, median.toFixed(median < 10 ? 1 : 0), measured.length, ...beside];
}
