import { describe, expect, it } from 'vitest';
import { analyse } from '../../src/reports/analysis/analyse.ts';
import type { Finding, ModelAnalysis } from '../../src/reports/analysis/analysis.ts';
import { findingsOf } from '../../src/reports/analysis/findings.ts';
import { createNames } from '../../src/reports/page/part-names.ts';
import { ranksFigure } from '../../src/reports/sections/ranks-figure.ts';
import { collect } from '../../src/reports/summary/collect.ts';
import { galleryChoice } from '../../src/reports/summary/gallery-choice.ts';
import { ranksText } from '../../src/reports/text/words.ts';
import type { Manifest } from '../../src/results/rows.ts';
import { fixture, fixtureManifest, fixtureRows } from './fixture.ts';

describe('the conclusions', () => {
  const texts = async (options: Parameters<typeof fixture>[0], kind: string) =>
    analyse(await fixture(options))
      .findings.flatMap(f => (f.kind === kind ? [f.text] : []))
      .join('\n');

  it('say that few patients cannot be ranked', async () => {
    const run = { patients: 5, images: 10 };
    expect(await texts(run, 'cannot')).toMatch(
      /Cannot rank the explainers on Deletion[^:]*: 2\u00a0patients with values for all explainers, 12 needed/,
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
    expect(await texts({ images: 12, patients: 12 }, 'caution')).toMatch(/Each image is of a different patient/);
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
      const control = {
        method: { id: 'random', name: 'random', role: 'control' },
        all: { others: [] },
        curve: { mean },
      };
      return {
        ...{
          model: { id, digest: id, classes: ['other', 'COVID'] },
          images: 8,
          answered: 8,
          patients: 4,
          maps: [],
          others: [],
          strata: [],
          primary: { samples: new Set() },
        },
        metrics: [{ metric, methods: [], controls: [control] }],
      } as unknown as ModelAnalysis;
    });
  }
  const manifest = { state: 'complete', metrics: [], methods: [{ role: 'control' }] } as unknown as Manifest;
  const about = (found: readonly Finding[]) => found.filter(f => f.text.includes('chosen at random')).map(f => f.text);
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

describe('the primary analysis', () => {
  it('is of all images whose reference is positive, whatever was predicted; the rest are strata', async () => {
    const run = await fixture({ images: 64, patients: 32 });
    const [model] = analyse(run).models;
    const rows = run.summary.samples;
    const positives = rows.filter(row => row.label === 'COVID');
    expect(model!.positive).toBe('COVID');
    expect(model!.primary.name).toBe('label COVID');
    expect([...model!.primary.samples]).toEqual(positives.map(row => row.sample));
    expect(model!.strata.map(s => [s.name, s.samples.size])).toEqual([
      ['true positives', positives.filter(row => row.predicted === 'COVID').length],
      ['false negatives', positives.filter(row => row.predicted !== 'COVID').length],
      ['negatives', rows.length - positives.length],
    ]);
    for (const { methods } of model!.metrics.slice(0, 2)) {
      expect(methods[1]!.summary!.images).toBe(positives.length);
      expect(methods[1]!.strata.map(s => s?.images)).toEqual(model!.strata.map(s => s.samples.size));
    }
  });

  it('is of those recognised where the predicted class is explained, and classes explained are never pooled', async () => {
    const run = await fixture({ images: 64, patients: 32, target: 'predicted' });
    const [model] = analyse(run).models;
    expect(model!.primary.name).toBe('label COVID, recognised');
    expect(model!.strata.map(s => s.name)).toEqual([
      'false negatives, explained NonCOVID',
      'negatives',
      'negatives, explained NonCOVID',
    ]);
    const targets = new Map(run.summary.samples.map(row => [row.sample, row.target]));
    for (const { samples } of [model!.primary, ...model!.strata]) {
      expect(new Set([...samples].map(sample => targets.get(sample))).size).toBe(1);
    }
  });

  it('is of all images that explain the positive class where there are no labels', async () => {
    const [model] = analyse(await fixture({ labels: false, images: 20 })).models;
    expect(model!.primary).toMatchObject({ name: 'explained COVID, no reference', patients: 20 });
  });

  it('averages curves over its images alone', async () => {
    const run = await fixture({ images: 64, patients: 32 });
    const [model] = analyse(run).models;
    const { curve, summary } = model!.metrics[0]!.methods[1]!;
    expect(curve).toMatchObject({ images: summary!.images, patients: summary!.patients });
  });
});

describe('a metric', () => {
  /** Values of the primary stratum are set; a negative image has the opposite. */
  async function withMeans(means: Readonly<Record<string, number>>): Promise<ModelAnalysis> {
    const made = fixtureRows({ images: 48, patients: 48, timing: false });
    const rows = made.rows.map((row, i) => {
      if (row.kind !== 'score' || row.metric !== 'insertion' || means[row.method] === undefined) return row;
      return { ...row, status: 'ok' as const, value: means[row.method]! + 0.02 * Math.sin(i * 12.9898) };
    });
    const run = { manifest: made.manifest, summary: await collect(made.manifest, rows), gallery: [] };
    return analyse(run).models[0]!;
  }
  const entryOf = (model: ModelAnalysis) => model.metrics.find(m => m.metric.id === 'insertion')!;
  const names = createNames(fixtureManifest());
  const explainers = { 'grad-cam': 0.7, 'integrated-gradients': 0.6, lime: 0.72, occlusion: 0.65 };

  it('that a fixed control wins ranks nothing, and is headed so', async () => {
    const entry = entryOf(await withMeans({ ...explainers, edges: 0.81, random: 0.5, centre: 0.5 }));
    expect(entry.doNotRank).toMatch(
      /^edges, which knows nothing of the model, has a better mean than every explainer$/,
    );
    expect(entry.methods.map(m => ranksText(entry, m.method.id))).toEqual(['–', '–', '–', '–']);
    expect(ranksFigure(entry, names)).toBeUndefined();
  });

  it('has a critical-difference diagram where it ranks, which joins what is not separated', async () => {
    const means = { ...explainers, lime: 0.706, edges: 0.3, centre: 0.3, random: 0.4 };
    const entry = entryOf(await withMeans(means));
    const drawn = ranksFigure(entry, names)!.markup;
    const label = /aria-label="([^"]*)"/.exec(drawn)![1]!;
    expect(label).toMatch(
      /^Mean ranks by Insertion: (grad-cam|lime) 1\.\d\d; .*occlusion 3\.00; integrated-gradients 4\.00\./,
    );
    expect(label).toContain('Not separated: grad-cam and lime.');
    expect(drawn.match(/class="undivided"/g)).toHaveLength(1);
  });

  it('on which nothing beats random ranks nothing', async () => {
    const entry = entryOf(await withMeans({ ...explainers, edges: 0.3, centre: 0.3, random: 0.715 }));
    expect(entry.doNotRank).toBe('no explainer is shown to beat a random map');
    const sound = entryOf(await withMeans({ ...explainers, edges: 0.3, centre: 0.3, random: 0.4 }));
    expect(sound.doNotRank).toBeUndefined();
    expect(sound.methods.map(m => ranksText(sound, m.method.id))).toContain('1');
  });

  it('has its own chance: a constant, or the mean over patients of the images’; never another number of the details', async () => {
    const [model] = analyse(await fixture({})).models;
    const chances = model!.metrics.map(({ metric, chance }) => [metric.id, chance]);
    expect(chances).toEqual([
      ['deletion', undefined],
      ['insertion', undefined],
      ['srg', 0],
      ['pointing-game', expect.closeTo(0.11, 12)],
      ['relevance-mass', undefined],
    ]);
  });

  it('of hits has a proportion’s interval, also where all hit', async () => {
    const [model] = analyse(await fixture({})).models;
    const pointing = model!.metrics.find(m => m.metric.id === 'pointing-game')!;
    expect(pointing.methods.map(m => m.summary!.method)).toEqual(pointing.methods.map(() => 'clopper-pearson'));
    expect(pointing.methods.every(m => m.summary!.low !== null)).toBe(true);
  });

  it('is the mean of several where the suite declares so, over images that have all', async () => {
    const run = await fixture({ analysis: { primary: ['deletion', 'insertion'], strata: ['outcome'], least: 0.8 } });
    const [model] = analyse(run).models;
    const [deletion, insertion] = model!.metrics;
    const mean = model!.metrics.at(-1)!;
    expect(model!.primaryMetric).toBe('mean(deletion, insertion)');
    expect(mean.metric.id).toBe(model!.primaryMetric);
    const at = (entry: typeof mean) => entry.methods[2]!.summary!.mean;
    expect(at(mean)).toBeCloseTo((at(deletion!) + at(insertion!)) / 2, 12);
  });
});
