/**
 * The analysis that configs/studies/which-baseline.yaml announces: for each model, metric and baseline, Kendall's tau
 * between the order of the explainers by that metric and by causal-contrast, with a bootstrap over patients.
 *
 *   npm run build && node tools/studies/which-baseline.js RUN_FOLDER
 *
 * Writes which-baseline.csv and which-baseline.md into the run folder and prints the table.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { builtinRegistry } from '../../dist/builtin.js';
import { createRng } from '../../dist/core/rng.js';
import { orderAgreement } from '../../dist/core/statistics/order-agreement.js';

const TRUTH = 'causal-contrast';
const [folder] = process.argv.slice(2);
if (!folder) {
  console.error('Name the run folder: node tools/studies/which-baseline.js RUN_FOLDER');
  process.exit(2);
}
const registry = builtinRegistry();
const base = name => name.replace(/\(.*$/, '');
const isControl = method => registry.explainers.get(base(method))?.role === 'control' || base(method) === 'shuffled';
const higher = metric => registry.metrics.get(base(metric)).better === 'higher';

const all = parse(await readFile(join(folder, 'scores.csv')), { columns: true });
// A complete run has a row for every map and metric, whatever came out. Of a part of it an order means nothing.
const counts = new Map();
for (const { model, metric } of all) {
  const key = `${model}, ${metric}`;
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
const most = Math.max(...counts.values());
const short = [...counts].filter(([, count]) => count < most);
if (short.length > 0) {
  const [name, count] = short[0];
  console.error(
    `The run is not complete: ${name} has ${count} rows, others have ${most}. Start 'ct-xai run' again first.`,
  );
  process.exit(2);
}

const rows = all
  .filter(r => r.status === 'ok' && !isControl(r.method))
  .filter(r => r.model_variant === 'original' && r.sample_variant === 'original' && r.replicate === '0');

/** Patient → mean over the patient's images. */
function byPatient(chosen, sign) {
  const sums = new Map();
  for (const { patient, value } of chosen) {
    const [sum, count] = sums.get(patient) ?? [0, 0];
    sums.set(patient, [sum + sign * Number(value), count + 1]);
  }
  return new Map([...sums].map(([patient, [sum, count]]) => [patient, sum / count]));
}

const table = [['model', 'metric', 'baseline', 'explainers', 'patients', 'tau', 'low', 'high', 'verdict']];
const unique = values => [...new Set(values)];
for (const model of unique(rows.map(r => r.model))) {
  const own = rows.filter(r => r.model === model);
  for (const metric of unique(own.map(r => r.metric)).filter(m => m !== TRUTH)) {
    const of = own.filter(r => r.metric === metric);
    const { baseline } = of[0];
    const methods = unique(of.map(r => r.method));
    const unmatched = methods.filter(m => of.find(r => r.method === m).explainer_baseline !== baseline);
    // A metric without a baseline favours nobody by it.
    const groups = [['all', methods], ...(baseline === '' ? [] : [['not from this baseline', unmatched]])];
    for (const [which, chosen] of groups) {
      const scored = chosen.map(method => ({
        a: byPatient(
          of.filter(r => r.method === method),
          higher(metric) ? 1 : -1,
        ),
        b: byPatient(
          own.filter(r => r.method === method && r.metric === TRUTH),
          1,
        ),
      }));
      const { tau, interval, patients } = orderAgreement(
        scored,
        createRng(`which-baseline ${model} ${metric} ${which}`),
      );
      const shown = v => (v === undefined || v === null ? '' : v.toFixed(2));
      const [low, high] = interval ?? [];
      const verdict = low > 0 ? 'agrees' : high < 0 ? 'contradicts' : 'not told';
      const label = `${which} (${chosen.length})`;
      table.push([
        model,
        base(metric),
        baseline,
        label,
        String(patients),
        shown(tau),
        shown(low),
        shown(high),
        verdict,
      ]);
    }
  }
}
await writeFile(join(folder, 'which-baseline.csv'), `${table.map(r => r.join(',')).join('\n')}\n`);
const [head, ...body] = table;
const line = cells => `| ${cells.join(' | ')} |`;
const page = [line(head), line(head.map(() => '---')), ...body.map(line)].join('\n');
await writeFile(join(folder, 'which-baseline.md'), `${page}\n`);
console.log(page);
