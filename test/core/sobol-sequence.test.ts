import { expect, it } from 'vitest';
import { createRng } from '../../src/core/rng.ts';
import { SOBOL_DIMENSIONS, sobolSequence } from '../../src/core/sampling/sobol-sequence.ts';

it('is that of scipy 1.17.1: qmc.Sobol(d, scramble=False)', () => {
  expect([...sobolSequence(8, 5)]).toEqual(
    [
      [0, 0, 0, 0, 0],
      [0.5, 0.5, 0.5, 0.5, 0.5],
      [0.75, 0.25, 0.25, 0.25, 0.75],
      [0.25, 0.75, 0.75, 0.75, 0.25],
      [0.375, 0.375, 0.625, 0.875, 0.375],
      [0.875, 0.875, 0.125, 0.375, 0.875],
      [0.625, 0.125, 0.875, 0.625, 0.625],
      [0.125, 0.625, 0.375, 0.125, 0.125],
    ].flat(),
  );
  const many = sobolSequence(16, 128);
  expect(Array.from({ length: 16 }, (_, i) => many[i * 128 + 127])).toEqual([
    ...[0, 0.5, 0.25, 0.75, 0.625, 0.125, 0.875, 0.375],
    ...[0.0625, 0.5625, 0.3125, 0.8125, 0.6875, 0.1875, 0.9375, 0.4375],
  ]);
  expect([...many.subarray(5 * 128 + 100, 5 * 128 + 110)]).toEqual([
    0.125, 0.375, 0.125, 0.375, 0.625, 0.625, 0.875, 0.375, 0.125, 0.375,
  ]);
});

it('has one point in each of 2ᵏ intervals of every dimension, shifted or not', () => {
  for (const rng of [undefined, createRng('shift')]) {
    const points = sobolSequence(64, SOBOL_DIMENSIONS, rng);
    for (let d = 0; d < SOBOL_DIMENSIONS; d++) {
      const cells = new Set(Array.from({ length: 64 }, (_, i) => Math.floor(64 * points[i * SOBOL_DIMENSIONS + d]!)));
      expect(cells.size).toBe(64);
    }
  }
  expect(() => sobolSequence(2, SOBOL_DIMENSIONS + 1)).toThrow(RangeError);
});
