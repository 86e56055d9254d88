import { describe, expect, it } from 'vitest';
import { createRng } from '../../src/core/rng.ts';
import type { Answered, MethodEntry, MetricEntry, ModelAnalysis } from '../../src/reports/analysis/analysis.ts';
import { crossesOf, withoutBaseline } from '../../src/reports/analysis/baseline-cross.ts';
import type { ScoreCell } from '../../src/reports/summary/collect.ts';
import { baselinesTable } from '../../src/reports/tables/baselines-table.ts';
import { tableCsv } from '../../src/reports/tables/report-table.ts';

const PATIENTS = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
const method = (id: string, baseline?: string) => ({ id, baseline, role: 'method' }) as unknown as MethodEntry;
const metric = (baseline: string) =>
  ({ id: `deletion(${baseline})`, name: 'deletion', baseline, better: 'lower' }) as unknown as MetricEntry;
const cell = (of: string, by: string, value: number) =>
  ({
    metric: `deletion(${by})`,
    method: of,
    values: new Map(PATIENTS.map((p, i) => [p, value + i])),
  }) as unknown as ScoreCell;

const methods = [method('cam'), method('ig(air)', 'air'), method('ig(blur)', 'blur'), method('lime(own)', 'x')];
const cells = [
  cell('cam', 'air', 3),
  cell('cam', 'blur', 1),
  // The best of all where the baselines match, which must not count.
  cell('ig(air)', 'air', -50),
  cell('ig(air)', 'blur', 4),
  cell('ig(blur)', 'air', 2),
  cell('ig(blur)', 'blur', -50),
];
const crosses = crossesOf(['air', 'blur'].map(metric), {
  methods,
  cells,
  only: { name: 'all', samples: new Set(PATIENTS), patients: 7 },
  answered: new Map() as Answered,
  rng: createRng(1),
});

describe('a metric with several baselines', () => {
  it('counts an explainer only over baselines that are not the column’s', () => {
    expect(crosses).toHaveLength(1);
    const [cam, ig, lime] = crosses[0]!.rows;
    expect(cam).toMatchObject({ explainer: 'cam', values: [6, 4], worstRegret: 1 });
    expect(ig).toMatchObject({ explainer: 'ig', values: [5, 7], matched: [-47, -47], worstRegret: 3 });
    expect(lime!.values).toEqual([undefined, undefined]);
    expect(lime).not.toHaveProperty('worstRegret');
  });

  it('says that the columns order the explainers the other way, and where the winner falls behind', () => {
    expect(crosses[0]!.concordance).toEqual({ w: 0, interval: [0, 0], chance: 0.5 });
    expect(crosses[0]!.winner).toEqual({ explainer: 'cam', regret: 1, baseline: 'air' });
  });

  it('is a table as CSV too, and no file where nothing was crossed', () => {
    const manifest = {} as Parameters<typeof tableCsv>[1];
    const model = { model: { id: 'net' }, crosses } as unknown as ModelAnalysis;
    const lines = tableCsv(baselinesTable({ models: [model] })!, manifest)
      .trim()
      .split('\n');
    expect(lines).toHaveLength(1 + 3 * 2);
    expect(lines[0]).toMatch(/^model,metric,better,explainer,baseline,mean,mean_same_baseline,/);
    expect(lines[1]).toBe('net,deletion,lower,cam,air,6,,,1,0,0,0,0.5');
    expect(lines[4]).toBe('net,deletion,lower,ig,blur,7,-47,,3,0,0,0,0.5');
    expect(baselinesTable({ models: [{ ...model, crosses: [] }] })).toBeUndefined();
  });

  it('is none where ids do not differ in the baseline alone', () => {
    expect(withoutBaseline({ id: 'deletion', baseline: 'air' })).toBe('deletion');
    const single = { ...metric('air'), id: 'deletion' };
    const only = { name: 'all', samples: new Set<string>(), patients: 0 };
    expect(crossesOf([single], { methods, cells, only, answered: new Map(), rng: createRng(1) })).toEqual([]);
  });
});
