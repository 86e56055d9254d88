import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';

interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly { readonly name: string; readonly cells: readonly { readonly value: number }[] }[];
}

const RUNS = 100;
/** Three standard errors of a share over so many runs. */
const slack = (share: number) => 3 * Math.sqrt((share * (1 - share)) / RUNS);

/** The short form of `npm run bench:statistics`; docs/statistics.md has the long one's figures. */
describe(`over ${RUNS} simulated studies of 24 patients`, () => {
  let tables: Table[];
  beforeAll(() => {
    const script = fileURLToPath(new URL('../../../bench/statistics/run.js', import.meta.url));
    const options = ['--runs', String(RUNS), '--patients', '24', '--json'];
    const { stdout } = spawnSync(process.execPath, [script, ...options], { encoding: 'utf8' });
    tables = JSON.parse(stdout) as Table[];
  });
  const column = (title: RegExp, name: string) => {
    const { columns, rows } = tables.find(table => title.test(table.title))!;
    return rows.map(row => ({ name: row.name, value: row.cells[columns.indexOf(name)]!.value }));
  };

  it('intervals cover', () => {
    for (const title of [/of a mean/, /of a share/, /ROC/, /over trainings/]) {
      for (const { name, value } of column(title, 'covered')) {
        const least = /lognormal/.test(name) && !/normal, lognormal/.test(name) ? 0.91 : 0.945;
        expect(value, name).toBeGreaterThanOrEqual(least - slack(least));
      }
    }
  });

  it('skew is marked where it is strong, and seldom where it is not', () => {
    const marked = Object.fromEntries(column(/of a mean/, 'marked').map(({ name, value }) => [name, value]));
    expect(marked.lognormal).toBeGreaterThan(0.75);
    expect(marked.normal).toBeLessThan(0.2);
  });

  it('explainers with equal means are seldom separated, and keep rank 1; signs alone would not hold', () => {
    for (const { name, value } of [...column(/equal means/, 'error'), ...column(/controls/, 'error')]) {
      expect(value, name).toBeLessThanOrEqual(0.05 + slack(0.05));
    }
    for (const { name, value } of column(/equal means/, 'rank 1')) {
      expect(value, name).toBeGreaterThanOrEqual(0.95 - slack(0.95));
    }
    expect(column(/equal means/, 'signs alone').find(row => /constant, three/.test(row.name))!.value).toBeGreaterThan(
      0.1,
    );
  });

  it('an explainer that is far ahead is found', () => {
    for (const { name, value } of column(/Power/, 'all tests')) expect(value, name).toBeGreaterThan(0.45);
  });
});
