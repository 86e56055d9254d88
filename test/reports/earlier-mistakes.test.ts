import { describe, expect, it } from 'vitest';
import { createRng } from '../../src/core/rng.ts';
import { aucInterval, clusteredAuc } from '../../src/core/statistics/auc-interval.ts';
import { maxT } from '../../src/core/statistics/max-t.ts';
import { performance } from '../../src/core/statistics/performance.ts';
import { summarise } from '../../src/core/statistics/summary.ts';
import { analyse } from '../../src/reports/analysis/analyse.ts';
import type { MetricAnalysis, ModelAnalysis } from '../../src/reports/analysis/analysis.ts';
import { verdictsAgainst } from '../../src/reports/analysis/pairwise.ts';
import { createNames } from '../../src/reports/page/part-names.ts';
import { meansChart } from '../../src/reports/sections/means-figure.ts';
import { metricTable } from '../../src/reports/sections/metric-tables.ts';
import { collect } from '../../src/reports/summary/collect.ts';
import { tableCsv } from '../../src/reports/tables/report-table.ts';
import { summaryTable } from '../../src/reports/tables/summary-table.ts';
import { differenceText, ranksText } from '../../src/reports/text/words.ts';
import type { SampleRow, ScoreRow } from '../../src/results/rows.ts';
import { fixtureRows } from './fixture.ts';

/*
 * What earlier reports said falsely, on the numbers that showed it. Coverage and family-wise error of all procedures
 * stand in test/core/statistics/simulations.test.ts.
 */

/** A run whose scores are set by metric, method and class; 48 patients with an image each, half of them of COVID. */
async function runWith(score: (row: ScoreRow, covid: boolean, noise: number) => Partial<ScoreRow> | undefined) {
  const made = fixtureRows({ images: 48, patients: 48, timing: false });
  const labels = new Map(made.rows.flatMap(row => (row.kind === 'sample' ? [[row.sample, row.label]] : [])));
  const rows = made.rows.map((row, i) => {
    if (row.kind !== 'score') return row;
    const set = score(row, labels.get(row.sample) === 'COVID', 0.01 * Math.sin(i * 12.9898));
    if (!set) return row;
    const { reason: _, ...rest } = row;
    return { ...rest, status: 'ok' as const, ...set };
  });
  return { manifest: made.manifest, summary: await collect(made.manifest, rows), gallery: [] };
}

const entryOf = ({ metrics }: ModelAnalysis, id: string): MetricAnalysis => metrics.find(m => m.metric.id === id)!;

describe('classes are not pooled', () => {
  // Deletion on the quickstart: integrated gradients first on COVID and last on the rest, a random map .05 and .98.
  const covid: Record<string, number> = { 'integrated-gradients': 0.01, lime: 0.02, 'grad-cam': 0.03, occlusion: 0.04 };
  const rest: Record<string, number> = { 'integrated-gradients': 0.97, lime: 0.9, 'grad-cam': 0.8, occlusion: 0.7 };

  it('a random map’s mean is the positives’, not .52; an order that the negatives reverse is withheld', async () => {
    const run = await runWith((row, positive, noise) => {
      if (row.metric !== 'deletion') return undefined;
      const level = (positive ? covid : rest)[row.method] ?? (positive ? 0.05 : 0.98);
      return { value: level + noise / 10 };
    });
    const [model] = analyse(run).models;
    const deletion = entryOf(model!, 'deletion');
    const random = deletion.controls.find(c => c.method.id === 'random')!;
    expect(random.summary!.mean).toBeCloseTo(0.05, 2);
    const negatives = model!.strata.findIndex(s => s.name === 'negatives');
    expect(random.strata[negatives]!.mean).toBeCloseTo(0.98, 2);
    expect(deletion.ranking!.sets.get('integrated-gradients')).toEqual([1, 1]);
    expect(deletion.ranking!.reversals.map(r => r.stratum)).toContain('negatives');
    expect(ranksText(deletion, 'integrated-gradients')).toBe('withheld');
  });
});

