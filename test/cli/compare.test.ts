import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Row } from '../../src/results/rows.ts';
import { fixtureRows } from '../reports/fixture.ts';
import { temporaryFolder } from '../results/fixture.ts';
import { cli } from './fixture.ts';

async function runFolder(change: (row: Row) => Row = row => row, data = 'c0ffee'): Promise<string> {
  const dir = await temporaryFolder();
  const { manifest, rows } = fixtureRows({ images: 48, patients: 48, timing: false, groups: true });
  const digest = { ...manifest, dataset: { ...manifest.dataset, digest: data } };
  await writeFile(join(dir, 'manifest.json'), JSON.stringify(digest));
  await writeFile(join(dir, 'results.jsonl'), rows.map(row => `${JSON.stringify(change(row))}\n`).join(''));
  return dir;
}

/** LIME's insertion less by 0.2 in every image, give or take. */
function worse(row: Row): Row {
  if (row.kind !== 'score' || row.metric !== 'insertion' || row.method !== 'lime' || row.status !== 'ok') return row;
  return { ...row, value: row.value! - 0.2 - 0.01 * Math.sin(row.value! * 1000) };
}

it('finds nothing in the same run twice', async () => {
  const dir = await runFolder();
  const { code, stdout } = await cli('compare', dir, dir, '--fail-on-regression');
  expect(code).toBe(0);
  expect(stdout).toMatch(/0 of 20 scores changed beyond noise/);
});

it('finds what became worse, and nothing else, and fails where it is asked to', async () => {
  const [before, after] = [await runFolder(), await runFolder(worse)];
  const { code, stdout } = await cli('compare', before, after);
  expect(code).toBe(0);
  expect(stdout).toMatch(/insertion ↑ +lime +−0\.2\d\d .* 24 +0\.0\d\d +worse/);
  expect(stdout).toMatch(/1 of 20 scores changed beyond noise/);
  expect((await cli('compare', before, after, '--fail-on-regression')).code).toBe(1);
  // The other way round it became better.
  expect((await cli('compare', after, before, '--fail-on-regression')).code).toBe(0);
  const json = JSON.parse((await cli('compare', before, after, '--json')).stdout);
  expect(json.runs[0].comparison.scores).toHaveLength(20);
});

it('sets values of all maps side by side, without a verdict', async () => {
  const higher = (row: Row): Row => (row.kind === 'group' ? { ...row, value: row.value! + 0.125 } : row);
  const { code, stdout } = await cli('compare', await runFolder(), await runFolder(higher), '--fail-on-regression');
  expect(code).toBe(0);
  expect(stdout).toMatch(/lime +\d\.\d{3} +\d\.\d{3} +\+0\.125/);
  expect(stdout).toContain('no test tells a change from noise');
});

it('compares no scores of other data, and needs two runs', async () => {
  const { stdout } = await cli('compare', await runFolder(), await runFolder(undefined, 'other'));
  expect(stdout).toMatch(/the data differ: scores cannot be compared/);
  expect(await cli('compare', 'x')).toMatchObject({ code: 2, stderr: expect.stringMatching(/two run folders/) });
});
