import { describe, expect, it } from 'vitest';
import { firstPassages } from '../../../src/core/perturbation/first-passage.ts';
import { firstPoints } from '../../../src/core/perturbation/refinement.ts';
import { createRng } from '../../../src/core/rng.ts';

const LAST = 100;

/** Where a curve that is known at all points of the grid first is not below 0, and what a precision finds of it. */
function search(above: readonly number[], precision: number) {
  let index = firstPoints(LAST);
  for (;;) {
    const known = { index, x: index.map(i => i / LAST), above: index.map(i => above[i]!) };
    const { at, error, next } = firstPassages([known]);
    if (error <= precision || next.length === 0) {
      const found = index[at[0]!]! / LAST;
      return { found, points: index.length, off: Math.abs(found - above.findIndex(a => a >= 0) / LAST) };
    }
    index = [...new Set([...index, ...next])].sort((a, b) => a - b);
  }
}

describe('the first passage of a curve', () => {
  it('of a curve that only rises is found to the point, from few', () => {
    for (const level of [0.021, 0.3333, 0.505, 0.97]) {
      const { off, points } = search(
        Array.from({ length: LAST + 1 }, (_, i) => 8 * (i / LAST - level)),
        0.005,
      );
      expect(off).toBe(0);
      expect(points).toBeLessThan(30);
    }
  });

  it('of random walks is missed in fewer than one of ten, from a third of the points', () => {
    const rng = createRng('passages');
    let [missed, seen, walks] = [0, 0, 0];
    while (walks < 300) {
      let at = -2 - 2 * rng.next();
      const above = Array.from({ length: LAST + 1 }, () => {
        at += 0.25 * rng.normal() + 0.05;
        return at;
      });
      if (above[0]! >= 0 || above[LAST]! < 0) continue;
      walks++;
      const { off, points } = search(above, 0.005);
      if (off > 0.005) missed++;
      seen += points;
    }
    expect(missed).toBeLessThan(30);
    expect(seen / walks).toBeLessThan(34);
  });

  it('has no error, and nothing to look at, where all points before it are known', () => {
    const known = { index: [0, 1, 2, 50, 100], x: [0, 0.01, 0.02, 0.5, 1], above: [-1, -0.1, 0.2, -3, 5] };
    expect(firstPassages([known])).toEqual({ at: [2], error: 0, next: [] });
  });
});
