import { expect, test } from 'vitest';
import { averageOf } from '../../../../src/engines/onnx/training/optimiser.ts';

test('the average of constant weights becomes them; without averaging it is the weights', () => {
  const average = Float32Array.of(0, 0);
  for (let count = 1; count <= 400; count++) averageOf(average, Float32Array.of(3, -1), 0.95, count);
  expect(average[0]).toBeCloseTo(3, 5);
  expect(average[1]).toBeCloseTo(-1, 5);
  averageOf(average, Float32Array.of(7, 8), 0, 401);
  expect([...average]).toEqual([7, 8]);
});

test('late steps weigh (1 − keep) · keep^age', () => {
  const average = Float32Array.of(0);
  averageOf(average, Float32Array.of(1), 0.9, 1000);
  for (let k = 0; k < 5; k++) averageOf(average, Float32Array.of(0), 0.9, 1001 + k);
  expect(average[0]).toBeCloseTo(0.1 * 0.9 ** 5, 6);
});
