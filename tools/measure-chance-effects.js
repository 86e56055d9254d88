// Measures how large effects on the log-odds are that are chance, of the bundled models on the phantom's placebos, and
// writes them beside the cards. Runs of these models on the phantom read them instead of measuring again.
//
//   npm run build && node tools/measure-chance-effects.js
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { builtinRegistry } from '../dist/builtin.js';
import { loadPlan } from '../dist/config/resolve.js';
import { CHANCE_FILE, measureChanceEffects } from '../dist/jobs/chance-effects.js';
import { openModel } from '../dist/jobs/open-model.js';

const suite = fileURLToPath(new URL('../configs/phantom-truth.yaml', import.meta.url));
const plan = await loadPlan(suite, builtinRegistry());
const { signal } = new AbortController();
for (const model of plan.models) {
  const classifier = await openModel(plan, model);
  const records = [];
  for (const [target, name] of model.card.classes.entries()) {
    const found = await measureChanceEffects(model, target, plan.dataset.placebos, work => work(classifier), signal);
    // Three digits, so that another processor's rounding does not change the file.
    const round = value => Number(value.toPrecision(3));
    const { threshold, percentile, placebos, patients } = found;
    const values = { threshold: round(threshold), percentile: round(percentile), placebos, patients };
    records.push({ model: model.digest, data: plan.dataset.placebos.digest, class: name, ...values });
    console.log(model.id, name, values);
  }
  await classifier.close();
  await writeFile(join(dirname(model.card.file), CHANCE_FILE), `${JSON.stringify(records, null, 2)}\n`);
}
