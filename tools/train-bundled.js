/**
 * Trains the bundled classifiers, as they lie in models/, on the CT phantom; as ONNX, and for TF.js:
 *
 *   npm run build && npm run train:bundled -- [--out models] [--seeds 1] [--first-seed 1] [-- --epochs 1 …]
 *
 * An unfinished training goes on where it stopped. Where models/ holds the finished ones nothing is done; give another
 * --out to see whether they can be had again. With more than one seed the folders are called NAME-seed-N. What comes
 * after a second -- are settings of `ct-xai train` that are put in the place of those here.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runCli } from '../dist/cli/cli.js';

const MODELS = {
  'phantom-cnn': { arch: 'cnn', width: '0.5', epochs: '14', batch: '32', smooth: '1' },
  'phantom-densenet': { arch: 'densenet', width: '0.5', epochs: '14', batch: '16', smooth: '1' },
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    out: { type: 'string', default: fileURLToPath(new URL('../models', import.meta.url)) },
    seeds: { type: 'string', default: '1' },
    'first-seed': { type: 'string', default: '1' },
  },
});

const [seeds, first] = [values.seeds, values['first-seed']].map(Number);
if (!(Number.isInteger(seeds) && seeds > 0 && Number.isInteger(first))) {
  console.error('--seeds must be a whole number of at least 1, --first-seed a whole number.');
  process.exit(2);
}

for (let seed = first; seed < first + seeds; seed++) {
  for (const [name, own] of Object.entries(MODELS)) {
    const out = join(values.out, seeds === 1 ? name : `${name}-seed-${seed}`);
    console.log(`${name}, seed ${seed} → ${out}`);
    const settings = Object.entries({ data: 'phantom', ...own, seed, licence: 'MIT', out })
      .filter(([key]) => !positionals.includes(`--${key}`))
      .flatMap(([key, value]) => [`--${key}`, String(value)]);
    const code = await runCli(['train', ...settings, ...positionals]);
    if (code !== 0) process.exit(code);
  }
}
