import { describe, expect, it } from 'vitest';
import { pearson } from '../../../src/core/statistics/correlation.ts';
import { carriedQuantile, quantile, valuesFor } from '../../../src/core/statistics/quantile.ts';

describe('quantiles', () => {
  it('need enough values', () => {
    expect([0.5, 0.9, 0.95, 0.99, 0.05].map(valuesFor)).toEqual([1, 30, 60, 300, 60]);
    const values = Array.from({ length: 60 }, (_, i) => i);
    expect(carriedQuantile(values, 0.95)).toBeCloseTo(56.05);
    expect(carriedQuantile(values.slice(1), 0.95)).toBeNull();
    expect(carriedQuantile([], 0.5)).toBeNull();
    expect(() => quantile([], 0.5)).toThrow(RangeError);
  });
});

describe('correlation', () => {
  it('of something that does not vary is null, never 0 or NaN', () => {
    expect(pearson([1, 1, 1], [1, 2, 3])).toBeNull();
    expect(pearson([], [])).toBeNull();
    expect(() => pearson([1], [1, 2])).toThrow(RangeError);
  });
});
