import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { appendFile, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../results/fixture.ts';
import { cli, cliWorld, ROOT } from './fixture.ts';

/** A suite with a plug-in whose explainer does this before it gives its map. */
async function suiteWith(dir: string, body: string, more: object = {}): Promise<string> {
  await mkdir(join(dir, 'node_modules'));
  await symlink(ROOT, join(dir, 'node_modules', 'ct-xai-bench'));
  await writeFile(
    join(dir, 'bad.mjs'),
    `import { defineExplainer, tensor } from 'ct-xai-bench';
     export default defineExplainer({
       name: 'bad', title: 'Bad', cite: 'none', kind: 'ranking', cost: () => ({ forward: 0, backward: 0 }),
       async explain({ image }) {
         ${body}
         return { map: tensor(image.shape.slice(0, 2), image.data.slice()) };
       },
     });`,
  );
  return cliWorld(dir, {
    images: 1,
    suite: { plugins: ['./bad.mjs'], explainers: ['bad', 'occlusion'], controls: [], metrics: [], ...more },
  });
}

const main = (...args: string[]) => spawn(process.execPath, [join(ROOT, 'dist/cli/main.js'), ...args]);

async function heard(child: ReturnType<typeof main>): Promise<{ code: number | null; stderr: string }> {
  const said: string[] = [];
  child.stderr.on('data', (piece: Buffer) => said.push(String(piece)));
  child.stdout.resume();
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stderr: said.join('') };
}

/** Outcomes of the maps in a run folder, by explainer. */
async function maps(out: string): Promise<Record<string, string>> {
  const rows = (await readFile(join(out, 'results.jsonl'), 'utf8')).trim().split('\n');
  const found = rows.map(row => JSON.parse(row) as Record<string, string>).filter(row => row.kind === 'map');
  return Object.fromEntries(found.map(row => [row.method, row.reason ?? row.status]));
}

test.each([
  ['ends the process', 'process.exit(0);', 'it ended its own process (exit code 0)'],
  ['never returns', 'for (;;);', 'it took more than 3 s (limits.seconds)'],
  ['fills the heap', 'const all = []; for (;;) all.push({ all });', 'it used more than 400 MiB (limits.memory)'],
  [
    'fills the memory',
    'globalThis.all = []; for (;;) { all.push(new Float64Array(2 ** 20).fill(1)); await new Promise(r => setTimeout(r, 1)); }',
    'it used more than 400 MiB (limits.memory)',
  ],
])('a plug-in that %s fails its own rows alone, and the run is no success', async (_, body, reason) => {
  const dir = await temporaryFolder();
  const suite = await suiteWith(dir, body, { limits: { seconds: body.includes('for (;;);') ? 3 : 60, memory: 400 } });
  const { code } = await heard(main('run', suite, '--out', join(dir, 'out')));
  expect(await maps(join(dir, 'out'))).toEqual({ bad: reason, occlusion: 'ok' });
  expect(code).toBe(1);
});

test('SIGTERM ends a run whose plug-in never returns', async () => {
  const dir = await temporaryFolder();
  const suite = await suiteWith(dir, "process.stderr.write('begun'); for (;;);");
  const child = main('run', suite, '--out', join(dir, 'out'));
  // Its thread is busy and says nothing; by the first row of another explainer the run is under way.
  child.stderr.on('data', () => setTimeout(() => child.kill('SIGTERM'), 3000));
  expect((await heard(child)).code).toBe(130);
});

test('an error thrown in a timer of a plug-in is a warning', async () => {
  const dir = await temporaryFolder();
  const suite = await suiteWith(dir, "setTimeout(() => { throw new Error('late boom'); }, 1);");
  const { code, stderr } = await cli('run', suite, '--out', join(dir, 'out'));
  expect(code).toBe(0);
  expect(stderr).toContain('late boom');
});

test('a plug-in that changes the shape of its image harms nobody else', async () => {
  const dir = await temporaryFolder();
  const suite = await suiteWith(dir, 'const s = image.shape.slice(); image.shape[0] = 1; image.shape[0] = s[0];');
  expect((await cli('run', suite, '--out', join(dir, 'out'))).code).toBe(0);
});

test.each(['stdout', 'stderr'] as const)('a run whose %s nobody reads ends as it would', async closed => {
  const dir = await temporaryFolder();
  const suite = await cliWorld(dir, { images: 1, suite: { explainers: ['occlusion'], controls: [] } });
  const child = main('run', suite, '--out', join(dir, 'out'));
  child[closed].destroy();
  child[closed === 'stdout' ? 'stderr' : 'stdout'].resume();
  const [code] = await once(child, 'exit');
  expect(code).toBe(0);
  expect(existsSync(join(dir, 'out', 'scores.csv'))).toBe(true);
});

test('a path in a run folder that leads out of it is neither read nor deleted', async () => {
  const dir = await temporaryFolder();
  const suite = await cliWorld(dir, {
    images: 1,
    suite: { explainers: ['occlusion'], controls: [], metrics: [], output: { attributions: false, gallery: 0 } },
  });
  const out = join(dir, 'out');
  expect((await cli('run', suite, '--out', out)).code).toBe(0);
  await writeFile(join(dir, 'victim.txt'), 'mine');
  const journal = await readFile(join(out, 'results.jsonl'), 'utf8');
  const row = journal.split('\n').find(line => line.includes('"kind":"map"'))!;
  await appendFile(join(out, 'results.jsonl'), `${JSON.stringify({ ...JSON.parse(row), file: '../victim.txt' })}\n`);
  await cli('run', suite, '--out', out);
  expect(await readFile(join(dir, 'victim.txt'), 'utf8')).toBe('mine');
});

test('aliases that repeat each other are refused as bad YAML', async () => {
  const dir = await temporaryFolder();
  const lines = ['a: &a [x,x,x,x,x,x,x,x,x]'];
  for (const [from, to] of ['ab', 'bc', 'cd', 'de', 'ef'] as unknown as [string, string][]) {
    lines.push(`${to}: &${to} [${Array(9).fill(`*${from}`).join()}]`);
  }
  await writeFile(join(dir, 'bomb.yaml'), lines.join('\n'));
  const { code, stderr } = await cli('check', join(dir, 'bomb.yaml'));
  expect(code).toBe(2);
  expect(stderr).not.toContain('fault of ct-xai-bench');
});

test.skipIf(process.platform !== 'linux')('few open files are enough', async () => {
  const dir = await temporaryFolder();
  const suite = await cliWorld(dir, { images: 1, suite: { explainers: ['occlusion'], controls: [], metrics: [] } });
  const line = 'ulimit -n 64; exec "$0" "$@"';
  const args = [process.execPath, join(ROOT, 'dist/cli/main.js'), 'run', suite, '--out', join(dir, 'out')];
  expect((await heard(spawn('sh', ['-c', line, ...args]))).code).toBe(0);
});
