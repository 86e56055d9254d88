import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tensor } from '../../src/core/tensor.ts';
import { openRunFolder } from '../../src/results/folder.ts';
import { readRun } from '../../src/results/read-run.ts';
import { FORMAT_VERSION } from '../../src/results/rows.ts';
import { manifest, mapRow, sampleRow, scoreRow, temporaryFolder } from './fixture.ts';

async function make(dir: string, fresh = false, change = {}) {
  return openRunFolder(dir, manifest(change), fresh);
}

test('a run folder is made, closed and opened again for the same plan', async () => {
  const dir = join(await temporaryFolder(), 'a', 'b');
  const first = await make(dir);
  expect(first.resumed).toBe(false);
  await first.put(sampleRow('x', 0));
  await first.close();
  const second = await make(dir);
  expect(second.resumed).toBe(true);
  expect(second.manifest.resumed).toBe(1);
  expect(second.journal.index.rows).toBe(1);
  await second.close();
});

test('an analysis that is declared otherwise once there are rows is taken, and marked', async () => {
  const dir = await temporaryFolder();
  const declared = { analysis: { primary: ['a'], strata: ['outcome'], least: 0.8 } };
  await (await make(dir, false, declared)).close();
  const same = await make(dir, false, declared);
  expect(same.manifest.analysis).toEqual(declared.analysis);
  await same.close();
  const other = { analysis: { ...declared.analysis, primary: ['b'] } };
  await (await make(dir, false, other)).close();
  const back = await make(dir, false, declared);
  expect(back.manifest.analysis).toEqual({ ...declared.analysis, changed: true });
  await back.close();
});

test("another plan's folder is refused with what differs, and replaced only by fresh", async () => {
  const dir = await temporaryFolder();
  const first = await make(dir);
  await first.put(sampleRow('x', 0));
  await first.close();
  const other = { planDigest: 'other', seed: '2' };
  await expect(make(dir, false, other)).rejects.toMatchObject({
    code: 'RUN_FOLDER',
    message: `${dir} holds another plan ('test'); different: seed.`,
    hint: expect.stringContaining('--fresh'),
  });
  const fresh = await make(dir, true, other);
  expect(fresh.journal.index.rows).toBe(0);
  await fresh.close();
});

test('a folder with anything else in it is refused, even by fresh, and left as it is', async () => {
  const dir = await temporaryFolder();
  await writeFile(join(dir, 'thesis.docx'), 'x');
  for (const fresh of [false, true]) {
    await expect(make(dir, fresh)).rejects.toMatchObject({
      code: 'RUN_FOLDER',
      message: `${dir} is not empty and not a run folder (it holds 'thesis.docx').`,
    });
  }
  await writeFile(join(dir, 'manifest.json'), '{"name":"a web page"}');
  await expect(make(dir, true)).rejects.toMatchObject({ code: 'RUN_FOLDER' });
  expect((await readdir(dir)).sort()).toEqual(['manifest.json', 'thesis.docx']);
});

test('fresh deletes what runs write and nothing else', async () => {
  const dir = await temporaryFolder();
  await (await make(dir)).close();
  await writeFile(join(dir, 'notes.txt'), 'mine');
  await mkdir(join(dir, 'attributions'));
  await (await make(dir, true)).close();
  expect((await readdir(dir)).sort()).toEqual(['manifest.json', 'notes.txt', 'results.jsonl']);
});

test('a folder of a newer format is refused, by reports too', async () => {
  const dir = await temporaryFolder();
  await (await make(dir)).close();
  const newer = { ...manifest(), formatVersion: FORMAT_VERSION + 1 };
  await writeFile(join(dir, 'manifest.json'), JSON.stringify(newer));
  const error = { code: 'RUN_FOLDER', message: expect.stringMatching(/format 2; this version reads up to 1/) };
  await expect(make(dir)).rejects.toMatchObject(error);
  await expect(readRun(dir)).rejects.toMatchObject(error);
});

test('what a crash while it was made left does not stand in the way', async () => {
  const dir = await temporaryFolder();
  await writeFile(join(dir, 'run.lock'), '');
  await writeFile(join(dir, '.123-abc.tmp'), '{');
  await (await make(dir)).close();
});

