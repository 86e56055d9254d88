import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { temporaryFolder } from '../results/fixture.ts';
import { cli, cliWorld, ROOT } from './fixture.ts';

vi.setConfig({ testTimeout: 240_000 });

/** Explainers that do what a good one does not; `good` counts what it finds in its image. */
const PLUGIN = `
import { defineExplainer, definePlugin, tensor } from 'ct-xai-bench';
const explainer = (name, act, more = {}) => defineExplainer({
  name, title: name, cite: 'none', kind: 'ranking', cost: () => ({ forward: 0, backward: 0 }), ...more,
  async explain(context) {
    const { image } = context;
    const size = image.shape[0] * image.shape[1];
    const map = tensor(image.shape.slice(0, 2), image.data.slice(0, size));
    await act(context);
    return { map };
  },
});
export default definePlugin({ name: 'hostile', explainers: [
  explainer('loop', () => { for (;;); }),
  explainer('exit', () => process.exit(0)),
  explainer('change', ({ image }) => { image.data.fill(NaN); image.shape[0] = 1; }),
  explainer('late', () => { setTimeout(() => { throw new Error('late boom'); }, 1); return new Promise(r => setTimeout(r, 20)); }),
  explainer('good', ({ image }) => { if (image.shape[0] !== 64 || image.data.some(Number.isNaN)) throw new Error('changed'); }),
] });
`;

const OUTCOMES = {
  loop: 'it took more than 5 s (limits.seconds)',
  exit: 'it ended its own process (exit code 0)',
  change: 'ok',
  late: 'ok',
  good: 'ok',
  occlusion: 'ok',
};
const NAMES = Object.keys(OUTCOMES);

async function worldWith(suite: object = {}) {
  const dir = await temporaryFolder();
  await mkdir(join(dir, 'node_modules'));
  await symlink(ROOT, join(dir, 'node_modules', 'ct-xai-bench'));
  await writeFile(join(dir, 'hostile.mjs'), PLUGIN);
  const file = await cliWorld(dir, {
    images: 1,
    suite: {
      plugins: ['./hostile.mjs'],
      explainers: NAMES,
      controls: [],
      metrics: [],
      limits: { seconds: 5, memory: 1000 },
      ...suite,
    },
  });
  return { dir, file };
}

const limits = ['--plugin-seconds', '5', '--plugin-memory', '1000'];

test('explain: a hostile plug-in is a failure with what it did and exit code 1, or a warning', async () => {
  const { dir } = await worldWith();
  const image = join(dir, 'images', 'no', 'slice 0 50%.png');
  for (const method of ['exit', 'late'] as const) {
    const outcome = OUTCOMES[method];
    const map = join(dir, `${method}.npy`);
    const given = ['--model', dir, '--image', image, '--method', method, '--npy', map];
    const { code, stderr } = await cli('explain', ...given, '--plugin', join(dir, 'hostile.mjs'), ...limits);
    if (outcome !== 'ok') expect(stderr).toContain(`${method} failed: ${outcome}`);
    if (method === 'late') expect(stderr).toContain('late boom');
    expect(code, stderr).toBe(outcome === 'ok' ? 0 : 1);
  }
});

test('explain an image of a suite: the good maps are written beside the failures', async () => {
  const { dir, file } = await worldWith();
  const { code, stdout, stderr } = await cli(
    'explain',
    file,
    '--sample',
    'no/slice 0 50%.png',
    '--npy',
    join(dir, 'maps'),
  );
  for (const [method, outcome] of Object.entries(OUTCOMES)) {
    if (outcome === 'ok') expect(stdout).toContain(`tiny.${method}.npy`);
    else expect(stderr).toContain(`${method} failed: ${outcome}`);
  }
  expect(code).toBe(1);
});

test('time: the times of a hostile plug-in are failures, and all others are measured', async () => {
  const { dir } = await worldWith();
  const given = [
    '--samples',
    '1',
    '--repeats',
    '1',
    '--seconds',
    '1',
    '--data',
    join(dir, 'images'),
    '--out',
    join(dir, 't'),
  ];
  const plugin = ['--plugin', join(dir, 'hostile.mjs'), ...limits];
  const { code } = await cli('time', dir, '--methods', ...NAMES, ...given, ...plugin);
  const { rows } = JSON.parse(await readFile(join(dir, 't', 'timings.json'), 'utf8')) as {
    rows: { method: string; status: string; reason?: string; wallMs?: { mean: number } }[];
  };
  expect(Object.fromEntries(rows.map(row => [row.method, row.reason ?? row.status]))).toEqual(OUTCOMES);
  expect(rows.filter(row => row.wallMs).map(row => row.method)).toEqual(['change', 'late', 'good', 'occlusion']);
  expect(code).toBe(1);
});

test('a run with timing and budgets: each of its phases goes on behind a hostile explainer', async () => {
  const explainers = ['exit', 'good', 'occlusion'];
  const timing = { samples: 1, repeats: 1, seconds: 1, budgets: [20] };
  const { dir, file } = await worldWith({ explainers, timing });
  const { code } = await cli('run', file, '--out', join(dir, 'out'));
  const lines = (await readFile(join(dir, 'out', 'results.jsonl'), 'utf8')).trim().split('\n');
  const rows = lines.map(line => JSON.parse(line) as Record<string, string>);
  for (const kind of ['map', 'timing', 'budget']) {
    const found = rows.filter(row => row.kind === kind && row.status !== 'skipped');
    expect(Object.fromEntries(found.map(row => [row.method, row.reason ?? row.status])), kind).toEqual({
      exit: 'it ended its own process (exit code 0)',
      good: 'ok',
      occlusion: 'ok',
    });
  }
  expect(code).toBe(1);
});
