import { describe, expect, it } from 'vitest';
import { createRng } from '../../../src/core/rng.ts';
import { chanceEffects } from '../../../src/core/truth/threshold.ts';

const normal = (patients: number, each: number, scale: (patient: number) => number = () => 1) => {
  const rng = createRng('chance');
  return Array.from({ length: patients }, (_, k) => Array.from({ length: each }, () => scale(k) * rng.normal()));
};

describe('chance effects', () => {
  it('of a normal law end at its 99th percentile of sizes, 2.58 SD, with the bound above', () => {
    const found = chanceEffects(normal(200, 20), createRng(1))!;
    expect(found.percentile).toBeGreaterThan(2.45);
    expect(found.percentile).toBeLessThan(2.7);
    expect(found.threshold).toBeGreaterThan(found.percentile);
    expect(found.threshold).toBeLessThan(2.85);
    expect(found).toMatchObject({ placebos: 4000, patients: 200 });
  });

  it('have a wide bound where a few patients differ from the rest', () => {
    const even = chanceEffects(normal(70, 16), createRng(1))!;
    const odd = chanceEffects(
      normal(70, 16, k => (k === 0 ? 4 : 1)),
      createRng(1),
    )!;
    expect(odd.threshold / odd.percentile).toBeGreaterThan(even.threshold / even.percentile);
  });

  it('are not known from fewer than a thousand placebos', () => {
    expect(chanceEffects(normal(60, 16), createRng(1))).toBeUndefined();
  });
});
