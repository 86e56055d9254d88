/**
 * Does `check` foretell what a run does? Each suite is checked and then run with a few images, without the timing phase,
 * and its passes, its time and its processor's time are compared. On a busy machine only the processor's time says
 * something. Writes the table of docs/precision.md.
 *
 *   npm run build && npm run perf:check -- [--limit 4] [SUITE …]
 *
 * Without suites: those of configs/ whose models and data are there (COVID_CT_MODEL, COVID_CT, CT_XAI_MODEL, CT_XAI_DATA).
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { builtinRegistry } from '../dist/builtin.js';
import { loadPlan } from '../dist/config/resolve.js';
import { checkPlan } from '../dist/runners/check-plan.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { limit: { type: 'string', default: '4' }, keep: { type: 'string' } },
});
const root = resolve(import.meta.dirname, '..');
const folder = values.keep ? resolve(values.keep) : mkdtempSync(join(tmpdir(), 'ct-xai-check-'));
const own = readdirSync(join(root, 'configs')).filter(name => name.endsWith('.yaml'));
const suites = positionals.length > 0 ? positionals : own.map(name => join(root, 'configs', name));
const limit = Number(values.limit);

const processor = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
// Runs in the process of the run, and says at its end how long its processors were busy, in seconds.
const SAY = `process.on('exit', () => {
  const { user, system } = process.cpuUsage();
  process.stderr.write('\\nprocessor ' + (user + system) / 1e6);
})`;

const HEAD = ['Suite', 'Images', 'Passes expected', 'Passes made', '', 'Time expected, s', 'Time taken, s', ''];
HEAD.push("Processor's time expected, s", 'taken, s', '');
console.log(`| ${HEAD.join(' | ')} |\n|${'---|'.repeat(HEAD.length)}`);
try {
  for (const file of suites) await compare(file);
} finally {
  if (!values.keep) rmSync(folder, { recursive: true, force: true });
}

async function compare(file) {
  const name = basename(file).replace(/\.yaml$/, '');
  let plan;
  try {
    plan = await loadPlan(file, builtinRegistry(), { env: process.env, overrides: { limit } });
  } catch (error) {
    console.error(`${name}: ${error.message}`);
    return;
  }
  const clock = await checkPlan(plan);
  const busy = await checkPlan(plan, { now: processor });
  const dir = join(folder, name);
  const start = performance.now();
  const arguments_ = ['--import', `data:text/javascript,${encodeURIComponent(SAY)}`, join(root, 'dist/cli/main.js')];
  arguments_.push('run', file, '--limit', String(limit), '--no-timing', '--fresh', '--out', dir);
  const { status, stderr } = spawnSync(process.execPath, arguments_, {
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const taken = (performance.now() - start) / 1000;
  const cpu = Number(stderr.match(/\nprocessor ([\d.]+)/)?.[1]);
  if (status === null || status > 1) console.error(`${name}: the run ended with ${status}\n${stderr}`);
  const made = passesOf(dir);
  const passes = ({ forward, backward }) => `${forward} + ${backward}`;
  const times = (a, b) => `× ${(a / b).toFixed(2)}`;
  const weigh = ({ forward, backward }) => forward + 3 * backward;
  const { total } = clock.cost;
  const cells = [name, clock.images, passes(total), passes(made), times(weigh(made), weigh(total))];
  cells.push(clock.seconds.toFixed(0), taken.toFixed(0), times(taken, clock.seconds));
  cells.push(busy.seconds.toFixed(0), cpu.toFixed(0), times(cpu, busy.seconds));
  console.log(`| ${cells.join(' | ')} |`);
}

/** All passes of a run folder, but for those that were taken from another unit. */
function passesOf(dir) {
  const sum = { forward: 0, backward: 0 };
  for (const line of readFileSync(join(dir, 'results.jsonl'), 'utf8').trim().split('\n')) {
    const row = JSON.parse(line);
    for (const pass of ['forward', 'backward']) {
      sum[pass] += (row.passes?.[pass] ?? 0) - (row.saved?.[pass] ?? 0) + (row.explaining?.[pass] ?? 0);
    }
    // The prediction of an image.
    if (row.kind === 'sample' && row.status === 'ok') sum.forward++;
  }
  return sum;
}
