import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { areaUnder } from '../../../src/core/perturbation/curve.ts';
import { errorOfArea, firstPoints } from '../../../src/core/perturbation/refinement.ts';
import { createRng } from '../../../src/core/rng.ts';

const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));
const same = (z: number): number => z;

interface Found {
  readonly index: readonly number[];
  readonly error: number;
  /** |area from the points seen − area from all|. */
  readonly off: number;
}

/** Follows a curve whose raw scores are all known until the error is below `precision`. */
function follow(raw: readonly number[], precision: number, by = sigmoid): Found {
  const last = raw.length - 1;
  const area = (index: readonly number[]) =>
    areaUnder(
      index.map(i => i / last),
      index.map(i => by(raw[i]!)),
    );
  let index = firstPoints(last);
  for (;;) {
    const { error, next } = errorOfArea({ index, x: index.map(i => i / last), raw: index.map(i => raw[i]!) }, by);
    if (error <= precision || next.length === 0) {
      return { index, error, off: Math.abs(area(index) - area(raw.map((_, i) => i))) };
    }
    index = [...index, ...next].sort((a, b) => a - b);
  }
}

const grid = (last: number, of: (x: number) => number) => Array.from({ length: last + 1 }, (_, i) => of(i / last));

describe('the points of a curve', () => {
  it('begin with both ends and few between, each once', () => {
    expect(firstPoints(100)).toEqual([0, 3, 8, 17, 30, 45, 60, 75, 88, 96, 100]);
    expect(firstPoints(1)).toEqual([0, 1]);
    expect(firstPoints(2)).toEqual([0, 1, 2]);
  });

  it('are never asked for twice and lie on the grid, whatever the scores', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -60, max: 60, noNaN: true }), { minLength: 2, maxLength: 80 }), raw => {
        const { index, error, off } = follow(raw, 0);
        expect(new Set(index).size).toBe(index.length);
        expect(index.every(i => Number.isInteger(i) && i >= 0 && i < raw.length)).toBe(true);
        // Nothing but the whole grid, or a curve that seems flat, has no error.
        if (error === 0 && index.length === raw.length) expect(off).toBeLessThan(1e-9);
      }),
    );
  });

  it('are all of them where no error is allowed', () => {
    const raw = grid(50, x => 3 - 7 * x + Math.sin(40 * x));
    const { index, error, off } = follow(raw, 0);
    expect(index).toHaveLength(51);
    expect(error).toBe(0);
    expect(off).toBeLessThan(1e-12);
  });

  it('are few where the curve is smooth, a plateau or one step', () => {
    const smooth = follow(
      grid(100, x => 4 - 9 * x),
      0.005,
    );
    const plateau = follow(
      grid(100, x => (x < 0.5 ? 9 : 9 - 40 * (x - 0.5))),
      0.005,
    );
    const step = follow(
      grid(100, x => (x < 0.413 ? 6 : -6)),
      0.005,
    );
    for (const found of [smooth, plateau, step]) {
      expect(found.index.length).toBeLessThan(34);
      expect(found.off).toBeLessThanOrEqual(found.error);
      expect(found.error).toBeLessThanOrEqual(0.005);
    }
  });

  it('see a dip whose sides the log-odds show and the probability hides', () => {
    const dip = grid(100, x => 9 - 10 * Math.exp(-(((x - 0.36) / 0.09) ** 2)));
    const { off, error } = follow(dip, 0.005);
    expect(off).toBeLessThanOrEqual(error);
  });

  it.each([
    ['steps of equal size', 0.6],
    ['rarer, larger steps', 0.15],
  ])('miss the area by more than the estimate in fewer than one random walk of ten: %s', (_, often) => {
    const rng = createRng('walks').fork(often);
    let [missed, seen] = [0, 0];
    for (let walk = 0; walk < 200; walk++) {
      let at = 3 * rng.normal();
      const raw = grid(100, () => {
        if (rng.next() < often) at += (0.5 / Math.sqrt(often)) * rng.normal();
        return at;
      });
      const { off, error, index } = follow(raw, 0.005);
      if (off > error + 1e-12) missed++;
      seen += index.length;
    }
    expect(missed).toBeLessThan(20);
    expect(seen / 200).toBeLessThan(50);
  });

  it('have an error that grows with the unit of values that know no limit', () => {
    const raw = [0, 12, 30, 22, 35];
    const at = (unit: number) =>
      errorOfArea({ index: [0, 20, 40, 70, 100], x: [0, 0.2, 0.4, 0.7, 1], raw: raw.map(v => unit * v) }, same).error;
    expect(at(1)).toBeGreaterThan(0);
    expect(at(1000) / at(1)).toBeCloseTo(1000, 6);
  });

  it('tell the variance worse the fewer they are', () => {
    const steps = (points: number) => {
      const index = Array.from({ length: points }, (_, i) => 2 * i);
      const last = index.at(-1)!;
      const { error } = errorOfArea({ index, x: index.map(i => i / last), raw: index.map((_, i) => i % 2) }, same);
      // As if each piece were as wide and rose as much.
      return error * (points - 1) ** 0.5;
    };
    // Of 6 points 1 + 10 / 6 of the deviations that are allowed for, of 51 points 1 + 10 / 51.
    expect(steps(6) / steps(51)).toBeCloseTo((1 + 10 / 6) / (1 + 10 / 51), 6);
  });

  it('measure other scores in their own unit', () => {
    const raw = grid(100, x => 40 * Math.exp(-5 * x));
    const { off, error } = follow(raw, 0.2, same);
    expect(off).toBeLessThanOrEqual(error);
  });
});
