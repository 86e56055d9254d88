import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { expect, it } from 'vitest';
import { fixtureRows } from '../reports/fixture.ts';
import { temporaryFolder } from '../results/fixture.ts';
import { cli, ROOT } from './fixture.ts';

/** Columns of scores.csv that docs/recipes.md asks for. */
const COLUMNS = ['model', 'patient', 'label', 'target', 'method', 'metric', 'value', 'status'];

it('the recipes’ means of scores.csv are those of summary.csv', async () => {
  const dir = await temporaryFolder();
  const { manifest, rows } = fixtureRows({ images: 72, patients: 48, timing: false });
  await writeFile(join(dir, 'manifest.json'), JSON.stringify(manifest));
  await writeFile(join(dir, 'results.jsonl'), rows.map(row => `${JSON.stringify(row)}\n`).join(''));
  expect(await cli('report', dir, '--gallery', '0')).toMatchObject({ code: 0 });
  const read = async (file: string) =>
    parse(await readFile(join(dir, file)), { columns: true }) as Record<string, string>[];

  const recipes = await readFile(join(ROOT, 'docs', 'recipes.md'), 'utf8');
  const scores = await read('scores.csv');
  for (const name of COLUMNS) {
    expect(Object.keys(scores[0]!)).toContain(name);
    expect(recipes).toMatch(new RegExp(`\\b${name}\\b`));
  }
  // As the recipes do it: values of one class, the mean within each patient, then over patients.
  const one = scores.filter(row => row.status === 'ok' && row.metric === 'insertion' && row.label === row.target);
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const meansOf = (method: string) => {
    const own = one.filter(row => row.method === method);
    const patients = [...new Set(own.map(row => row.patient))];
    return mean(patients.map(patient => mean(own.filter(r => r.patient === patient).map(r => Number(r.value)))));
  };
  const summary = (await read('summary.csv')).filter(
    row => row.metric === 'insertion' && row.stratum === 'label COVID',
  );
  expect(summary.map(row => row.method)).toEqual([...new Set(one.map(row => row.method))]);
  for (const row of summary) expect(Number(row.mean), row.method!).toBeCloseTo(meansOf(row.method!), 12);
});
