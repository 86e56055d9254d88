import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tensor } from '../../src/core/tensor.ts';
import { dropLeftovers, ioError, writeAtomic } from '../../src/results/files.ts';
import { openRunFolder } from '../../src/results/folder.ts';
import { readRun } from '../../src/results/read-run.ts';
import { manifest, mapRow, sampleRow, temporaryFolder } from './fixture.ts';

/** Whether this process may mount file systems; the mount is made in the tests' own temporary folder. */
function canMount(): boolean {
  return process.platform === 'linux' && process.getuid?.() === 0 && spawnSync('mount', ['--version']).status === 0;
}

describe.skipIf(!canMount())('on a full or read-only file system (needs root to mount one)', () => {
  let dir = '';
  let mounted = false;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'ct-xai-mount-'));
    mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=128k', 'tmpfs', dir]).status === 0;
  });
  afterAll(async () => {
    if (mounted) spawnSync('umount', [dir]);
    await rm(dir, { recursive: true, force: true });
  });

  test('a full disk is an error that says so; what was acknowledged stays, and the run goes on', async context => {
    if (!mounted) context.skip('mounting is not allowed here');
    const run = join(dir, 'run');
    const folder = await openRunFolder(run, manifest(), false);
    let acknowledged = 0;
    const fill = async () => {
      for (let i = 0; i < 10_000; i++) {
        await folder.put(sampleRow(`s${i}`, i));
        acknowledged++;
      }
    };
    await expect(fill()).rejects.toMatchObject({
      code: 'IO',
      message: expect.stringMatching(/results\.jsonl: no space is left on the device\.$/),
      hint: expect.stringContaining('the run goes on'),
    });
    await expect(folder.put(sampleRow('later', 1))).rejects.toMatchObject({ code: 'IO' });
    await expect(folder.put(mapRow('x', 'a'), { map: tensor([256, 256]) })).rejects.toMatchObject({ code: 'IO' });
    await folder.close();

    spawnSync('mount', ['-o', 'remount,size=1m', dir]);
    const again = await openRunFolder(run, manifest(), false);
    expect(again.journal.index.rows).toBe(acknowledged);
    await again.put(sampleRow('later', 1));
    await again.close();

    spawnSync('mount', ['-o', 'remount,ro', dir]);
    await expect(openRunFolder(run, manifest(), false)).rejects.toMatchObject({
      code: 'IO',
      message: expect.stringContaining('the file system is read-only'),
      hint: expect.stringContaining('--out'),
    });
    await expect(openRunFolder(join(dir, 'new'), manifest(), false)).rejects.toMatchObject({ code: 'IO' });
    // Reports can still be read.
    await (await readRun(run)).close();
  });
});

test('a path through a file is an error that says so', async () => {
  const dir = await temporaryFolder();
  await writeFile(join(dir, 'file'), '');
  await expect(openRunFolder(join(dir, 'file', 'run'), manifest(), false)).rejects.toMatchObject({
    code: 'IO',
    message: expect.stringContaining('a part of the path is a file'),
  });
});

test('nothing is left behind where a file can not be put in its place', async () => {
  const dir = await temporaryFolder();
  await mkdir(join(dir, 'taken', 'inside'), { recursive: true });
  await expect(writeAtomic(join(dir, 'taken'), 'x')).rejects.toMatchObject({ code: 'IO' });
  const pieces = async function* () {
    yield 'a';
    throw new Error('no more');
  };
  await expect(writeAtomic(join(dir, 'new'), pieces())).rejects.toThrow('no more');
  expect((await import('node:fs')).readdirSync(dir)).toEqual(['taken']);
});

test('what the system says is kept as the cause', () => {
  const cause = Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' });
  expect(ioError(cause, 'writing x')).toMatchObject({ message: 'writing x: permission was denied.', cause });
});

test('what killed writers left behind can be removed, and nothing else', async () => {
  const dir = await temporaryFolder();
  for (const name of ['.12-0a1b.tmp', 'model.onnx', '.hidden', 'a.tmp']) await writeFile(join(dir, name), '');
  await dropLeftovers(dir);
  expect((await readdir(dir)).sort()).toEqual(['.hidden', 'a.tmp', 'model.onnx']);
});
