import { describe, expect, it } from 'vitest';
import { createRng } from '../../src/core/rng.ts';
import type { Answered, MethodEntry, MetricAnalysis } from '../../src/reports/analysis/analysis.ts';
import { type AuditEntry, auditOf } from '../../src/reports/analysis/audit.ts';
import type { ScoreCell } from '../../src/reports/summary/collect.ts';

const PATIENTS = 24;
const samples = Array.from({ length: PATIENTS }, (_, i) => `s${i}`);
const answered = new Map(samples.map((sample, i) => [sample, { sample, patient: `p${i}` }])) as unknown as Answered;
const method = (id: string, role = 'control', name = id) => ({ id, name, role }) as MethodEntry;
const rng = createRng('audit');

interface Level {
  readonly level: number;
  readonly role?: 'method' | 'control';
}

/** A run with one metric or several, whose values scatter by 0.1 about a level. */
function audited(
  levels: Readonly<Record<string, Level | number>>,
  {
    metrics = ['m'],
    better = 'higher',
    category = 'faithfulness',
  }: Partial<Record<'better' | 'category', string>> & { metrics?: readonly string[] } = {},
): AuditEntry[] {
  const entries = Object.entries(levels).map(
    ([id, l]) => (typeof l === 'number' ? [id, { level: l }] : [id, l]) as [string, Level],
  );
  const methods = entries.map(([id, { role = 'control' }]) => method(id, role, id.replace(/-\d+$/, '')));
  const cells = metrics.flatMap(metric =>
    entries.map(([id, { level }]) => ({
      ...{ metric, method: id },
      values: new Map(samples.map(s => [s, level + 0.1 * rng.normal()])),
    })),
  ) as unknown as ScoreCell[];
  const own = (role: string) =>
    methods
      .filter(m => m.role === role)
      .map(m => ({ method: m, summary: { mean: entries.find(([id]) => id === m.id)![1].level } }));
  const analysed = metrics.map(id => ({
    metric: { id, category, better, rankable: true },
    ...{ smallest: 0.05, methods: own('method'), controls: own('control') },
  })) as unknown as MetricAnalysis[];
  return auditOf(analysed, { methods, cells, answered, only: new Set(samples), rng: createRng('test') });
}

describe('with a known truth', () => {
  it('a control that beats it contradicts the metric', () => {
    const [found] = audited({ oracle: 0.3, random: 0.1, edges: 0.6 });
    expect(found).toMatchObject({ verdict: 'contradicted', closest: { control: 'edges' } });
    expect(found!.reason).toBe('the score of edges is better than that of the truth by intervention');
    expect(found!.pLoses).toBeLessThan(0.05);
    const [lower] = audited({ oracle: 0.3, random: 0.1, edges: 0.6 }, { better: 'lower' });
    expect(lower).toMatchObject({ verdict: 'contradicted', closest: { control: 'random' } });
  });

  it('is never called supported while a condition is open, and says which holds', () => {
    const [found] = audited({ oracle: 0.8, random: 0.1, edges: 0.3, 'oracle-mixed': 0.5 });
    expect(found).toMatchObject({ verdict: 'not shown', falls: true, closest: { control: 'edges' } });
    expect(found!.reason).toMatch(
      /^the truth beats every fixed control; its score falls .*another model was not tried/,
    );
    const [flat] = audited({ oracle: 0.8, random: 0.1, 'oracle-mixed': 0.8 });
    expect(flat).toMatchObject({ verdict: 'not shown', falls: false });
    const [untried] = audited({ oracle: 0.8, random: 0.1 });
    expect(untried!.reason).toContain('was not tried (audit: short)');
  });

  it('not shown where the truth is not surely better, with what could have been seen', () => {
    const [found] = audited({ oracle: 0.33, random: 0.1, edges: 0.3 });
    expect(found).toMatchObject({ verdict: 'not shown', pBeats: 1 });
    // Differences scatter by 0.14: some 24 patients show a tenth, two comparisons.
    expect(found!.detectable).toBeGreaterThan(0.05);
    expect(found!.detectable).toBeLessThan(0.15);
    expect(found!.reason).toContain('that the truth beats edges is not shown');
  });

  it('adjusts for all metrics', () => {
    const many = Array.from({ length: 20 }, (_, i) => `m${i}`);
    const [one] = audited({ oracle: 0.36, random: 0.1, edges: 0.4 });
    const all = audited({ oracle: 0.36, random: 0.1, edges: 0.4 }, { metrics: many });
    expect(all).toHaveLength(20);
    expect(one!.verdict).toBe('not shown');
    expect(all.every(e => e.verdict === 'not shown')).toBe(true);
  });
});

describe('without a known truth', () => {
  const explainer = (level: number): Level => ({ level, role: 'method' });

  it('a fixed control that beats the best explainer dominates; else it is untested, never supported', () => {
    const [found] = audited({ cam: explainer(0.3), random: 0.1, 'hu-contrast': 0.35 });
    expect(found).toMatchObject({
      verdict: 'control-dominated',
      reason: expect.stringMatching(/^hu-contrast, without/),
    });
    expect(audited({ cam: explainer(0.5), random: 0.1, edges: 0.3 })[0]).toMatchObject({ verdict: 'untested' });
    expect(audited({ cam: explainer(0.5) })[0]!.reason).toBe('no fixed control has values');
  });

  it('leaves out what controls win by design', () => {
    expect(audited({ cam: explainer(0.3), centre: 0.9 }, { category: 'robustness' })).toEqual([]);
    expect(audited({ cam: explainer(0.3), random: 0.9 }, { category: 'randomisation' })).toEqual([]);
  });
});
