import { describe, expect, it } from 'vitest';
import { createRng } from '../../src/core/rng.ts';
import { type RankingChoice, rankingOf, verdictsAgainst } from '../../src/reports/analysis/pairwise.ts';
import type { SampleRow } from '../../src/results/rows.ts';

/** Samples s0, s1 … of patients, two images each. */
function samples(patients: number): Map<string, SampleRow> {
  return new Map(
    Array.from({ length: 2 * patients }, (_, i) => {
      const row = {
        kind: 'sample',
        status: 'ok',
        model: 'm',
        sample: `s${i}`,
        index: i,
        source: '',
        patient: `p${i >> 1}`,
      };
      return [`s${i}`, row as SampleRow];
    }),
  );
}

const values = (n: number, f: (i: number) => number) => new Map(Array.from({ length: n }, (_, i) => [`s${i}`, f(i)]));

const all = (patients: number) => ({ samples: samples(patients), only: new Set(samples(patients).keys()) });

describe('verdicts against controls', () => {
  const rng = createRng(1);
  const jitter = (i: number) => 0.01 * Math.sin(i * 12.9898);
  const method = { id: 'm', values: values(20, i => 1 + jitter(i)) };
  const control = { id: 'c', values: values(16, i => 0.5 + jitter(i * 7)) };

  it('are over the images that both have, and speak in the metric’s direction', () => {
    const [higher] = verdictsAgainst([[method, control]], { ...all(10), better: 'higher', smallest: 0, rng });
    expect(higher).toMatchObject({ verdict: 'better', patients: 8, method: 'm', control: 'c' });
    expect(higher!.mean).toBeCloseTo(0.5, 1);
    const [lower] = verdictsAgainst([[method, control]], { ...all(10), better: 'lower', smallest: 0, rng });
    expect(lower!.verdict).toBe('worse');
  });

  it('count a difference only beyond the smallest effect of interest', () => {
    const of = (smallest: number) =>
      verdictsAgainst([[method, control]], { ...all(10), better: 'higher', smallest, rng })[0]!.verdict;
    expect([of(0.4), of(0.6)]).toEqual(['better', 'open']);
  });

  it('are adjusted for all of the metric: what beats one control alone does not beat it among forty', () => {
    const noise = createRng(5);
    const patient = Array.from({ length: 10 }, () => 0.55 + 0.75 * noise.normal());
    const one = { id: 'm', values: values(20, i => patient[i >> 1]!) };
    const zero = { id: 'zero', values: values(20, () => 0) };
    const others = Array.from({ length: 40 }, (_, c) => ({ id: `c${c}`, values: values(20, () => noise.normal()) }));
    const options = { ...all(10), better: 'higher' as const, smallest: 0, rng };
    const [alone] = verdictsAgainst([[one, zero]], options);
    const [among] = verdictsAgainst([[one, zero], ...others.map(c => [one, c] as const)], options);
    expect(among!.p).toBeGreaterThan(alone!.p);
    expect(among!.mean).toBeCloseTo(alone!.mean, 12);
  });

  it('are open with too few patients, and absent without common images', () => {
    const short = { id: 'short', values: values(4, i => 1 + i) };
    const none = { id: 'none', values: values(4, () => 0) };
    const options = { ...all(2), better: 'higher' as const, smallest: 0, rng };
    expect(verdictsAgainst([[short, none]], options)[0]!.verdict).toBe('open');
    expect(verdictsAgainst([[{ id: 'a', values: new Map([['s9', 1]]) }, none]], { ...options, ...all(5) })).toEqual([]);
  });
});

