import { expect, it } from 'vitest';
import { createRng } from '../../src/core/rng.ts';
import { effectsOf, truthNumbers } from '../../src/core/truth/effects.ts';
import type { Answered, MethodEntry, ModelEntry } from '../../src/reports/analysis/analysis.ts';
import { strataOf } from '../../src/reports/analysis/outcome-strata.ts';
import { truthAnalysisOf } from '../../src/reports/analysis/truth.ts';
import { thresholdSentence } from '../../src/reports/sections/truth-section.ts';
import type { RunSummary } from '../../src/reports/summary/collect.ts';
import { type ImageTruth, truthOf } from '../../src/reports/summary/truths.ts';
import type { Manifest, SampleRow } from '../../src/results/rows.ts';

const samples = Array.from({ length: 12 }, (_, i) => `s${i}`);
const model = (id: string) => ({ id, classes: ['other', 'covid'], digest: id }) as unknown as ModelEntry;
const manifest = {
  models: [model('a'), model('b')],
  methods: [{ id: 'cam', name: 'cam', role: 'method' } as MethodEntry],
  dataset: { labels: ['other', 'covid'] },
} as unknown as Manifest;
const row = (sample: string) =>
  ({ model: 'a', sample, patient: sample, label: 'covid', target: 'covid', predicted: 'covid' }) as SampleRow;
const answered: Answered = new Map(samples.map(s => [s, row(s)]));

/** Every fourth image interacts; the score without factors is ± `spread`. */
function truthsOf(spread: number, lesion: number): ReadonlyMap<string, ImageTruth> {
  const of = (i: number): ImageTruth => ({
    ...{ interaction: i % 4 === 0 ? 0.6 : 0.01, interactionIndex: 0.1, threshold: 0.05 },
    ...{
      background: i % 2 === 0 ? spread : -spread,
      totalEffect: 4,
      lesionEffect: lesion,
      covered: 0.98,
      nonLocalEffect: 0.5,
    },
  });
  return new Map(samples.map((s, i) => [s, of(i)]));
}

function analysed(spread: number, lesion = 3) {
  const truths = truthsOf(spread, lesion);
  const cell = (of: string, swap: number) => ({
    ...{ model: of, metric: 'causal-contrast', method: 'cam' },
    swaps: new Map(samples.map(s => [s, swap])),
  });
  const summary = {
    truths: new Map([['a', truths]]),
    scores: [cell('a', 0.75), cell('b', -0.75)],
  } as unknown as RunSummary;
  const { primary, others } = strataOf(manifest, model('a'), answered, [], truths);
  const rng = createRng('truth report');
  return { others, truth: truthAnalysisOf({ manifest, summary, model: model('a'), answered, primary, rng })! };
}

it('images whose effects interact are a stratum, with its size', () => {
  const { others, truth } = analysed(1);
  expect(others.map(({ name, patients }) => [name, patients])).toEqual([
    ['effects add up (interaction up to 0.25)', 9],
    ['effects interact (over 0.25)', 3],
  ]);
  expect(truth).toMatchObject({ images: 12, patients: 12, interacting: 3, threshold: 0.05, nonLocalEffect: 0.5 });
});

it('the truth is incomplete where the rest of the image moves the score by more than half of the effects', () => {
  // SD of six +s and six −s: s · √(12/11).
  expect(analysed(1).truth.backgroundSd).toBeCloseTo(Math.sqrt(12 / 11), 10);
  expect(analysed(1).truth.incomplete).toBe(false);
  expect(analysed(3).truth.incomplete).toBe(true);
});

it('tells how many placebos the threshold rests on, and that it is a bound', () => {
  const placebos = { placebos: 1067, patients: 70, percentile: 0.0352 };
  const sentence = (given: object) =>
    thresholdSentence({ ...analysed(1).truth, threshold: 0.0406, ...given }).replace(/\s/g, ' ');
  expect(sentence({ placebos })).toBe(
    'An effect of at most 0.0406 log-odds counts as none: chance alone does as much. It was measured by 1 067 placebos, ' +
      'copies of images of 70 other patients that differ by chance. 99 % of them move the score by less than 0.0352; ' +
      '0.0406 is the upper 95 % bound of that, resampling patients.',
  );
  expect(sentence({})).toMatch(/is a convention: no placebos were measured/);
});

it('the placebos are in an image’s numbers, and come back from its rows', () => {
  const chance = { threshold: 0.2, placebos: 1200, patients: 75, percentile: 0.15 };
  const intervention = { factors: [], spatial: [1, 1], changes: [], logOdds: [1] };
  const told = truthOf(truthNumbers(effectsOf({ ...intervention, chance })))!;
  expect(told).toMatchObject({ threshold: 0.2, placebos: { placebos: 1200, patients: 75, percentile: 0.15 } });
  expect(truthOf(truthNumbers(effectsOf(intervention)))!.placebos).toBeUndefined();
});

it('a model that ignores the lesions is told', () => {
  expect(analysed(1).truth.lesionsUsed).toBe(12);
  expect(analysed(1, 0.04).truth.lesionsUsed).toBe(0);
});

it('the swaps of two models cancel for a map that does not look at the model', () => {
  const [swap] = analysed(1).truth.swaps;
  expect(swap!.own.mean).toBeCloseTo(0.75, 12);
  expect(swap!.both!.mean).toBe(0);
});

it('rows that have no truth give none', () => {
  expect(truthOf({ pairs: 2 })).toBeUndefined();
  expect(truthOf(undefined)).toBeUndefined();
});

it('what factors do that are everywhere is apart from what lies somewhere', () => {
  const intervention = {
    factors: [
      { name: 'letter', role: 'confounder' as const },
      { name: 'brightness', role: 'confounder' as const, local: false as const },
    ],
    spatial: [2, 2],
    // A change in one pixel each: what says that brightness is everywhere is the data, not the change.
    changes: [
      [40, 0, 0, 0],
      [0, 40, 0, 0],
    ],
    logOdds: [0, 1, -2, -1],
  };
  const effects = effectsOf(intervention);
  expect(effects.factors.map(f => [f.name, f.effect, f.region !== undefined])).toEqual([
    ['letter', 1, true],
    ['brightness', -2, false],
  ]);
  expect(truthOf(truthNumbers(effects))).toMatchObject({ totalEffect: 3, nonLocalEffect: 2, covered: 0.5 });
});
