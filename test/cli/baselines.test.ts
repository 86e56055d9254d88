import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../results/fixture.ts';
import { cli, cliWorld, ROOT } from './fixture.ts';

const suite = (more: object) => ({
  models: [join(ROOT, 'models', 'phantom-cnn', 'model.yaml')],
  data: { use: 'phantom', split: 'test', patients: 6, slices: 1, factors: true },
  explainers: ['saliency'],
  metrics: ['deletion'],
  ...more,
});

interface Row {
  readonly baseline: string;
  readonly reason?: string;
  readonly removal?: { readonly mean: number; readonly patients: number };
  readonly fall?: { readonly mean: number };
  readonly shift?: readonly number[];
}

test('the same patient without the lesion removes it and looks like a patient; noise does not', async () => {
  const folder = await temporaryFolder();
  const file = join(folder, 'suite.json');
  const background = { use: 'phantom', split: 'train', patients: 24, slices: 1 };
  await writeFile(file, JSON.stringify(suite({ background })));
  const table = join(folder, 'panel.csv');
  const asked = ['--baselines', 'counterfactual', 'noise', '--json', '--out', table];
  const { code, stdout } = await cli('baselines', file, ...asked);
  expect(code).toBe(0);
  const [truth, noise] = JSON.parse(stdout) as Row[];
  expect(truth).toMatchObject({ baseline: 'counterfactual' });
  // All of the lesion's pixels are in its mask but the blur at its rim.
  expect(truth!.removal!.mean).toBeGreaterThan(0.9);
  expect(truth!.removal!.mean).toBeLessThan(1.1);
  expect(truth!.shift!.every(area => area < 0.8)).toBe(true);
  expect(noise!.shift).toEqual([1, 1, 1, 1, 1, 1]);
  const [head, first] = (await readFile(table, 'utf8')).split('\n');
  expect(head).toMatch(/^model,baseline,reason,removal,/);
  expect(first).toContain(String(truth!.removal!.mean));
});

test('without training images it measures what is removed, and says what is missing', async () => {
  const folder = await temporaryFolder();
  const file = join(folder, 'suite.json');
  await writeFile(file, JSON.stringify(suite({})));
  const { code, stdout, stderr } = await cli('baselines', file, '--baselines', 'air');
  expect(code).toBe(0);
  expect(stderr).toContain("the suite names no training images ('background')");
  expect(stdout).toMatch(/^air +-?\d\.\d\d \(n 3\) +-?\d/m);
  expect(stdout).not.toContain('strange 5 %');
  const unknown = await cli('baselines', file, '--baselines', 'airr');
  expect(unknown.code).toBe(2);
  expect(unknown.stderr).toContain("Did you mean 'air'?");
});

test('an image that cannot be read is named, and the others are measured', async () => {
  const folder = await temporaryFolder();
  const file = await cliWorld(folder, { images: 2 });
  const positive = join(folder, 'images', 'yes');
  await writeFile(
    join(positive, 'slice 0 50%.png'),
    (await readFile(join(positive, 'slice 0 50%.png'))).subarray(0, 60),
  );
  const one = await cli('baselines', file, '--baselines', 'air');
  expect(one, one.stderr).toMatchObject({ code: 0, stdout: expect.stringMatching(/^air .*n 1\)/m) });
  expect(one.stderr).toMatch(/left out: .*slice 0 50%\.png.*: /);
  await writeFile(join(positive, 'slice 1 50%.png'), 'no picture');
  const none = await cli('baselines', file, '--baselines', 'air');
  expect(none).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('slice 1 50%.png') });
});
