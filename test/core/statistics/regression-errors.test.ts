import { expect, it } from 'vitest';
import { createRng } from '../../../src/core/rng.ts';
import { regressionErrors } from '../../../src/core/statistics/regression-errors.ts';

const of = (...images: readonly (readonly [string, number, number])[]) =>
  regressionErrors(
    images.map(([patient, value, reference]) => ({ patient, value, reference })),
    createRng('errors'),
  );

it('has errors over patients, worked out by hand', () => {
  // Patient a: errors 1 and −3; b: 2; c: 0.
  const found = of(['a', 2, 1], ['a', 1, 4], ['b', 6, 4], ['c', 8, 8]);
  expect(found).toMatchObject({ images: 4, patients: 3 });
  expect(found.absolute.mean).toBeCloseTo((2 + 2 + 0) / 3, 12);
  expect(found.bias.mean).toBeCloseTo((-1 + 2 + 0) / 3, 12);
  // Patients' means: values 1.5, 6, 8; references 2.5, 4, 8, whose median is 4.
  expect(found.pearson).toMatchObject({ low: null, high: null });
  expect(found.pearson!.value).toBeCloseTo(101 / Math.sqrt(133 * 97), 12);
  expect(found.spearman!.value).toBeCloseTo(1, 12);
  expect(found.withoutModel).toBeCloseTo(((3 + 0) / 2 + 0 + 4) / 3, 12);
});

it('has no correlation where the model always says the same', () => {
  const found = of(['a', 5, 1], ['b', 5, 4], ['c', 5, 7]);
  expect(found.pearson).toBeNull();
  expect(found.absolute.mean).toBeCloseTo(7 / 3, 12);
});

it('has intervals of correlations as SciPy 1.17 (pearsonr) and Bonett and Wright’s formula have them', () => {
  const references = [2.5, 1, 4, 6.5, 5, 7, 9.5];
  const values = [1.5, 2, 3.5, 4, 6, 7.5, 8];
  const { pearson, spearman } = of(...values.map((v, i) => [`p${i}`, v, references[i]!] as const));
  expect(pearson!.value).toBeCloseTo(0.8857626398806735, 12);
  expect([pearson!.low, pearson!.high]).toEqual([expect.closeTo(0.3985488933, 9), expect.closeTo(0.9830777028, 9)]);
  expect([spearman!.low, spearman!.high]).toEqual([
    expect.closeTo(0.4426892330796, 9),
    expect.closeTo(0.9929231761, 9),
  ]);
});
