import { readFileSync } from 'node:fs';
import { truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { expect, test } from 'vitest';
import { defineExplainer } from '../../src/core/define.ts';
import { tensor } from '../../src/core/tensor.ts';
import type { BudgetRow, Row } from '../../src/results/rows.ts';
import { temporaryFolder } from '../results/fixture.ts';
import { analyticEngine, registryWith, run, SIZE, world } from './world.ts';

const budgetsOf = (rows: readonly Row[]) => rows.filter((r): r is BudgetRow => r.kind === 'budget');
const names = ({ method, budget, sample }: BudgetRow) => `${method} ${budget ?? ''} ${sample}`;

const suite = {
  explainers: [
    'grad-cam',
    'occlusion',
    { use: 'lime', options: { samples: 20, segmentation: 'grid', segments: 9 } },
    { use: 'integrated-gradients', options: { steps: 5 } },
  ],
  controls: ['random', 'shuffled'],
  metrics: [{ use: 'deletion', options: { steps: 4 } }, 'pointing-game'],
  timing: { samples: 2, repeats: 2, budgets: [40, 10, 3, 40] },
};

test('every method that can spend passes does so at every budget, the others once; controls are left out', async () => {
  const dir = await world(await temporaryFolder(), 1);
  const { rows, counts, dir: out } = await run(dir, registryWith(analyticEngine()), { suite });
  const found = budgetsOf(rows);
  expect(counts.budget).toEqual({ ok: 2 * (1 + 2 + 3 + 2), skipped: 2 * 2 });
  expect(found.map(r => `${r.method} ${r.budget ?? ''}`).filter((_, i) => i % 2 === 0)).toEqual([
    'grad-cam ',
    ...[3, 10, 40].map(n => `occlusion ${n}`),
    ...[3, 10, 40].map(n => `lime ${n}`),
    ...[3, 10, 40].map(n => `integrated-gradients ${n}`),
  ]);
  for (const row of found.filter(r => r.status === 'ok')) {
    if (row.budget !== undefined) {
      expect(row.passes!.forward + row.passes!.backward).toBeLessThanOrEqual(row.budget);
    }
    expect(row.wallMs!).toBeGreaterThan(0);
    // Images without a mask have a reason in its place.
    expect([...Object.keys(row.values!), ...Object.keys(row.without ?? {})].sort()).toEqual([
      'deletion',
      'pointing-game',
    ]);
  }
  const own = (method: string) => found.filter(r => r.method === method).map(r => [r.budget, r.self?.with]);
  // LIME draws at random: against another seed, at every budget. The others: against their largest.
  expect(own('lime').map(([, self]) => self)).toEqual(Array(6).fill('seed'));
  expect(own('occlusion')).toEqual([3, 3, 10, 10, 40, 40].map(n => [n, n === 10 ? 'largest' : undefined]));
  expect(own('grad-cam')).toEqual([undefined, undefined].map(n => [n, undefined]));
  expect(found.find(r => r.method === 'occlusion')).toMatchObject({
    status: 'skipped',
    reason: '3 passes are too few for it',
  });
  const lines = parse(readFileSync(join(out, 'budgets.csv')), { columns: true }) as Record<string, string>[];
  expect(lines).toHaveLength(2 * (8 * 2 + 2));
  expect(lines.find(l => l['method'] === 'lime')).toMatchObject({ budget: '3', self_with: 'seed', forwards: '3' });
});

test('a map at a budget is that of the run with the same options', async () => {
  const dir = await world(await temporaryFolder(), 1);
  const { rows } = await run(dir, registryWith(analyticEngine()), {
    suite: { ...suite, timing: { samples: 2, repeats: 2, budgets: [20] } },
  });
  const at = budgetsOf(rows).find(r => r.method === 'lime')!;
  const score = rows.find(
    r => r.kind === 'score' && r.method === 'lime' && r.metric === 'deletion' && r.sample === at.sample,
  );
  expect(at.values!['deletion']).toBe((score as { value: number }).value);
});

test('what was done stays when the run goes on, and the rest comes out the same', async () => {
  const dir = await world(await temporaryFolder(), 1);
  const registry = registryWith(analyticEngine());
  const whole = await run(dir, registry, { suite });
  const expected = budgetsOf(whole.rows).map(({ wallMs: _, ...row }) => row);
  const journal = join(whole.dir, 'results.jsonl');
  const text = readFileSync(journal, 'utf8');
  const lines = text.split('\n');
  const kept = lines.slice(0, lines.findIndex(l => l.includes('"budget"')) + 9).join('\n');
  await truncate(journal, Buffer.byteLength(`${kept}\n`));
  const resumed = await run(dir, registry, { suite });
  expect(budgetsOf(resumed.rows).map(({ wallMs: _, ...row }) => row)).toEqual(expected);
  expect(budgetsOf(resumed.rows).map(names)).toEqual(budgetsOf(whole.rows).map(names));
});

test('a method that breaks at a budget has rows that say so', async () => {
  const dir = await world(await temporaryFolder(), 1);
  const brittle = defineExplainer({
    name: 'brittle',
    title: 'Brittle',
    cite: 'none',
    kind: 'ranking',
    spend: () => ({}),
    async explain({ rng }) {
      if (rng.next() < 2) throw new Error('no way');
      return { map: tensor([SIZE, SIZE]) };
    },
  });
  const { rows } = await run(dir, registryWith(analyticEngine(), { explainers: [brittle] }), {
    suite: { explainers: ['brittle'], controls: [], metrics: [], timing: { samples: 1, repeats: 1, budgets: [10] } },
  });
  expect(budgetsOf(rows).map(r => [r.status, r.reason])).toEqual([['failed', 'no way']]);
});