test('maps, views and masks come back', async () => {
  const dir = await temporaryFolder();
  const folder = await make(dir);
  const id = 'CT_COVID/severe%0 a/ü.png';
  const map = tensor([2, 2], Float32Array.of(-1, 0.1, 1e-30, 4));
  const view = tensor([1, 3], Float32Array.of(-1, 0.5, 2));
  const mask = tensor([1, 3], Float32Array.of(0, 1, 1));
  await folder.put(sampleRow(id, 0), { view, mask });
  const { file: _, ...plain } = mapRow(id, 'shuffled(grad-cam)');
  const kept = await folder.put(plain, { map });
  await folder.close();
  expect(kept).toHaveProperty(
    'file',
    expect.stringMatching(/^attributions\/m\/shuffled-grad-cam-[0-9a-f]{8}\/CT_COVID-severe-0-a-u-[0-9a-f]{8}\.npy$/),
  );
  const run = await readRun(dir);
  for await (const row of run.rows()) {
    if (row.kind === 'map') expect(await run.readMap(row)).toEqual(map);
    if (row.kind === 'sample') {
      expect((await run.readView(row))!.data).toEqual(Float32Array.of(0, 128 / 255, 1));
      expect((await run.readMask(row))!.data).toEqual(Float32Array.of(0, 1, 1));
    }
  }
  expect(await run.readMap(mapRow(id, 'first'))).toBeUndefined();
  await run.close();
});

test('the manifest is never half written', async () => {
  const dir = await temporaryFolder();
  const folder = await make(dir);
  const seen: unknown[] = [];
  let writing = true;
  const reader = (async () => {
    while (writing) seen.push(JSON.parse(await readFile(join(dir, 'manifest.json'), 'utf8')));
  })();
  for (let i = 0; i < 30; i++) await folder.updateManifest({ name: 'x'.repeat(1000 * i) });
  writing = false;
  await reader;
  expect(seen.length).toBeGreaterThan(0);
  await folder.close();
});

test('a slice is kept in whole Hounsfield units, or in hundredths of a grey level', async () => {
  const dir = await temporaryFolder();
  const folder = await make(dir);
  const slice = tensor([1, 4], Float32Array.of(-1024, 39.6, 3071, 1e6));
  const grey = tensor([1, 2], Float32Array.of(127.338, 255));
  await folder.put({ ...sampleRow('x', 0), intensity: { unit: 'HU', window: [-1350, 150] } }, { slice });
  await folder.put({ ...sampleRow('y', 1), intensity: { unit: 'grey', window: [0, 255] } }, { slice: grey });
  await folder.close();
  const run = await readRun(dir);
  const slices = [];
  for await (const row of run.rows()) if (row.kind === 'sample') slices.push(await run.readSlice(row));
  expect(slices[0]!.data).toEqual(Float32Array.of(-1024, 40, 3071, 32767));
  expect(slices[1]!.data).toEqual(Float32Array.of(127.34, 255));
  await run.close();
});

test('a film is kept as frame numbers and 255ths of the window', async () => {
  const dir = await temporaryFolder();
  const folder = await make(dir);
  const film = tensor([2, 1, 3], Float32Array.of(1, 2, 16, -0.2, 0.5, 1));
  const filled = tensor([3, 1, 3], Float32Array.of(1, 2, 16, -0.2, 0.5, 1, 0.25, 0.5, 2));
  await folder.put({ ...scoreRow('x', 'first', 0.3), film: { from: 'image' } }, { film });
  await folder.put({ ...scoreRow('x', 'second', 0.3), film: { from: 'image' } }, { film: filled });
  await folder.close();
  const run = await readRun(dir);
  const rows = await run.rowsOf('m', 'x');
  const [first, second] = await Promise.all(rows.map(row => (row.kind === 'score' ? run.readFilm(row) : undefined)));
  const values = (found: typeof first) => [...found!.data].map(v => Math.round(255 * v) / 255);
  expect(values(first)).toEqual([1, 2, 16, 0, 128 / 255, 1]);
  expect(values(second)).toEqual([1, 2, 16, 0, 128 / 255, 1, 64 / 255, 128 / 255, 1]);
  await run.close();
});
