import { describe, expect, it } from 'vitest';
import type { EarlierAudit } from '../../src/core/contracts/index.ts';
import { createRng } from '../../src/core/rng.ts';
import type { Answered, MethodEntry, MetricAnalysis } from '../../src/reports/analysis/analysis.ts';
import { type AuditEntry, auditOf } from '../../src/reports/analysis/audit.ts';
import type { ScoreCell } from '../../src/reports/summary/collect.ts';

const PATIENTS = 24;
const all = Array.from({ length: PATIENTS }, (_, i) => `s${i}`);
const answered = new Map(all.map((sample, i) => [sample, { sample, patient: `p${i}` }])) as unknown as Answered;
const method = (id: string, role = 'control', name = id) => ({ id, name, role }) as MethodEntry;
const rng = createRng('audit');

interface Given {
  readonly metrics?: readonly string[];
  readonly better?: string;
  readonly category?: string;
  readonly name?: string;
  readonly range?: readonly [number, number];
  readonly patients?: number;
  readonly disjoint?: boolean;
  readonly smallest?: number;
  readonly earlier?: ReadonlyMap<string, EarlierAudit>;
  readonly incomplete?: boolean;
}

interface Level {
  readonly level: number;
  readonly role?: 'method' | 'control';
  /** How much less by another model's truth. */
  readonly swap?: number;
  /** Of a mixture: how much of it is shuffled. */
  readonly share?: number;
}

/** A run with one metric or several, whose values scatter by 0.1 about a level. */
function audited(
  levels: Readonly<Record<string, Level | number>>,
  {
    metrics = ['m'],
    better = 'higher',
    category = 'faithfulness',
    name = 'm',
    range = [0, 1],
    patients = PATIENTS,
    disjoint = false,
    smallest = 0.05,
    earlier = new Map(),
    incomplete = false,
  }: Given = {},
): AuditEntry[] {
  const samples = all.slice(0, patients);
  const entries = Object.entries(levels).map(
    ([id, l]) => (typeof l === 'number' ? [id, { level: l }] : [id, l]) as [string, Level],
  );
  const methods = entries
    .map(([id, { role = 'control', share }]) => ({
      ...method(id, role, id.replace(/-(\d+|blurred)$/, '')),
      ...(share === undefined ? {} : { options: { share } }),
    }))
    .map(m => (m.id.endsWith('blurred') ? { ...m, options: { blur: 8 } } : m));
  const cells = metrics.flatMap(metric =>
    entries.map(([id, { level, swap }]) => ({
      ...{ metric, method: id },
      ...(swap === undefined ? {} : { swaps: new Map(samples.map(s => [s, swap])) }),
      values: new Map(samples.map(s => [s, level + 0.1 * rng.normal()])),
    })),
  ) as unknown as ScoreCell[];
  const own = (role: string) =>
    methods
      .filter(m => m.role === role)
      .map(m => ({ method: m, summary: { mean: entries.find(([id]) => id === m.id)![1].level } }));
  const analysed = metrics.map(id => ({
    metric: { id, name, category, better, range, rankable: true },
    ...{ smallest, methods: own('method'), controls: own('control') },
  })) as unknown as MetricAnalysis[];
  return auditOf(analysed, {
    methods,
    cells,
    answered,
    only: new Set(samples),
    disjoint,
    earlier,
    incomplete,
    rng: createRng('test'),
  });
}

describe('where the metric swaps models', () => {
  const swapping = (swap: number) =>
    audited(
      { oracle: { level: 0.9, swap }, 'oracle-mixed': 0.6, 'oracle-other': 0.1, random: 0.1 },
      { disjoint: true },
    )[0]!;

  it('the oracle must be better by its own model’s truth than by the other’s', () => {
    expect(swapping(0.5)).toMatchObject({ verdict: 'supported', other: { mean: expect.closeTo(0.5, 6) } });
    expect(swapping(0.5).reason).toContain('better by this model’s truth than by another model’s');
  });

  it('it does not help that the other model’s oracle scores less', () => {
    const found = swapping(0);
    expect(found.verdict).toBe('not shown');
    expect(found.reason).toContain('not shown to be better by this model’s truth');
  });
});

