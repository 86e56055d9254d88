import { parse } from 'csv-parse/sync';
import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import { expect, it } from 'vitest';
import { analyse } from '../../src/reports/analysis/analyse.ts';
import { REPORT_TABLES, renderReports } from '../../src/reports/index.ts';
import { fixture } from './fixture.ts';

const run = await fixture();

async function filesOf(parquet: boolean): Promise<Map<string, string | Uint8Array>> {
  const files = new Map<string, string | Uint8Array>();
  for await (const { file, bytes } of renderReports(run, analyse(run), { parquet })) files.set(file, bytes);
  return files;
}

it('the report’s tables are Parquet too where that is asked for, with the cells of the CSV files and with types', async () => {
  const files = await filesOf(true);
  const types: Record<string, string | undefined> = {};
  const seen: string[] = [];
  for (const name of REPORT_TABLES) {
    const csv = files.get(`${name}.csv`);
    const bytes = files.get(`${name}.parquet`) as Uint8Array | undefined;
    expect(bytes === undefined, name).toBe(csv === undefined);
    if (!bytes) continue;
    seen.push(name);
    const file = bytes.slice().buffer as ArrayBuffer;
    for (const { name: column, type } of parquetMetadata(file).schema) types[`${name}.${column}`] = type;
    const rows = await parquetReadObjects({ file });
    const texts = rows.map(row =>
      Object.fromEntries(Object.entries(row).map(([k, v]) => [k, v === null ? '' : String(v)])),
    );
    expect(texts, name).toEqual(parse(csv as string, { columns: true }));
  }
  expect(seen).toEqual(expect.arrayContaining(['summary', 'classifier', 'audit']));
  expect(types).toMatchObject({
    'summary.mean': 'DOUBLE',
    'summary.patients': 'INT32',
    'summary.skewed': 'BOOLEAN',
    'summary.do_not_rank': 'BYTE_ARRAY',
    'classifier.estimate': 'DOUBLE',
    'audit.p_oracle_beats_all': 'DOUBLE',
  });
  const plain = await filesOf(false);
  expect([...plain.keys()].filter(file => file.endsWith('.parquet'))).toEqual([]);
});
