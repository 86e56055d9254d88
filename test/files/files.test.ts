import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { insideFolder } from '../../src/files/inside.ts';
import { isRegular, piecesOf, readRegular, readRegularSync } from '../../src/files/regular.ts';
import { temporaryFolder } from '../results/fixture.ts';

test('a name stands for a path below its folder, or for none', () => {
  expect(insideFolder('/a/b', 'c.bin')).toBe('/a/b/c.bin');
  expect(insideFolder('/a/b', 'c/../d.bin')).toBe('/a/b/d.bin');
  expect(insideFolder('/a/b', '..c')).toBe('/a/b/..c');
  for (const name of ['../c', '/a/b/c', '.', '', 'c/../..', '../b/../../etc/passwd', 'a\0b']) {
    expect(insideFolder('/a/b', name), name).toBeUndefined();
  }
});

test('ordinary files alone are read, up to a limit', async () => {
  const dir = await temporaryFolder();
  const file = join(dir, 'a.bin');
  writeFileSync(file, 'twelve bytes');
  expect((await readRegular(file)).toString()).toBe('twelve bytes');
  expect(readRegularSync(file).toString()).toBe('twelve bytes');
  await expect(readRegular(file, { limit: 11 })).rejects.toThrow('it has 12 bytes; at most 11 are read');
  expect(() => readRegularSync(dir)).toThrow('it is a folder');
  await expect(readRegular(join(dir, 'none'))).rejects.toThrow('ENOENT');
  expect([isRegular(file), isRegular(dir), isRegular(join(dir, 'none'))]).toEqual([true, false, false]);
});

test.skipIf(process.platform === 'win32')('pipes and devices are refused, not waited for', async () => {
  const dir = await temporaryFolder();
  const pipe = join(dir, 'pipe');
  execFileSync('mkfifo', [pipe]);
  mkdirSync(join(dir, 'sub'));
  expect(() => readRegularSync(pipe)).toThrow('it is a pipe');
  await expect(readRegular(pipe)).rejects.toThrow('it is a pipe');
  await expect(readRegular('/dev/zero')).rejects.toThrow('it is a device');
  await expect(piecesOf(pipe).next()).rejects.toThrow('it is a pipe');
});
