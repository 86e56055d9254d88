import { spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../results/fixture.ts';
import { rowsOf } from '../runners/world.ts';
import { cli, cliWorld, MAIN, ROOT } from './fixture.ts';

const EXAMPLE = join(ROOT, 'examples', 'plugin', 'gradient-times-input.js');

test('the example plugin runs in a suite, from under 25 lines', async () => {
  expect((await readFile(EXAMPLE, 'utf8')).trimEnd().split('\n').length).toBeLessThan(25);
  const dir = await temporaryFolder();
  const suite = await cliWorld(dir, {
    suite: { plugins: [EXAMPLE], explainers: ['gradient-times-input', 'grad-cam'], controls: ['shuffled'] },
  });
  const { code, stdout } = await cli('run', suite, '--out', join(dir, 'out'));
  expect(stdout).toMatch(/gradient-times-input +\d/);
  expect(code).toBe(0);
  const rows = await rowsOf(join(dir, 'out'));
  const map = rows.find(row => row.kind === 'map' && row.method === 'gradient-times-input');
  expect(map).toMatchObject({ status: 'ok', passes: { forward: 1, backward: 1 }, baseline: 'air' });
  const listed = await cli('list', 'explainers', '--plugin', EXAMPLE, '--name', 'gradient-times-input');
  expect(listed.stdout).toMatch(/needs +gradients[\s\S]*Shrikumar/);
});

test('the example wrapper, metric and reader run together', async () => {
  const dir = await temporaryFolder();
  const plugins = ['noisy-mean', 'steadiness', 'squares'].map(name => join(ROOT, 'examples', 'plugin', `${name}.js`));
  const suite = join(dir, 'suite.json');
  await writeFile(
    suite,
    JSON.stringify({
      name: 'examples',
      plugins,
      models: [join(ROOT, 'models', 'phantom-cnn')],
      data: { use: 'squares', patients: 2 },
      explainers: ['noisy-mean', { use: 'noisy-mean', id: 'of-input', of: 'input-x-gradient' }],
      controls: [],
      metrics: ['steadiness', 'relevance-mass'],
      timing: false,
    }),
  );
  const { code, stderr } = await cli('run', suite, '--out', join(dir, 'out'));
  expect([code, stderr]).toEqual([0, expect.not.stringContaining('failed')]);
  const rows = await rowsOf(join(dir, 'out'));
  const steady = rows.filter(row => row.kind === 'score' && row.metric === 'steadiness');
  expect(steady).toHaveLength(4);
  for (const row of steady) {
    expect(row).toMatchObject({ status: 'ok', passes: { forward: 0, backward: 0 } });
    expect(row).toHaveProperty('explaining', { forward: 8, backward: 8 });
  }
  const [plain, wrapped] = ['noisy-mean', 'of-input'].map(m => steady.find(row => 'method' in row && row.method === m));
  expect(plain).not.toHaveProperty('value', (wrapped as { value: number }).value);
});

test('a plugin that Node takes for CommonJS is told how to be a module', async () => {
  const file = join(await temporaryFolder(), 'plugin.cjs');
  await writeFile(file, "import { definePlugin } from 'ct-xai-bench';\n");
  const { status, stderr } = spawnSync(process.execPath, [MAIN, 'list', 'explainers', '--plugin', file]);
  expect([status, String(stderr)]).toEqual([2, expect.stringMatching(/outside a module[\s\S]*"type": "module"/)]);
});

describe('a bad plugin', () => {
  const explainer = (name: string, body: string, extra = '') => `
    import { defineExplainer, defineMetric, tensor } from 'ct-xai-bench';
    ${extra}
    export default defineExplainer({
      name: '${name}', title: 'Bad', cite: 'none', kind: 'ranking',
      async explain({ image, model }) { ${body} },
    });`;

  async function runPlugin(source: string, name = 'bad'): Promise<{ code: number; stderr: string; dir: string }> {
    const dir = await temporaryFolder();
    // The package is found as a dependency is: by a folder of its name in node_modules.
    const { mkdir, symlink } = await import('node:fs/promises');
    await mkdir(join(dir, 'node_modules'));
    await symlink(ROOT, join(dir, 'node_modules', 'ct-xai-bench'));
    await writeFile(join(dir, 'bad.mjs'), source);
    const suite = await cliWorld(dir, {
      images: 1,
      suite: { plugins: ['./bad.mjs'], explainers: [name, 'occlusion'], controls: [] },
    });
    const { code, stderr } = await cli('run', suite, '--out', join(dir, 'out'));
    return { code, stderr, dir };
  }

  test.each([
    ['throws', "throw new TypeError('cannot read');", /2 × bad: cannot read/],
    [
      'returns a wrong shape',
      'return { map: tensor([2, 3]) };',
      /2 × bad: .*shape \[2, 3\].*the model's grid is \[64, 64\]/,
    ],
    ['returns NaN', 'return { map: tensor([64, 64], new Float32Array(64 * 64).fill(NaN)) };', /2 × bad: .*NaN/],
    ['returns nothing', '', /2 × bad: .*returned undefined/],
    ['asks for what it did not declare', 'return { map: await model.gradient() };', /2 × bad: .*gradient/],
  ])('that %s fails its own rows', async (_, body, message) => {
    const { code, stderr, dir } = await runPlugin(explainer('bad', body));
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
    const rows = await rowsOf(join(dir, 'out'));
    for (const row of rows) if (row.kind === 'map') expect(row.status).toBe(row.method === 'bad' ? 'failed' : 'ok');
  });

  test.each([
    ['has a name that is taken', explainer('grad-cam', ''), /'grad-cam'.*clashes/],
    ['throws while it is loaded', "throw new Error('at once');", /bad\.mjs fails while it is loaded: at once/],
    ['is not JavaScript', 'export default {{', /bad\.mjs/],
    ['exports nothing of use', 'export default 7;', /bad\.mjs/],
    ['has no kebab-case name', explainer('Bad One', ''), /'Bad One' is not kebab-case/],
  ])('that %s is refused', async (_, source, message) => {
    const { code, stderr } = await runPlugin(source, 'lime');
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  });
});
