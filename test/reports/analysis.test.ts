import { describe, expect, it } from 'vitest';
import { createRng } from '../../src/core/rng.ts';
import { analyse } from '../../src/reports/analysis/analyse.ts';
import type { Finding, ModelAnalysis } from '../../src/reports/analysis/analysis.ts';
import { findingsOf } from '../../src/reports/analysis/findings.ts';
import { differenceOf, rankingOf } from '../../src/reports/analysis/pairwise.ts';
import { galleryChoice } from '../../src/reports/summary/gallery-choice.ts';
import type { Manifest, SampleRow } from '../../src/results/rows.ts';
import { fixture } from './fixture.ts';

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

describe('a difference from a control', () => {
  const rng = createRng(1);
  const jitter = (i: number) => 0.01 * Math.sin(i * 12.9898);

  it('is over the images that both have, and speaks in the metric’s direction', () => {
    const method = values(20, i => 1 + jitter(i));
    const control = { id: 'c', values: values(16, i => 0.5 + jitter(i * 7)) };
    const higher = differenceOf(method, control, samples(10), 'higher', rng)!;
    expect(higher.verdict).toBe('better');
    expect(higher.summary).toMatchObject({ patients: 8, images: 16 });
    expect(higher.summary.mean).toBeCloseTo(0.5, 1);
    expect(differenceOf(method, control, samples(10), 'lower', rng)!.verdict).toBe('worse');
  });

  it('is open with too few patients, and absent without common images', () => {
    const control = { id: 'c', values: values(4, () => 0) };
    expect(
      differenceOf(
        values(4, i => 1 + i),
        control,
        samples(2),
        'higher',
        rng,
      )!.verdict,
    ).toBe('open');
    expect(differenceOf(new Map([['s9', 1]]), control, samples(5), 'higher', rng)).toBeUndefined();
  });
});

describe('a ranking', () => {
  const rng = createRng(2);
  const noise = createRng(3);
  const of = (n: number, level: number) => values(n, () => level + 0.05 * noise.normal());

  it('finds the order, in either direction', () => {
    const methods = [
      { id: 'low', values: of(40, 0) },
      { id: 'high', values: of(40, 1) },
      { id: 'middle', values: of(40, 0.5) },
    ];
    const up = rankingOf(methods, samples(20), 'higher', rng)!;
    expect(Object.fromEntries(up.sets)).toEqual({ low: [3, 3], high: [1, 1], middle: [2, 2] });
    expect(up.worstCase).toBeUndefined();
    const down = rankingOf(methods, samples(20), 'lower', rng)!;
    expect(Object.fromEntries(down.sets)).toEqual({ low: [1, 1], high: [3, 3], middle: [2, 2] });
    expect(down.pairs.every(p => p.significant && p.difference < 0)).toBe(true);
  });

  it('leaves out patients without a complete image, and says what happens if missing counts as worst', () => {
    const good = of(40, 1);
    for (let i = 0; i < 16; i++) good.delete(`s${i}`);
    const ranking = rankingOf(
      [
        { id: 'good', values: good },
        { id: 'fair', values: of(40, 0.8) },
      ],
      samples(20),
      'higher',
      rng,
    )!;
    expect(ranking).toMatchObject({ patients: 12, incomplete: 8, canRank: true });
    expect(ranking.sets.get('good')).toEqual([1, 1]);
    expect(ranking.worstCase).toBeDefined();
  });

  it('does not rank below the floor, nor methods without values', () => {
    const few = [
      { id: 'a', values: of(8, 0) },
      { id: 'b', values: of(8, 1) },
      { id: 'none', values: new Map<string, number>() },
    ];
    const ranking = rankingOf(few, samples(4), 'higher', rng)!;
    expect(ranking.canRank).toBe(false);
    expect(ranking.sets.has('none')).toBe(false);
    expect(rankingOf(few.slice(1), samples(4), 'higher', rng)).toBeUndefined();
  });
});

