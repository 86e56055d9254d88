import { expect, it } from 'vitest';
import { agreementOf } from '../../src/reports/analysis/agreement.ts';
import type { MetricEntry } from '../../src/reports/analysis/analysis.ts';
import type { ScoreCell } from '../../src/reports/summary/collect.ts';
import type { SampleRow } from '../../src/results/rows.ts';

const METHODS = ['a', 'b', 'c', 'd'];
const SAMPLES = Array.from({ length: 6 }, (_, i) => `s${i}`);
const answered = new Map(SAMPLES.map(id => [id, { sample: id, patient: id } as SampleRow]));
const metric = (id: string, better: 'higher' | 'lower') => ({ id, name: id, better, rankable: true }) as MetricEntry;

/** Values by image and explainer. */
const cells = (id: string, value: (image: number, method: number) => number | undefined): ScoreCell[] =>
  METHODS.map((method, m) => ({
    model: 'm',
    metric: id,
    method,
    values: new Map(SAMPLES.flatMap((sample, i) => (value(i, m) === undefined ? [] : [[sample, value(i, m)!]]))),
  })) as unknown as ScoreCell[];

const agreement = (scores: ScoreCell[]) =>
  agreementOf(
    [metric('up', 'higher'), metric('down', 'lower'), metric('other', 'higher')],
    METHODS,
    scores,
    { name: 'all', samples: new Set(SAMPLES), patients: SAMPLES.length },
    answered,
    'up',
  );

it('metrics agree where they order the explainers of an image alike, whichever end is better', () => {
  const found = agreement([
    ...cells('up', (_, m) => m),
    ...cells('down', (_, m) => -3 * m),
    // One swap of neighbours in half of the images: τ = (5 − 1) / 6 there, 1 elsewhere.
    ...cells('other', (i, m) => (i % 2 === 0 && m < 2 ? 1 - m : m)),
  ]);
  expect(found.metrics!.names).toEqual(['up', 'down', 'other']);
  expect(found.metrics!.tau[0]![1]).toBe(1);
  expect(found.metrics!.tau[0]![2]).toBeCloseTo((4 / 6 + 1) / 2, 12);
  expect(found.metrics!.tau[2]![0]).toBe(found.metrics!.tau[0]![2]);
});

it('explainers agree where they do well on the same patients', () => {
  const order = [0, 3, 1, 5, 2, 4];
  const found = agreement([
    ...cells('up', (i, m) => [order[i]!, 10 * order[i]!, -order[i]!, 1][m]),
    ...cells('down', () => 1),
    ...cells('other', () => 1),
  ]);
  expect(found.explainers!.tau[0]).toEqual([1, 1, -1, null]);
});

it('of fewer than six patients, or three explainers, nothing is said', () => {
  const found = agreement([
    ...cells('up', (i, m) => (i < 5 ? m : undefined)),
    ...cells('down', (_, m) => m),
    ...cells('other', (_, m) => (m < 2 ? m : undefined)),
  ]);
  expect(found.metrics).toBeUndefined();
  expect(found.explainers).toBeUndefined();
});