describe('a ranking', () => {
  const rng = createRng(2);
  const noise = createRng(3);
  const of = (n: number, level: number) => values(n, () => level + 0.05 * noise.normal());
  const choice = (patients: number, more: Partial<RankingChoice> = {}): RankingChoice => ({
    ...all(patients),
    better: 'higher',
    rng,
    ...more,
  });

  it('finds the order, in either direction', () => {
    const methods = [
      { id: 'low', values: of(48, 0) },
      { id: 'high', values: of(48, 1) },
      { id: 'middle', values: of(48, 0.5) },
    ];
    const up = rankingOf(methods, choice(24))!;
    expect(Object.fromEntries(up.sets)).toEqual({ low: [3, 3], high: [1, 1], middle: [2, 2] });
    expect(up).toMatchObject({ exploratory: false, leftOut: [], reversals: [] });
    expect(up.worstCase).toBeUndefined();
    const down = rankingOf(methods, choice(24, { better: 'lower' }))!;
    expect(Object.fromEntries(down.sets)).toEqual({ low: [1, 1], high: [3, 3], middle: [2, 2] });
    expect(down.pairs.every(p => p.significant && p.difference < 0)).toBe(true);
  });

  it('takes only the images that it is told to: another stratum changes nothing', () => {
    const methods = [
      { id: 'a', values: values(48, i => (i < 24 ? 1 : 0) + 0.05 * noise.normal()) },
      { id: 'b', values: values(48, i => (i < 24 ? 0 : 1) + 0.05 * noise.normal()) },
    ];
    const only = new Set([...samples(24).keys()].slice(0, 24));
    const first = rankingOf(methods, choice(24, { only }))!;
    expect(Object.fromEntries(first.sets)).toEqual({ a: [1, 1], b: [2, 2] });
    expect(first).toMatchObject({ patients: 12, exploratory: true });
  });

  it('names the strata that turn the order round', () => {
    const methods = [
      { id: 'a', values: values(96, i => (i < 48 ? 1 : 0) + 0.05 * noise.normal()) },
      { id: 'b', values: values(96, i => (i < 48 ? 0 : 1) + 0.05 * noise.normal()) },
    ];
    const ids = [...samples(48).keys()];
    const negatives = { name: 'negatives', samples: new Set(ids.slice(48)), patients: 24 };
    const ranking = rankingOf(methods, choice(48, { only: new Set(ids.slice(0, 48)), strata: [negatives] }))!;
    expect(ranking.reversals).toEqual([{ stratum: 'negatives', ahead: 'a', behind: 'b' }]);
  });

  it('leaves out by name a method with values for 3 of 45 patients, ranks the others, and puts it last in the worst case', () => {
    const few = of(90, 2);
    for (let i = 6; i < 90; i++) few.delete(`s${i}`);
    const methods = [
      { id: 'few', values: few },
      { id: 'low', values: of(90, 0) },
      { id: 'high', values: of(90, 1) },
      { id: 'middle', values: of(90, 0.5) },
    ];
    const ranking = rankingOf(methods, choice(45, { least: 0.8 }))!;
    expect(ranking.leftOut).toEqual([{ method: 'few', share: 6 / 90 }]);
    expect(ranking.patients).toBe(45);
    expect(Object.fromEntries(ranking.sets)).toEqual({ low: [3, 3], high: [1, 1], middle: [2, 2] });
    expect(ranking.worstCase!.get('few')).toEqual([4, 4]);
  });

  it('ranks one of several explainers that are the same map', () => {
    const shared = of(48, 1);
    const methods = [
      { id: 'grad-cam', values: shared },
      { id: 'hires-cam', values: shared },
      { id: 'lime', values: of(48, 0) },
    ];
    const ranking = rankingOf(methods, choice(24, { same: [['grad-cam', 'hires-cam']] }))!;
    expect(Object.fromEntries(ranking.sets)).toEqual({ 'grad-cam': [1, 1], lime: [2, 2] });
    expect([...ranking.same]).toEqual([['hires-cam', 'grad-cam']]);
    expect(ranking.pairs).toHaveLength(1);
  });

  it('tests each of more than ten against one reference', () => {
    const methods = Array.from({ length: 12 }, (_, m) => ({ id: `m${m}`, values: of(48, m === 3 ? 1 : 0) }));
    const ranking = rankingOf(methods, choice(24, { reference: 'm2' }))!;
    expect(ranking).toMatchObject({ reference: 'm2', canRank: true });
    expect(ranking.pairs).toHaveLength(11);
    expect(ranking.pairs.filter(p => p.significant).map(p => p.better)).toEqual(['m3']);
    expect(ranking.sets.size).toBe(0);
  });

  it('leaves out patients without a complete image, and says what happens if missing counts as worst', () => {
    const good = of(40, 1);
    for (let i = 0; i < 16; i++) good.delete(`s${i}`);
    const methods = [
      { id: 'good', values: good },
      { id: 'fair', values: of(40, 0.8) },
    ];
    const ranking = rankingOf(methods, choice(20))!;
    expect(ranking).toMatchObject({ patients: 12, incomplete: 8, canRank: true });
    expect(ranking.sets.get('good')).toEqual([1, 1]);
    expect(ranking.worstCase).toBeDefined();
  });

  it('claims no order below twelve patients, nor of methods without values', () => {
    const few = [
      { id: 'a', values: of(22, 0) },
      { id: 'b', values: of(22, 1) },
      { id: 'none', values: new Map<string, number>() },
    ];
    const ranking = rankingOf(few, choice(11))!;
    expect(ranking.canRank).toBe(false);
    expect(ranking.sets.has('none')).toBe(false);
    expect(rankingOf(few.slice(1), choice(11))).toBeUndefined();
  });
});