describe('as the truth is mixed with a shuffled map', () => {
  const mixed = (quarter: number, half: number, most: number) =>
    audited(
      {
        ...{ oracle: 0.9, 'oracle-other': 0.2, random: 0.1 },
        'oracle-mixed-25': { level: quarter, share: 0.25 },
        'oracle-mixed-50': { level: half, share: 0.5 },
        'oracle-mixed-75': { level: most, share: 0.75 },
      },
      { disjoint: true },
    )[0]!;

  it('the score must fall where half of it or more is shuffled, and may stay where less is', () => {
    expect(mixed(0.9, 0.6, 0.3)).toMatchObject({ verdict: 'supported', falls: true });
    expect(mixed(0.7, 0.6, 0.3)).toMatchObject({ verdict: 'supported', falls: true });
    expect(mixed(0.9, 0.9, 0.3)).toMatchObject({ verdict: 'not shown', falls: false });
    expect(mixed(0.7, 0.6, 0.9)).toMatchObject({ verdict: 'not shown', falls: false });
  });

  it('it must rise nowhere', () => {
    expect(mixed(1.1, 0.6, 0.3)).toMatchObject({ verdict: 'not shown', falls: false });
  });
});

describe('with a known truth', () => {
  it('that is incomplete, no metric that asks the model is contradicted', () => {
    const levels = { oracle: 0.3, random: 0.1, edges: 0.6 };
    const [found] = audited(levels, { incomplete: true });
    expect(found!.verdict).toBe('not shown');
    expect(found!.reason).toContain('the model relies on the background as well, so that the truth is incomplete');
    expect(audited(levels, { incomplete: true, category: 'localisation' })[0]!.verdict).toBe('contradicted');
  });

  it('and nothing beside it, a metric is untested for that reason', () => {
    const [found] = audited({ oracle: 0.8, grad: { level: 0.5, role: 'method' } });
    expect(found).toMatchObject({
      verdict: 'untested',
      reason: 'the truth is known, and no fixed control has values beside it',
    });
  });

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
    expect(found!.reason).toBe(
      'the truth by intervention beats every fixed control by more than 0.05; its score falls as it is mixed with a ' +
        'shuffled map',
    );
    expect(found!.untried).toEqual([
      'the truth about another model',
      'patients set apart, by whom no explainer is ranked',
    ]);
    const [flat] = audited({ oracle: 0.8, random: 0.1, 'oracle-mixed': 0.8 });
    expect(flat).toMatchObject({ verdict: 'not shown', falls: false });
    const [untried] = audited({ oracle: 0.8, random: 0.1 });
    expect(untried!.untried).toContain('the truth mixed with a map of another patient');
  });

  it('not shown where the truth is not surely better, with what could have been seen', () => {
    const [found] = audited({ oracle: 0.33, random: 0.1, edges: 0.3 });
    expect(found).toMatchObject({ verdict: 'not shown', pBeats: 1 });
    // Differences scatter by 0.14: 24 patients show a tenth beyond the smallest effect, two comparisons.
    expect(found!.detectable).toBeGreaterThan(0.05);
    expect(found!.detectable).toBeLessThan(0.2);
    expect(found!.reason).toContain('the truth by intervention is not shown to beat edges by more than 0.05');
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

describe('supported', () => {
  const whole = { oracle: 0.8, random: 0.1, edges: 0.3, 'oracle-mixed': 0.5, 'oracle-other': 0.4 };

  it('takes every condition, and patients that nothing is ranked by', () => {
    const [found] = audited(whole, { disjoint: true });
    expect(found).toMatchObject({ verdict: 'supported', falls: true, other: { verdict: 'better' } });
    expect(found!.reason).toContain('it beats the truth about another model');
    expect(audited(whole)[0]!.verdict).toBe('not shown');
    const failing = {
      'a control comes within the smallest effect': { ...whole, edges: 0.78 },
      'the model’s own truth is no better than another’s': { ...whole, 'oracle-other': 0.8 },
      'a mixture does not fall': { ...whole, 'oracle-mixed': 0.8 },
      'one of three mixtures does not fall': { ...whole, 'oracle-mixed-25': 0.8 },
    };
    for (const [why, levels] of Object.entries(failing)) {
      expect(audited(levels, { disjoint: true })[0]!.verdict, why).toBe('not shown');
    }
    const { 'oracle-other': _, ...alone } = whole;
    expect(audited(alone, { disjoint: true })[0]!.verdict).toBe('not shown');
  });

  it('is never said where oracle and controls are alike: at most one run of twenty errs', () => {
    const same = { oracle: 0.5, random: 0.5, edges: 0.5, 'oracle-mixed': 0.5, 'oracle-other': 0.5 };
    const runs = Array.from({ length: 40 }, () => audited(same, { disjoint: true, smallest: 0 })[0]!.verdict);
    expect(runs.filter(v => v === 'supported')).toEqual([]);
    expect(runs.filter(v => v === 'contradicted').length).toBeLessThanOrEqual(4);
  });

  it('a model that ignores what the map shows: its oracle scores as a random map does', () => {
    const [found] = audited({ ...whole, oracle: 0.1, 'oracle-mixed': 0.1 }, { disjoint: true });
    expect(found!.verdict).toBe('contradicted');
    expect(audited({ oracle: 0.1, random: 0.1, 'oracle-mixed': 0.1 }, { disjoint: true })[0]!.verdict).toBe(
      'not shown',
    );
  });
});

describe('what so few patients could show', () => {
  it('never lies beyond the metric’s range', () => {
    const [few] = audited({ oracle: 0.8, random: 0.7, edges: 0.6 }, { patients: 2, range: [0, 1] });
    expect(few!.detectable).toBeUndefined();
    expect(few!.reason).toContain('2 patients are too few to show any difference that this metric can have');
    const [many] = audited({ oracle: 0.8, random: 0.7, edges: 0.6 });
    expect(many!.detectable).toBeLessThan(1);
  });
});

describe('the blur probe', () => {
  it('names maps that know nothing and score better for being smooth', () => {
    const levels = { oracle: 0.8, random: 0.1, 'random-blurred': 0.3 };
    const [found] = audited(levels);
    expect(found!.blurred).toEqual(['random']);
    expect(found!.reason).toContain('smooth maps are favoured: blurring random makes the score better');
    expect(audited({ ...levels, 'random-blurred': 0.1 })[0]!.blurred).toEqual([]);
    expect(audited({ oracle: 0.8, random: 0.1 })[0]).not.toHaveProperty('blurred');
  });
});

describe('metrics whose right answer is known by design', () => {
  it('parameter randomisation: random maps must pass and edges fail', () => {
    const of = { category: 'randomisation', name: 'mprt', better: 'lower', disjoint: true };
    const [found] = audited({ random: 0.05, edges: 0.9, centre: 0.95 }, of);
    expect(found).toMatchObject({ verdict: 'supported' });
    expect(found!.reason).toMatch(/^random, which is another map under other weights, beats edges and centre/);
    expect(audited({ random: 0.9, edges: 0.1 }, of)[0]).toMatchObject({
      verdict: 'contradicted',
      reason: 'the score of edges is better than that of random, which is another map under other weights',
    });
  });

  it('robustness: centre must beat edges', () => {
    const of = { category: 'robustness', name: 'max-sensitivity', better: 'lower', disjoint: true };
    expect(audited({ centre: 0.0, edges: 0.6 }, of)[0]!.verdict).toBe('supported');
    expect(audited({ centre: 0.6, edges: 0.6 }, of)[0]!.verdict).toBe('not shown');
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

  it('says what was supported on a phantom, unless a control dominates here', () => {
    const before = { verdict: 'supported', data: 'phantom v2', patients: 64 } as const;
    const earlier = new Map<string, EarlierAudit>([['m', before]]);
    const [found] = audited({ cam: explainer(0.5), random: 0.1 }, { earlier });
    expect(found).toMatchObject({ verdict: 'supported elsewhere', reason: expect.stringContaining('phantom v2') });
    const [dominated] = audited({ cam: explainer(0.5), random: 0.6 }, { earlier });
    expect(dominated).toMatchObject({ verdict: 'control-dominated', earlier: before });
  });

  it('says what was contradicted on a phantom, and keeps the verdict', () => {
    const earlier = new Map<string, EarlierAudit>([
      ['m', { verdict: 'contradicted', data: 'phantom v2', patients: 64 }],
    ]);
    const [found] = audited({ cam: explainer(0.5), random: 0.1 }, { earlier });
    expect(found).toMatchObject({ verdict: 'untested', reason: expect.stringContaining('on phantom v2 a map that') });
  });

  it('leaves out what controls win by design', () => {
    expect(audited({ cam: explainer(0.3), centre: 0.9 }, { category: 'robustness' })).toEqual([]);
    expect(audited({ cam: explainer(0.3), random: 0.9 }, { category: 'randomisation' })).toEqual([]);
  });
});
