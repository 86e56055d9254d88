// Writes what the audit of a finished run found beside the models that it is of: audit.json, which later runs of the same
// weights read on data whose truth is not known.
//
//   npm run build && node dist/cli/main.js run configs/phantom-truth.yaml --out reports/audit
//   node tools/record-audits.js reports/audit models/phantom-cnn models/phantom-densenet
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readCard } from '../dist/config/card.js';
import { modelDigest } from '../dist/config/model-digest.js';
import { AUDIT_FILE, metricDigest } from '../dist/config/recorded-audits.js';
import { PHANTOM_VERSION } from '../dist/data/readers/phantom.js';
import { analyse, loadRun } from '../dist/reports/index.js';
import { readRun } from '../dist/results/read-run.js';

const VERDICTS = ['supported', 'contradicted', 'not shown'];
const [folder, ...cards] = process.argv.slice(2);
const run = await readRun(folder);
try {
  const { manifest } = run;
  const { models } = analyse(await loadRun(run, 0));
  const { name } = manifest.dataset;
  const [, version = PHANTOM_VERSION.none] = /^phantom v(\d+)/.exec(name) ?? [];
  const data = name.startsWith('phantom') ? `phantom v${version}` : name;
  for (const path of cards) {
    const digest = await modelDigest(await readCard(path));
    const found = models.find(({ model }) => model.digest === digest);
    if (!found) throw new Error(`${folder} has no model with the weights and the card of ${path}.`);
    const records = found.audit.flatMap(({ metric: id, verdict, closest }) => {
      const metric = manifest.metrics.find(m => m.id === id);
      if (!metric || !closest || !VERDICTS.includes(verdict)) return [];
      return [
        { model: digest, metric: metricDigest(metric), name: metric.name, data, verdict, patients: closest.patients },
      ];
    });
    await writeFile(join(path, AUDIT_FILE), `${JSON.stringify(records, null, 2)}\n`);
    console.log(path, records.map(r => `${r.name}: ${r.verdict}`).join(', '));
  }
} finally {
  await run.close();
}