describe('verdicts against controls', () => {
  const names = Array.from({ length: 20 }, (_, i) => `s${i}`);
  const samples = new Map(names.map(name => [name, { sample: name, patient: name } as SampleRow]));
  const choice = { samples, only: new Set(names), rng: createRng('verdicts') };
  const valued = (id: string, f: (i: number) => number) => ({ id, values: new Map(names.map((n, i) => [n, f(i)])) });

  it('“beats them 0.00 (−0.01 to 0.00)” is not shown, once an effect has a smallest size', () => {
    const [method, control] = [valued('m', i => 0.4 - 0.004 - 0.006 * Math.sin(i)), valued('c', () => 0.4)];
    const of = (smallest: number) => verdictsAgainst([[method, control]], { ...choice, better: 'lower', smallest })[0]!;
    expect(differenceText(of(0), 2)).toEqual(['yes', 'beats them', '0.00 (−0.01 to 0.00)']);
    expect(differenceText(of(0.01), 2)).toEqual(['open', 'not shown', '0.00 (−0.01 to 0.00)']);
  });

  it('of 160 comparisons without a difference few families have a false one; one by one nearly all had', () => {
    const rng = createRng('160 comparisons');
    const families = 8;
    let [wrong, alone] = [0, 0];
    for (let f = 0; f < families; f++) {
      const methods = Array.from({ length: 4 }, (_, m) => valued(`m${m}`, () => rng.normal()));
      const controls = Array.from({ length: 40 }, (_, c) => valued(`c${c}`, () => rng.normal()));
      const pairs = methods.flatMap(m => controls.map(c => [m, c] as const));
      const judged = verdictsAgainst(pairs, { ...choice, better: 'higher', smallest: 0, rng: rng.fork(f) });
      expect(judged).toHaveLength(160);
      if (judged.some(d => d.verdict !== 'open')) wrong++;
      // Student’s t of 20 patients at .975, as each was judged before.
      if (judged.some(d => Math.abs(d.t!) > 2.093)) alone++;
    }
    // Of eight families at .05 each, three or more err once in 170 times.
    expect(wrong).toBeLessThanOrEqual(2);
    expect(alone).toBeGreaterThanOrEqual(families - 2);
  });
});

describe('intervals', () => {
  const hits = (n: number, of: number) =>
    Array.from({ length: of }, (_, i) => ({ patient: `p${i}`, value: i < n ? 1 : 0 }));

  it('of 12 of 12 and 20 of 20 are there, and of 7 and 8 of 12 are of one kind, without a remark', () => {
    const found = [hits(12, 12), hits(20, 20), hits(7, 12), hits(8, 12)].map(rows => summarise(rows, { hits: true }));
    // scipy.stats.binomtest(k, n).proportion_ci(0.95, 'exact')
    const ends = [
      [0.7353515306029488, 1],
      [0.8315665290169146, 1],
      [0.2766696856821058, 0.8483477701915698],
      [0.34887550641881554, 0.9007539088504167],
    ];
    found.forEach(({ low, high, method, note }, i) => {
      expect([low, high]).toEqual(ends[i]!.map(end => expect.closeTo(end, 9)));
      expect([method, note]).toEqual(['clopper-pearson', undefined]);
    });
  });

  it('of sensitivities of 12/12 and 20/20, and of an AUC of 1, are there', () => {
    for (const [patients, least] of [
      [12, 0.7353515306029488],
      [20, 0.8315665290169146],
    ] as const) {
      const found = performance(
        Array.from({ length: 2 * patients }, (_, i) => ({
          label: i % 2,
          probabilities: i % 2 === 0 ? [0.9, 0.1] : [0.2, 0.8],
          patient: `p${i}`,
        })),
      );
      expect(found.sensitivity).toEqual({ value: 1, low: expect.closeTo(least, 9), high: 1 });
      expect(found.auc).toMatchObject({ value: 1, high: 1 });
      expect(found.auc.low).toBeGreaterThan(0.7);
      expect(found.auc.low).toBeLessThan(1);
    }
  });

  it('of an AUC of .95 cover it, where resampling covered .86 to .92', () => {
    const rng = createRng('AUC .95');
    // Two normal distributions 2.326 apart overlap by an area of .95.
    const [studies, shift] = [400, Math.SQRT2 * 1.6448536269514722];
    let covered = 0;
    for (let s = 0; s < studies; s++) {
      const images = Array.from({ length: 40 }, (_, i) => ({
        score: rng.normal() + (i % 2) * shift,
        positive: i % 2 === 1,
        patient: `p${i}`,
      }));
      const { low, high } = aucInterval(clusteredAuc(images)!);
      if (low <= 0.95 && 0.95 <= high) covered++;
    }
    expect(covered / studies).toBeGreaterThanOrEqual(0.935);
  });

  it('of lognormal means cover at least .90 at 12 patients, and most are marked as skewed', () => {
    const rng = createRng('lognormal, 12 patients');
    const studies = 400;
    let [covered, marked] = [0, 0];
    for (let s = 0; s < studies; s++) {
      const values = Array.from({ length: 12 }, (_, i) => ({ patient: `p${i}`, value: Math.exp(rng.normal()) }));
      const { low, high, skewed } = summarise(values, { resamples: 999, rng: rng.fork(s) });
      if (low !== null && low <= Math.exp(0.5) && Math.exp(0.5) <= high!) covered++;
      if (skewed) marked++;
    }
    // Over 2,000 studies .914; two standard errors of 400 below that is .886.
    expect(covered / studies).toBeGreaterThanOrEqual(0.886);
    expect(marked / studies).toBeGreaterThan(0.65);
  });
});

