import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readCard } from '../../src/config/card.ts';
import { repository } from '../config/fixtures.ts';
import { temporaryFolder } from '../results/fixture.ts';

const TINY = { epochs: 1, size: 32, width: 0.25, batch: 4, patients: 6, 'val-patients': 2, 'test-patients': 2 };

test('one command trains both bundled models for several seeds, in both forms, and goes on where it stopped', async () => {
  const out = await temporaryFolder();
  const settings = Object.entries(TINY).flatMap(([key, value]) => [`--${key}`, String(value)]);
  const tool = join(repository, 'tools', 'train-bundled.js');
  const run = (...more: string[]) =>
    spawnSync(process.execPath, [tool, '--out', out, ...more, '--', ...settings], { encoding: 'utf8' });
  const done = run('--seeds', '2', '--first-seed', '7');
  expect(done.status, done.stderr).toBe(0);
  const weights = new Set<string>();
  for (const seed of [7, 8]) {
    for (const name of ['phantom-cnn', 'phantom-densenet']) {
      const folder = join(out, `${name}-seed-${seed}`);
      const card = await readCard(folder);
      expect(card.training).toContain(`seed ${seed}.`);
      expect(await readCard(join(folder, 'tfjs'))).toMatchObject({ format: 'tfjs', camLayer: card.camLayer });
      expect(existsSync(join(folder, 'run.lock'))).toBe(false);
      weights.add(readFileSync(card.file).toString('base64'));
    }
  }
  expect(weights.size).toBe(4);
  const again = run('--seeds', '2', '--first-seed', '7');
  expect(again.status, again.stderr).toBe(0);
  expect(again.stderr.match(/holds this training, finished/g)).toHaveLength(4);
  expect(run('--seeds', 'five')).toMatchObject({ status: 2, stderr: expect.stringMatching(/--seeds must be/) });
});
