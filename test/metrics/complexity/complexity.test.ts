import { describe, expect, it } from 'vitest';
import { compactness } from '../../../src/metrics/complexity/compactness.ts';
import { effectiveComplexity } from '../../../src/metrics/complexity/effective-complexity.ts';
import { entropy } from '../../../src/metrics/complexity/entropy.ts';
import { meanLevel } from '../../../src/metrics/complexity/mean-level.ts';
import { sparseness } from '../../../src/metrics/complexity/sparseness.ts';
import { spread } from '../../../src/metrics/complexity/spread.ts';
import { additiveScene, areaOf, evaluate, map, type Scene, scoreOf } from '../scene.ts';

const SIDE = 64;
const N = SIDE * SIDE;
const scene = (value: (i: number) => number, side = SIDE, more: Partial<Scene> = {}): Scene => ({
  ...additiveScene(side, side, new Array<number>(side * side).fill(0)),
  attribution: map(
    side,
    side,
    Array.from({ length: side * side }, (_, i) => value(i)),
  ),
  ...more,
});
const oneHot = scene(i => (i === 77 ? -3 : 0));
/** Even but for its sign, so that it is not constant. */
const even = scene(i => (i % 2 === 0 ? 2 : -2));
const half = scene(i => (i < N / 2 ? 1 : 0));
const square = (size: number, at = 10) =>
  scene(i => {
    const [y, x] = [Math.floor(i / SIDE) - at, (i % SIDE) - at];
    return y >= 0 && y < size && x >= 0 && x < size ? 1 : 0;
  });

describe('sparseness', () => {
  it('is 1 − 1/n for one pixel, 0 for an even map, a half for half a map', async () => {
    expect(await areaOf(sparseness, oneHot)).toBeCloseTo(1 - 1 / N, 9);
    expect(await areaOf(sparseness, even)).toBeCloseTo(0, 9);
    expect(await areaOf(sparseness, half)).toBeCloseTo(0.5, 9);
  });
});

describe('entropy', () => {
  it('is 0 for one pixel, ln n for an even map, ln n/2 for half a map', async () => {
    expect(await scoreOf(entropy, oneHot)).toEqual({ value: 0, details: { largest: Math.log(N) } });
    expect(await areaOf(entropy, even)).toBeCloseTo(Math.log(N), 9);
    expect(await areaOf(entropy, half)).toBeCloseTo(Math.log(N / 2), 9);
  });
});

describe('effective complexity', () => {
  it('is the share above 1 % of the largest', async () => {
    expect(await areaOf(effectiveComplexity, oneHot)).toBe(1 / N);
    expect(await areaOf(effectiveComplexity, even)).toBe(1);
    const faint = scene(i => (i === 0 ? 1 : i < 100 ? 0.02 : 0.005));
    expect(await areaOf(effectiveComplexity, faint)).toBe(100 / N);
    expect(await areaOf(effectiveComplexity, faint, { threshold: 0 })).toBe(1);
  });
});

describe('mean level', () => {
  it('is the mean between the smallest and the largest magnitude', async () => {
    expect(await areaOf(meanLevel, oneHot)).toBeCloseTo(1 / N, 9);
    expect(await areaOf(meanLevel, half)).toBeCloseTo(0.5, 9);
    expect(
      await areaOf(
        meanLevel,
        scene(i => 5 + (i < N / 4 ? 1 : 0)),
      ),
    ).toBeCloseTo(0.25, 9);
  });

  it('is undefined where only signs differ', async () => {
    expect(await evaluate(meanLevel, even)).toEqual({ undefined: 'the magnitudes are all equal' });
  });
});

describe('spread', () => {
  it('is 0 for one pixel, half the distance for two, and follows rows and columns in mm', async () => {
    expect(await areaOf(spread, { ...oneHot, spacing: [2, 2] })).toBe(0);
    const two = scene(i => (i === 0 || i === 6 ? 1 : 0));
    expect(await areaOf(spread, { ...two, spacing: [9, 1.5] })).toBeCloseTo(4.5, 9);
    const down = scene(i => (i === 0 || i === 6 * SIDE ? -1 : 0));
    expect(await scoreOf(spread, { ...down, spacing: [9, 1.5] })).toMatchObject({
      value: expect.closeTo(27, 9),
      details: { row: 3, column: 0 },
    });
  });

  it('is (s² − 1) / 6 squared for a square of side s', async () => {
    expect(await areaOf(spread, square(9), { unit: 'pixels' })).toBeCloseTo(Math.sqrt((9 * 9 - 1) / 6), 9);
  });

  it('is undefined in mm where the spacing is unknown', async () => {
    expect(await evaluate(spread, oneHot)).toEqual({ undefined: 'the spacing of pixels is unknown' });
  });
});

describe('compactness', () => {
  const diagonal = Math.hypot(SIDE, SIDE);

  it('is d s² / (s² − 1) / (s − 1) for a square of side s', async () => {
    const { value, details } = await scoreOf(compactness, square(12));
    expect(details).toEqual({ pixels: 144, treeLength: 143, hullArea: 121 });
    expect(value).toBeCloseTo((diagonal * 144) / 143 / 11, 9);
  });

  it('gaps cost their length: two squares far apart are less compact (Quantus 0.7 sums a forest and does not see them)', async () => {
    const [a, b] = [square(6, 4), square(6, 40)];
    const both = scene(i => a.attribution.data[i]! + b.attribution.data[i]!);
    const { details, value } = await scoreOf(compactness, both);
    // From one square's corner to the other's: 31 steps along each axis.
    expect(details!['treeLength']).toBeCloseTo(35 + 35 + 31 * Math.SQRT2, 6);
    expect(value).toBeLessThan(await areaOf(compactness, square(9)));
  });

  it('is undefined for a line, and for fewer than three pixels', async () => {
    expect(
      await evaluate(
        compactness,
        scene(i => (i < 10 ? 1 : 0)),
      ),
    ).toEqual({
      undefined: 'the most salient pixels lie on one line',
    });
    expect(await evaluate(compactness, oneHot)).toMatchObject({
      undefined: expect.stringContaining('fewer than three'),
    });
  });
});

it('maps of other sizes are compared on one grid: a half stays a half', async () => {
  const fine = scene(i => (i < (128 * 128) / 2 ? 1 : 0), 128);
  expect(await areaOf(sparseness, fine)).toBeCloseTo(0.5, 2);
  expect(await areaOf(entropy, fine)).toBeCloseTo(Math.log(N / 2), 1);
  expect(await areaOf(entropy, fine, { grid: 'own' })).toBeCloseTo(Math.log(128 * 64), 6);
});