describe('the conclusions', () => {
  const texts = async (options: Parameters<typeof fixture>[0], kind: string) =>
    analyse(await fixture(options))
      .findings.flatMap(f => (f.kind === kind ? [f.text] : []))
      .join('\n');

  it('say that few patients cannot be ranked', async () => {
    const run = { patients: 5, images: 10 };
    expect(await texts(run, 'cannot')).toMatch(
      /Cannot rank the methods on Deletion[^:]*: 5\u00a0patients with values for all methods, 12 needed/,
    );
    expect(await texts(run, 'can')).toBe('');
  });

  it('say that a classifier at chance shows no disease', async () => {
    expect(await texts({ skill: 0 }, 'cannot')).toMatch(/not separated from chance: AUC 0\.\d\d/);
  });

  it('say what is missing: labels, controls, images, the end of the run', async () => {
    expect(await texts({ labels: false }, 'cannot')).toMatch(/no labels that are classes/);
    expect(await texts({ controls: false }, 'cannot')).toMatch(/no controls/);
    expect(await texts({ images: 0 }, 'cannot')).toMatch(/nothing to compare/);
    expect(await texts({ state: 'interrupted' }, 'cannot')).toMatch(/was interrupted/);
    expect(await texts({ broken: 'no layer' }, 'caution')).toMatch(
      /lime has no value on any metric \(failed: no layer\)/,
    );
    expect(await texts({ images: 12, patients: 12 }, 'caution')).toMatch(/each image is of another patient/);
  });

  it('mark methods that are scored with their own baseline', async () => {
    expect(await texts({}, 'caution')).toMatch(/‡ On Deletion.*occlusion.*same baseline/);
  });
});

describe('galleryChoice', () => {
  it('shows every outcome, patients once, masks first, and no shuffled maps', async () => {
    const { manifest, summary } = await fixture({ images: 40, patients: 20 });
    const picks = galleryChoice(manifest, summary, 8);
    const rows = picks.map(p => summary.samples.find(s => s.sample === p.sample)!);
    expect(picks).toHaveLength(8);
    expect(new Set(rows.map(r => `${r.label} ${r.predicted}`)).size).toBe(4);
    expect(new Set(rows.map(r => r.patient)).size).toBe(8);
    expect(rows.every(r => r.hasMask)).toBe(true);
    expect(picks.flatMap(p => p.methods).filter(m => m.startsWith('shuffled'))).toEqual([]);
    expect(galleryChoice(manifest, summary, 3)).toHaveLength(3);
    expect(galleryChoice(manifest, summary, 0)).toEqual([]);
  });
});

describe('findings', () => {
  /** Models that differ in the mean curve of the random control. */
  function models(...given: { id: string; random: (x: number) => number }[]): ModelAnalysis[] {
    return given.map(({ id, random }) => {
      const mean = Float64Array.from({ length: 101 }, (_, i) => random(i / 100));
      const metric = { id: 'deletion', title: 'Deletion', category: 'faithfulness' };
      const control = { method: { id: 'random', name: 'random', role: 'control' }, others: [], curve: { mean } };
      return {
        ...{ model: { id }, images: 8, answered: 8, patients: 4, maps: [], others: [] },
        metrics: [{ metric, methods: [], controls: [control] }],
      } as unknown as ModelAnalysis;
    });
  }
  const manifest = { state: 'complete', metrics: [], methods: [{ role: 'control' }] } as unknown as Manifest;
  const about = (found: readonly Finding[]) => found.filter(f => f.text.includes('taken at random')).map(f => f.text);
  const early = (x: number) => (x < 0.05 ? 0.9 - 10 * x : 0.4);
  const slow = (x: number) => 0.9 - 0.5 * x;

  it('name curves that a few pixels in random order bring to their end', () => {
    expect(about(findingsOf(manifest, models({ id: 'a', random: early })))).toEqual([
      expect.stringMatching(/^Deletion: 5\u00a0% of the pixels/),
    ]);
    expect(about(findingsOf(manifest, models({ id: 'a', random: slow })))).toEqual([]);
    // A curve that hardly moves says nothing.
    expect(about(findingsOf(manifest, models({ id: 'a', random: x => 0.5 + 0.09 * early(x) })))).toEqual([]);
  });

  it('say once what holds of all models, and of which model what does not', () => {
    const [one, other] = [
      { id: 'a', random: early },
      { id: 'b', random: early },
    ];
    expect(about(findingsOf(manifest, models(one, other)))).toEqual([expect.stringMatching(/^both models: Deletion/)]);
    expect(about(findingsOf(manifest, models(one, { ...other, random: slow })))).toEqual([
      expect.stringMatching(/^a: Deletion/),
    ]);
    expect(about(findingsOf(manifest, models(one, other, { id: 'c', random: early })))).toEqual([
      expect.stringMatching(/^all 3 models: Deletion/),
    ]);
  });
});
