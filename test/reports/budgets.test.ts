import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { analyseBudgets, paretoFront } from '../../src/reports/analysis/budget-analysis.ts';
import { logAxisOver } from '../../src/reports/charts/log-axis.ts';
import { balancedMean } from '../../src/reports/sections/times-section.ts';
import { settledRows } from '../../src/reports/text/budget-words.ts';
import type { BudgetRow, TimingRow } from '../../src/results/rows.ts';
import { fixtureManifest } from './fixture.ts';

const manifest = fixtureManifest({ controls: false });

function row(method: string, budget: number | undefined, sample: string, change: Partial<BudgetRow> = {}): BudgetRow {
  return {
    kind: 'budget',
    model: 'm',
    sample,
    patient: `p-${sample}`,
    method,
    ...(budget === undefined ? {} : { budget }),
    passes: { forward: budget ?? 1, backward: 0 },
    wallMs: budget ?? 1,
    status: 'ok',
    ...change,
  };
}

test('a front is what nothing is as good for as little as, from the cheapest', () => {
  const item = fc.record({ cost: fc.nat(9), quality: fc.nat(9) });
  fc.assert(
    fc.property(fc.array(item, { maxLength: 20 }), items => {
      const front = paretoFront(
        items,
        p => p.cost,
        p => p.quality,
      );
      const beaten = (p: (typeof items)[number]) =>
        items.some(q => q.cost <= p.cost && q.quality >= p.quality && (q.cost < p.cost || q.quality > p.quality));
      expect(front.filter(beaten)).toEqual([]);
      expect([...front].sort((a, b) => a.cost - b.cost)).toEqual(front);
      for (const p of items.filter(i => !beaten(i))) {
        expect(front).toContainEqual(p);
      }
    }),
  );
});

describe('budgets', () => {
  test('compare like with like: only images that every point has a value for', () => {
    const rows = [
      row('grad-cam', undefined, 'a', { values: { deletion: 0.5 } }),
      row('grad-cam', undefined, 'b', { values: { deletion: 0.1 } }),
      row('lime', 10, 'a', { values: { deletion: 0.6 } }),
      row('lime', 10, 'b', { without: { deletion: 'no' } }),
      row('lime', 20, 'a', { values: { deletion: 0.4 } }),
      row('lime', 20, 'b', { values: { deletion: 0.9 } }),
    ];
    const found = analyseBudgets(manifest, rows)!;
    const deletion = found.metrics.find(m => m.metric.id === 'deletion')!;
    expect([deletion.common, deletion.tried]).toEqual([1, 2]);
    expect(found.points.map(p => [p.method.id, p.budget, p.values.get('deletion')!.mean])).toEqual([
      ['grad-cam', undefined, 0.5],
      ['lime', 10, 0.6],
      ['lime', 20, 0.4],
    ]);
    // Lower is better.
    expect(deletion.fronts.passes).toEqual([]);
    expect(deletion.order).toEqual([]);
  });

  test('have fronts and orders from twelve patients on', () => {
    const of = (patients: number) => {
      const names = Array.from({ length: patients }, (_, i) => `s${i}`);
      const rows = names.flatMap(name => [
        row('grad-cam', undefined, name, { values: { deletion: 0.5 } }),
        row('lime', 10, name, { values: { deletion: 0.6 } }),
        row('lime', 20, name, { values: { deletion: 0.4 }, wallMs: name === 's0' ? 240 : 12 }),
      ]);
      return analyseBudgets(manifest, rows)!;
    };
    const found = of(12);
    const deletion = found.metrics.find(m => m.metric.id === 'deletion')!;
    // Lower is better.
    expect(deletion.fronts.passes.map(p => p.budget)).toEqual([undefined, 20]);
    expect(deletion.order).toEqual(['lime', 'grad-cam']);
    // At 10 the order was another.
    expect(deletion.settled).toEqual({ budget: null });
    // A slow image counts: the mean of one 240 and eleven 12.
    expect(found.points.at(-1)!.wallMs).toBeCloseTo((240 + 11 * 12) / 12, 9);
    expect(of(11).metrics.find(m => m.metric.id === 'deletion')!.order).toEqual([]);
  });

  test('are at rest from the smallest budget that all larger ones agree with', () => {
    const self = (correlation: number, kind: 'seed' | 'largest' = 'seed') => ({ self: { with: kind, correlation } });
    const series = (method: string, values: readonly (number | undefined)[], kind: 'seed' | 'largest') =>
      values.map((v, i) => row(method, [10, 20, 50, 100][i], 'a', v === undefined ? {} : self(v, kind)));
    const settled = (rows: readonly BudgetRow[]) => analyseBudgets(manifest, rows)!.settled.map(s => s.at.budget);
    expect(settled(series('lime', [0.99, 0.5, 0.96, 0.97], 'seed'))).toEqual([50]);
    expect(settled(series('lime', [0.5, 0.6, 0.7, 0.8], 'seed'))).toEqual([null]);
    expect(settled(series('occlusion', [0.96, 0.97, 0.99, undefined], 'largest'))).toEqual([10]);
    const words = settledRows(analyseBudgets(manifest, series('occlusion', [0.1, 0.2, 0.3, undefined], 'largest'))!);
    expect(words.rows[0]!.cells.slice(0, 2)).toEqual(['its largest budget', 'not by 50']);
    expect(words.rows[0]!.cells.at(-1)).toBe('itself');
  });

  test('say nothing where none were tried, and keep what failed apart', () => {
    expect(analyseBudgets(manifest, [])).toBeUndefined();
    const failed = row('lime', 10, 'a', { status: 'failed', reason: 'no way' });
    const found = analyseBudgets(manifest, [failed, row('lime', 20, 'a', { values: { deletion: 1 } })])!;
    expect(found.points.map(p => p.budget)).toEqual([20]);
    expect(found.empty.map(p => [p.budget, p.others[0]!.reason])).toEqual([[10, 'no way']]);
  });
});

test('a logarithmic axis has ticks within its ends, few enough to read, and keeps the order of values', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 1e-4, max: 1e7, noNaN: true }), { minLength: 1, maxLength: 9 }), values => {
      const axis = logAxisOver(values, [0, 100]);
      expect(axis.ticks.length).toBeGreaterThanOrEqual(1);
      expect(axis.ticks.length).toBeLessThanOrEqual(9);
      for (const t of axis.ticks) expect(axis(t)).toBeGreaterThanOrEqual(-1e-6);
      for (const v of values) {
        expect(axis(v)).toBeGreaterThanOrEqual(0);
        expect(axis(v)).toBeLessThanOrEqual(100);
      }
    }),
  );
});

test('a minute’s throughput is by the mean over images of each one’s mean', () => {
  const timing = { kind: 'timing', wallMs: { p50: 100, mean: 150, min: 100 } } as unknown as TimingRow;
  expect(balancedMean(timing)).toBe(150);
  const calls: [number, number][] = [
    [0, 100],
    [0, 100],
    [0, 100],
    [1, 300],
  ];
  expect(balancedMean({ ...timing, calls })).toBe(200);
  // 473 explanations a minute by the median of what 369 take by the mean.
  const slow: [number, number][] = [120, 125, 126.85, 130, 311.15].map((ms, image) => [image, ms]);
  const found = { ...timing, wallMs: { ...timing.wallMs!, p50: 126.85 }, calls: slow };
  expect([60_000 / 126.85, 60_000 / balancedMean(found)].map(Math.round)).toEqual([473, 369]);
});
