import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { fixtureRows } from '../reports/fixture.ts';
import { temporaryFolder } from '../results/fixture.ts';
import { cli } from './fixture.ts';

it('says how many patients find a difference', async () => {
  const { code, stdout } = await cli('plan', '--detect', '0.1', '--sd', '0.1', '--explainers', '2');
  expect(code).toBe(0);
  // (t_.975 + t_.8) · sd / √n = 3.008 · 0.1 / √n with 11 degrees of freedom is 0.089 at 12 patients, where orders begin.
  expect(stdout).toMatch(/as given +0\.1000 +2 +12 +ranks would be exploratory/);
  const more = await cli('plan', '--detect', '0.05', '--sd', '0.1', '--explainers', '2');
  // By the same formula with 33 degrees of freedom: 34 patients, and 33 are not enough.
  expect(more.stdout).toMatch(/as given +0\.1000 +2 +34\b/);
});

it('takes the spread from a pilot run', async () => {
  const dir = await temporaryFolder();
  const { manifest, rows } = fixtureRows({ images: 40, patients: 20, timing: false });
  await writeFile(join(dir, 'manifest.json'), JSON.stringify(manifest));
  await writeFile(join(dir, 'results.jsonl'), rows.map(row => `${JSON.stringify(row)}\n`).join(''));
  const { code, stdout } = await cli('plan', '--detect', '0.05', '--from', dir, '--metric', 'deletion');
  expect(code).toBe(0);
  expect(stdout).toMatch(/densenet121, deletion: median pair +0\.\d{4} +4 +\d+ +\d+/);
  const unknown = await cli('plan', '--detect', '0.05', '--from', dir, '--metric', 'x');
  expect(unknown).toMatchObject({ code: 2, stderr: expect.stringMatching(/no metric 'x'[\s\S]*It has: deletion/) });
});

it('asks for what it needs', async () => {
  expect(await cli('plan', '--detect', '0.05')).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/--from or --sd/),
  });
  expect((await cli('plan', '--detect', '0', '--sd', '1')).code).toBe(2);
});