describe('tests', () => {
  it('one constant and three lognormal explainers with equal means: signs alone err in one study of five, we do not', () => {
    const rng = createRng('constant, 12 patients');
    const studies = 120;
    let [signs, all] = [0, 0];
    for (let s = 0; s < studies; s++) {
      const long = () => Math.exp(rng.normal()) - Math.exp(0.5);
      const table = Array.from({ length: 12 }, () => [0, long(), long(), long()]);
      const { pairs } = maxT(table, { resamples: 499, rng: rng.fork(s) });
      if (pairs.some(pair => pair.pSigns <= 0.05)) signs++;
      if (pairs.some(pair => pair.significant)) all++;
    }
    expect(signs / studies).toBeGreaterThan(0.14);
    // At most .09 at 12 patients, and three standard errors of so few studies.
    expect(all / studies).toBeLessThanOrEqual(0.09);
  });

  it('six separated patients have p = .031 for six pairs; eight are no floor of max-T', () => {
    const noise = createRng('six');
    const table = (n: number) => Array.from({ length: n }, () => [0, 100, 200, 300].map(v => v + noise.normal()));
    for (const pair of maxT(table(6)).pairs) expect(pair.pSigns).toBeCloseTo(0.03125, 12);
    for (const pair of maxT(table(5)).pairs) expect(pair.pSigns).toBeCloseTo(0.0625, 12);
  });
});

describe('chance', () => {
  // A mask of .017 of the body: a share of the map's mass has that chance, a skill beyond chance has 0.
  it('of a skill is 0, and of the pointing game stands in table, drawing and summary.csv', async () => {
    const run = await runWith((row, _, noise) => {
      if (row.metric === 'relevance-mass') {
        return { value: 0.3 + noise, chance: 0, details: { mass: 0.31, chance: 0.017, skill: 0.3 } };
      }
      if (row.metric === 'pointing-game')
        return { value: noise > 0 ? 1 : 0, chance: 0.017, details: { chance: 0.017 } };
      return undefined;
    });
    const analysis = analyse(run);
    const [model] = analysis.models;
    const names = createNames(run.manifest);
    const told = (['relevance-mass', 'pointing-game'] as const).map(id => {
      const entry = entryOf(model!, id);
      const table = metricTable(entry, model!.primary, names, 3).markup;
      return {
        drawn: meansChart(entry, names)!.chart.markup.match(/chance (\d\.\d+)/)?.[1],
        shown: table.match(/chance<\/t[hd]><td[^>]*>([\d.]+)/)?.[1],
      };
    });
    expect(told.map(t => Number(t.drawn))).toEqual([0, expect.closeTo(0.017, 2)]);
    expect(told.map(t => t.shown)).toEqual(['0.000', '0.017']);
    const [head, ...lines] = tableCsv(summaryTable(analysis), run.manifest)
      .split('\n')
      .map(line => line.split(','));
    const column = (name: string) => head!.indexOf(name);
    const chances = (metric: string) =>
      new Set(
        lines
          .filter(l => l[column('metric')] === metric && l[column('stratum')] === model!.primary.name)
          .map(l => Number(l[column('chance')])),
      );
    expect([...chances('relevance-mass')]).toEqual([0]);
    expect([...chances('pointing-game')].map(v => v.toFixed(9))).toEqual(['0.017000000']);
  });
});
