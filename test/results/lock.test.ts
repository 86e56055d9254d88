import { spawnSync } from 'node:child_process';
import { readdir, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { acquireLock, LOCK_FILE } from '../../src/results/lock.ts';
import { temporaryFolder } from './fixture.ts';

test('a folder has one owner at a time, and is free again afterwards', async () => {
  const dir = await temporaryFolder();
  const lock = await acquireLock(dir);
  await expect(acquireLock(dir)).rejects.toMatchObject({
    code: 'RUN_FOLDER',
    message: `${dir} is in use by process ${process.pid} on ${hostname()}.`,
  });
  await lock.release();
  expect(await readdir(dir)).toEqual([]);
  await (await acquireLock(dir)).release();
});

test('of many at once exactly one gets it', async () => {
  const dir = await temporaryFolder();
  const locks = await Promise.allSettled(Array.from({ length: 20 }, () => acquireLock(dir)));
  expect(locks.filter(lock => lock.status === 'fulfilled')).toHaveLength(1);
});

test('the lock of a process that has died is taken over', async () => {
  const dir = await temporaryFolder();
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  await writeFile(join(dir, LOCK_FILE), JSON.stringify({ pid, host: hostname(), born: '' }));
  await (await acquireLock(dir)).release();
});

test('a later process with the same pid does not keep a dead one’s lock alive', async () => {
  const dir = await temporaryFolder();
  await writeFile(join(dir, LOCK_FILE), JSON.stringify({ pid: process.pid, host: hostname(), born: 'another boot:1' }));
  await (await acquireLock(dir)).release();
});

test('a lock that is not readable is taken over', async () => {
  const dir = await temporaryFolder();
  await writeFile(join(dir, LOCK_FILE), '{"pi');
  await (await acquireLock(dir)).release();
});

test("another machine's lock is respected", async () => {
  const dir = await temporaryFolder();
  await writeFile(join(dir, LOCK_FILE), JSON.stringify({ pid: 1, host: 'elsewhere', born: '' }));
  await expect(acquireLock(dir)).rejects.toMatchObject({
    message: `${dir} is in use by process 1 on elsewhere.`,
    hint: expect.stringContaining(LOCK_FILE),
  });
});
