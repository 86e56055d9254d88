import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readNpy } from '../../src/core/npy.ts';
import { temporaryFolder } from '../results/fixture.ts';
import { NO_REDIS, redisServer } from '../support/redis-server.ts';
import { cli, cliWorld, MAIN } from './fixture.ts';

const SUITE = {
  explainers: ['saliency', { use: 'lime', options: { samples: 20, segmentation: 'grid', segments: 16 } }],
  controls: ['edges'],
  metrics: ['sparseness'],
  timing: { enabled: false },
};

/** Names and bytes of the saved maps of a run. */
async function mapsOf(out: string): Promise<Record<string, string>> {
  const entries = await readdir(join(out, 'maps'), { recursive: true, withFileTypes: true });
  const files = entries.filter(entry => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  const read = files.sort().map(async name => [name.slice(out.length), (await readFile(name)).toString('base64')]);
  return Object.fromEntries(await Promise.all(read));
}

test('run --save writes the explainers’ maps on the pixels of the files, also of a run that is finished', async () => {
  const dir = await temporaryFolder();
  const suite = { ...SUITE, explainers: ['saliency'] };
  const file = await cliWorld(dir, { images: 1, suite });
  const out = join(dir, 'run');
  const first = await cli('run', file, '--out', out, '--save', 'npy', 'nifti');
  expect(first, first.stderr).toMatchObject({ code: 0, stdout: expect.stringMatching(/4 files of maps: /) });
  expect(first.stderr).toContain('2 images do not say where they lie');
  const folder = join(out, 'maps', 'tiny', 'saliency');
  expect(await readdir(join(out, 'maps', 'tiny'))).toEqual(['saliency']);
  const names = await readdir(folder);
  expect(names.map(name => name.replace(/^[^.]*/, '')).sort()).toEqual(['.nii.gz', '.nii.gz', '.npy', '.npy']);
  const map = readNpy(await readFile(join(folder, names.find(name => name.endsWith('.npy'))!)));
  // The pictures are 72 × 80, the network's grid is 64 × 64.
  expect(map.shape).toEqual([72, 80]);

  // A format that pictures can't have keeps no other from being written.
  await rm(join(out, 'maps'), { recursive: true });
  const dicom = await cli('run', file, '--out', out, '--save', 'dicom', 'npy');
  expect(dicom).toMatchObject({ code: 1, stderr: expect.stringMatching(/not saved: 2 × dicom: .*no DICOM file/) });
  expect((await readdir(folder)).map(name => name.replace(/^[^.]*/, ''))).toEqual(['.npy', '.npy']);
  expect(dicom.stdout).toMatch(/2 files of maps: /);
  const part = await cli('run', file, '--out', join(dir, 'part'), '--save', 'npy', '--shard', '1/2');
  expect(part).toMatchObject({ code: 2, stderr: expect.stringContaining('--save writes the maps of a whole run') });
});

test('run --save writes the same maps of a run by a queue, and of shards that were merged', async () => {
  const dir = await temporaryFolder();
  const file = await cliWorld(dir, { images: 2, suite: SUITE });
  const out = (name: string) => join(dir, name);
  const save = ['--save', 'npy', 'nifti'];
  expect(await cli('run', file, '--out', out('one'), ...save)).toMatchObject({ code: 0 });
  const own = await mapsOf(out('one'));
  expect(Object.keys(own)).toHaveLength(16);

  for (const k of [1, 2]) await cli('run', file, '--out', out(`part-${k}`), '--shard', `${k}/2`);
  await cli('merge', out('part-1'), out('part-2'), '--out', out('merged'));
  const merged = await cli('run', file, '--out', out('merged'), ...save);
  expect(merged, merged.stderr).toMatchObject({ code: 0, stdout: expect.stringMatching(/16 files of maps: /) });
  expect(await mapsOf(out('merged'))).toEqual(own);

  if (NO_REDIS) return;
  const redis = await redisServer(dir);
  const worker = spawn(process.execPath, [MAIN, 'worker', redis.address], { stdio: 'ignore' });
  try {
    const queued = await cli('run', file, '--out', out('queued'), '--queue', redis.address, ...save);
    expect(queued, queued.stderr).toMatchObject({ code: 0, stdout: expect.stringMatching(/16 files of maps: /) });
    expect(await mapsOf(out('queued'))).toEqual(own);
  } finally {
    // It has nothing in hand, and so goes at once: of its patience, 60 s, nothing is left to wait for.
    const ended = once(worker, 'close', { signal: AbortSignal.timeout(30_000) });
    worker.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    await redis.kill();
  }
});
