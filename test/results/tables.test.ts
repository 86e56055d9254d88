import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readNpy } from '../../src/core/npy.ts';
import { writeCurves } from '../../src/results/curves.ts';
import { openRunFolder } from '../../src/results/folder.ts';
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
