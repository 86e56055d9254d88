import { appendFile, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openJournal } from '../../src/results/journal.ts';
import { mapRow, sampleRow, scoreRow, temporaryFolder } from './fixture.ts';

const rows = [sampleRow('ä', 0), mapRow('ä', 'first'), scoreRow('ä', 'first', 0.5), sampleRow('y', 1)];

async function written(): Promise<string> {
  const path = join(await temporaryFolder(), 'results.jsonl');
  const journal = await openJournal(path, { write: true });
  await journal.append(rows);
  await journal.close();
  return path;
}

async function rowsIn(path: string, write = false) {
  const journal = await openJournal(path, { write });
  try {
    return [...(await journal.rowsOf('m', 'ä')), ...(await journal.rowsOf('m', 'y'))];
  } finally {
    await journal.close();
  }
}

test('rows come back by sample', async () => {
  expect(await rowsIn(await written())).toEqual(rows);
});

test('a journal cut at any byte loses the rows from there on and nothing else, and goes on', async () => {
  const path = await written();
  const whole = await readFile(path);
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: whole.length }), async cut => {
      await writeFile(path, whole.subarray(0, cut));
      const complete = whole.subarray(0, cut).toString('latin1').split('\n').length - 1;
      expect(await rowsIn(path)).toEqual(rows.slice(0, complete));
      const journal = await openJournal(path, { write: true });
      await journal.append(rows.slice(complete));
      await journal.close();
      expect((await readFile(path)).equals(whole)).toBe(true);
    }),
    { numRuns: 60, examples: [[0], [whole.length], [whole.length - 1]] },
  );
});

test('reading leaves a torn line as it is', async () => {
  const path = await written();
  await appendFile(path, '{"kind":"map"');
  const before = await readFile(path);
  await rowsIn(path);
  expect((await readFile(path)).equals(before)).toBe(true);
});

test('zeros that a file system leaves at the end after a power cut are cut off', async () => {
  const path = await written();
  const { length } = await readFile(path);
  await truncate(path, length + 4096);
  expect(await rowsIn(path, true)).toEqual(rows);
  expect((await readFile(path)).length).toBe(length);
});

test('a damaged line before whole ones is an error that names it', async () => {
  const path = await written();
  const lines = (await readFile(path, 'utf8')).split('\n');
  lines[1] = lines[1]!.slice(0, 9);
  await writeFile(path, lines.join('\n'));
  await expect(openJournal(path, { write: true })).rejects.toMatchObject({
    code: 'RUN_FOLDER',
    message: expect.stringContaining('line 2 is not a row'),
  });
});

test('the last row of a unit counts', async () => {
  const path = join(await temporaryFolder(), 'results.jsonl');
  const journal = await openJournal(path, { write: true });
  await journal.append([scoreRow('x', 'first', 1), scoreRow('x', 'second', 2)]);
  await journal.append([scoreRow('x', 'first', 3)]);
  expect((await journal.rowsOf('m', 'x')).map(r => r.kind === 'score' && r.value)).toEqual([3, 2]);
  await journal.close();
});

test('appends at once are all written, none mixed', async () => {
  const path = join(await temporaryFolder(), 'results.jsonl');
  const journal = await openJournal(path, { write: true });
  await Promise.all(Array.from({ length: 50 }, (_, i) => journal.append([sampleRow(`s${i}`, i)])));
  await journal.close();
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
  expect(new Set(lines.map(line => (JSON.parse(line) as { sample: string }).sample)).size).toBe(50);
});

test('a number that JSON can not hold is refused, and the journal goes on', async () => {
  const path = join(await temporaryFolder(), 'results.jsonl');
  const journal = await openJournal(path, { write: true });
  await expect(journal.append([scoreRow('x', 'first', Number.NaN)])).rejects.toThrow(/'value' is NaN/);
  await journal.append([scoreRow('x', 'first', 1)]);
  expect(await journal.rowsOf('m', 'x')).toHaveLength(1);
  await journal.close();
});
