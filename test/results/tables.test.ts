import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import { expect, test } from 'vitest';
import { readNpy } from '../../src/core/npy.ts';
import { writeCurves } from '../../src/results/curves.ts';
import { openRunFolder } from '../../src/results/folder.ts';
import { createParquet } from '../../src/results/parquet.ts';
import { readRun } from '../../src/results/read-run.ts';
import type { Row } from '../../src/results/rows.ts';
import { writeTables } from '../../src/results/tables.ts';
import { manifest, mapRow, sampleRow, scoreRow, temporaryFolder } from './fixture.ts';

const curve = { fraction: [0, 0.5, 1], score: [0.9, 0.25, 0.1] };
const all: Row[] = [
  sampleRow('x', 0, { source: 'a "quoted", name\n.png' }),
  mapRow('x', 'second'),
  scoreRow('x', 'second', 0.1, { curve }),
  mapRow('x', 'first'),
  scoreRow('x', 'first', 0.2, { curve: { fraction: [0, 1], score: [1, 0] } }),
  sampleRow('a', 1, { patient: 'p-x' }),
  mapRow('a', 'second', { status: 'failed', reason: 'it broke' }),
  {
    kind: 'score',
    model: 'm',
    sample: 'a',
    method: 'second',
    metric: 'deletion',
    status: 'failed',
    reason: 'it broke',
  },
  mapRow('a', 'first'),
  scoreRow('a', 'first', 0.4),
  {
    kind: 'timing',
    model: 'm',
    engine: 'onnx',
    device: 'cpu',
    method: 'second',
    samples: 9,
    wallMs: { mean: 2, sd: 1, p50: 1.5, min: 1 },
    passes: { forward: 3, backward: 1 },
    status: 'ok',
  },
];

const FILES = ['samples.csv', 'scores.csv', 'timings.csv', 'curves.csv', 'curves/index.csv'];

async function tablesOf(rows: readonly Row[]): Promise<Record<string, string>> {
  const dir = await temporaryFolder();
  const folder = await openRunFolder(dir, manifest(), false);
  for (const row of rows) await folder.put(row);
  await folder.close();
  const run = await readRun(dir);
  await writeTables(run, { curvesCsv: true });
  await writeCurves(run);
  await run.close();
  const files = [...FILES, 'curves/m/deletion.air.npy'];
  return Object.fromEntries(await Promise.all(files.map(async f => [f, await readFile(join(dir, f), 'latin1')])));
}

test('tables are the same in whatever order the units ended', async () => {
  const expected = await tablesOf(all);
  await fc.assert(
    fc.asyncProperty(fc.shuffledSubarray(all, { minLength: all.length }), async rows => {
      expect(await tablesOf(rows)).toEqual(expected);
    }),
    { numRuns: 10 },
  );
});

test('tables are read by csv-parse with the documented columns, in plan order', async () => {
  const tables = await tablesOf(all);
  const read = (file: string) => parse(tables[file]!, { columns: true }) as Record<string, string>[];
  expect(read('samples.csv').map(r => [r.id, r.source, r.patient, r.label, r.predicted, r.probability])).toEqual([
    ['x', 'a "quoted", name\n.png', 'p-x', 'a', 'b', '0.75'],
    ['a', 'a.png', 'p-x', 'a', 'b', '0.75'],
  ]);
  expect(tables['scores.csv']!.split('\n')[0]).toBe(
    'model,dataset,sample,patient,label,target,method,metric,baseline,value,status,reason,' +
      'explainer_baseline,model_variant,sample_variant,replicate,outcome,error',
  );
  expect(read('scores.csv').map(r => [r.sample, r.method, r.value, r.status])).toEqual([
    ['x', 'second', '0.1', 'ok'],
    ['x', 'first', '0.2', 'ok'],
    ['a', 'second', '', 'failed'],
    ['a', 'first', '0.4', 'ok'],
  ]);
  expect(read('timings.csv')[0]).toMatchObject({
    wall_ms_p50: '1.5',
    wall_ms_p95: '',
    device_ms_p50: '',
    forwards: '3',
  });
  expect(read('curves.csv')).toHaveLength(5);
});

test('as Parquet the tables have typed columns, with nulls for what is missing, and are gone when not asked for', async () => {
  const dir = await temporaryFolder();
  const folder = await openRunFolder(dir, manifest(), false);
  for (const row of all) await folder.put(row);
  await folder.close();
  const run = await readRun(dir);
  await writeTables(run, { parquet: true });
  const read = async (name: string) => {
    const bytes = await readFile(join(dir, `${name}.parquet`));
    const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
    const types = parquetMetadata(file).schema.map(({ name: column, type }) => [column, type]);
    return { types: Object.fromEntries(types), rows: await parquetReadObjects({ file }) };
  };
  const text = async (name: string) =>
    parse(await readFile(join(dir, `${name}.csv`)), { columns: true }) as Record<string, string>[];
  const scores = await read('scores');
  expect(scores.types).toMatchObject({ value: 'DOUBLE', replicate: 'INT32', status: 'BYTE_ARRAY' });
  expect(scores.rows.map(r => [r.sample, r.method, r.value, r.status, r.reason, r.replicate])).toEqual([
    ['x', 'second', 0.1, 'ok', null, 0],
    ['x', 'first', 0.2, 'ok', null, 0],
    ['a', 'second', null, 'failed', 'it broke', 0],
    ['a', 'first', 0.4, 'ok', null, 0],
  ]);
  expect((await read('samples')).types).toMatchObject({ mask: 'BOOLEAN', probability: 'DOUBLE' });
  const same = (cell: unknown) =>
    cell === null ? '' : typeof cell === 'boolean' ? String(Number(cell)) : String(cell);
  for (const name of ['samples', 'scores', 'timings']) {
    const { rows } = await read(name);
    expect(rows.map(row => Object.fromEntries(Object.entries(row).map(([k, v]) => [k, same(v)])))).toEqual(
      await text(name),
    );
  }
  await writeTables(run);
  await run.close();
  expect((await readdir(dir)).filter(file => file.endsWith('.parquet'))).toEqual([]);
});

test('more lines than a row group holds all come back', async () => {
  const path = join(await temporaryFolder(), 'long.parquet');
  const table = await createParquet(path, [{ name: 'n', type: 'count' }, { name: 'name' }]);
  for (let i = 0; i < 50_002; i++) await table.line([i, i % 2 === 0 ? `line ${i}` : undefined]);
  await table.end();
  const bytes = await readFile(path);
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
  expect(parquetMetadata(file).row_groups).toHaveLength(2);
  const rows = await parquetReadObjects({ file });
  expect(rows).toHaveLength(50_002);
  expect(rows.every((row, i) => row.n === i && row.name === (i % 2 === 0 ? `line ${i}` : null))).toBe(true);
});

test('curves are stored with their fractions, shorter ones end in NaN, and the index says whose they are', async () => {
  const tables = await tablesOf(all);
  const { shape, data } = readNpy(Buffer.from(tables['curves/m/deletion.air.npy']!, 'latin1'));
  expect(shape).toEqual([2, 2, 3]);
  const f = Math.fround;
  expect([...(data as Float32Array)]).toEqual([0, 0.5, 1, f(0.9), 0.25, f(0.1), 0, 1, Number.NaN, 1, 0, Number.NaN]);
  const index = parse(tables['curves/index.csv']!, { columns: true }) as Record<string, string>[];
  expect(index.map(r => [r.file, r.row, r.method, r.points])).toEqual([
    ['m/deletion.air.npy', '0', 'second', '3'],
    ['m/deletion.air.npy', '1', 'first', '2'],
  ]);
});
