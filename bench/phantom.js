/**
 * What a slice of the phantom costs: drawn with noise on it (`physics: none`), and scanned (`physics: projection`), with
 * the same slice without one of its factors. CPU time of one process, medians.
 *
 *   npm run build && npm run perf:phantom -- [--slices 5]
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { phantom } from '../dist/data/readers/phantom.js';

const { values } = parseArgs({ options: { slices: { type: 'string', default: '5' } } });

console.log(`${cpus()[0].model}, Node ${process.version}`);
const row = cells => `| ${cells.join(' | ')} |`;
console.log(row(['Pixels', 'thickness', 'fast, ms', 'scanned, ms', 'ratio', 'without a factor, ms']));
console.log(row(['---:', '---:', '---:', '---:', '---:', '---:']));
for (const size of [224, 512]) {
  const fast = await cost({ size });
  for (const thickness of [1, 2, 5]) {
    const scanned = await cost({ size, physics: 'projection', thickness });
    const pair = await cost({ size, physics: 'projection', thickness, factors: true });
    const ratio = (scanned.whole / fast.whole).toFixed(1);
    console.log(
      row([
        `${size}²`,
        `${thickness} mm`,
        ...[fast.whole, scanned.whole].map(Math.round),
        ratio,
        Math.round(pair.other),
      ]),
    );
  }
}

/** Median CPU ms of a slice, and of the same slice without a factor. */
async function cost(options) {
  const slices = Number(values.slices);
  const given = phantom.options.parse({ seed: 'bench', patients: slices + 1, slices: 1, ...options });
  const data = await phantom.open(given, { base: '.' });
  const [whole, other] = [[], []];
  let first = true;
  for await (const sample of data.samples()) {
    const ms = await cpu(() => sample.load());
    const without = await cpu(() => sample.load(undefined, sample.variants.at(-1)));
    // The first one compiles the code.
    if (!first) {
      whole.push(ms);
      other.push(without);
    }
    first = false;
  }
  return { whole: median(whole), other: median(other) };
}

async function cpu(work) {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

function median(list) {
  return list.sort((a, b) => a - b)[Math.floor(list.length / 2)];
}
