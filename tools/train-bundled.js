/**
 * Trains the bundled classifiers, as they lie in models/, on the CT phantom:
 *
 *   npm run build && npm run train:bundled -- [--out models] [--seeds 1] [--first-seed 1]
 *
 * An unfinished training goes on where it stopped. Where models/ holds the finished ones nothing is done; give another
 * --out to see whether they can be had again. With more than one seed the folders are called NAME-seed-N.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runCli } from '../dist/cli/cli.js';

const MODELS = {
  'phantom-cnn': ['--arch', 'cnn', '--width', '0.5', '--epochs', '14', '--batch', '32'],
  'phantom-densenet': ['--arch', 'densenet', '--width', '0.5', '--epochs', '14', '--batch', '16'],
};

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: fileURLToPath(new URL('../models', import.meta.url)) },
    seeds: { type: 'string', default: '1' },
    'first-seed': { type: 'string', default: '1' },
  },
});

const first = Number(values['first-seed']);
for (let seed = first; seed < first + Number(values.seeds); seed++) {
  for (const [name, settings] of Object.entries(MODELS)) {
    const out = join(values.out, values.seeds === '1' ? name : `${name}-seed-${seed}`);
    console.log(`${name}, seed ${seed} → ${out}`);
    const more = ['--seed', String(seed), '--licence', 'MIT', '--out', out];
    const code = await runCli(['train', '--data', 'phantom', ...settings, ...more]);
    if (code !== 0) process.exit(code);
  }
}
