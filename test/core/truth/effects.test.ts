import { describe, expect, it } from 'vitest';
import { effectsOf } from '../../../src/core/truth/effects.ts';
import { overlapping, regionOf } from '../../../src/core/truth/regions.ts';
import { interactionIndex, interactionShare, shapleyValues } from '../../../src/core/truth/shapley.ts';
import { factorsWithout, variantOf } from '../../../src/core/truth/variants.ts';

/** v of each subset of m players, from who is in it. */
const game = (m: number, v: (...is: number[]) => number) =>
  Array.from({ length: 2 ** m }, (_, set) => v(...Array.from({ length: m }, (_, j) => (set >> j) & 1)));

describe('Shapley values', () => {
  it('are the coefficients of an additive game', () => {
    const values = shapleyValues(game(4, (a, b, c, d) => 3 + 2 * a! - b! + 0.5 * c! + 0 * d!));
    [2, -1, 0.5, 0].forEach((v, j) => {
      expect(values[j]).toBeCloseTo(v, 12);
    });
  });

  it('share what players do together, in halves and thirds', () => {
    expect([...shapleyValues(game(2, (a, b) => a! * b!))]).toEqual([0.5, 0.5]);
    for (const v of shapleyValues(game(3, (a, b, c) => a! * b! * c!))) expect(v).toBeCloseTo(1 / 3, 12);
  });

  it('of the glove game are 2/3, 1/6 and 1/6 (one left glove, two right ones)', () => {
    const values = shapleyValues(game(3, (l, r1, r2) => Math.min(l!, r1! + r2!)));
    [2 / 3, 1 / 6, 1 / 6].forEach((v, j) => {
      expect(values[j]).toBeCloseTo(v, 12);
    });
  });

  it('sum to all less none', () => {
    const values = Array.from({ length: 32 }, (_, k) => Math.sin(7 * k) + k / 9);
    expect(shapleyValues(values).reduce((a, b) => a + b, 0)).toBeCloseTo(values[31]! - values[0]!, 12);
  });

  it('refuse what is no list of all subsets', () => {
    expect(() => shapleyValues([1, 2, 3])).toThrow(/2\^m/);
  });
});

describe('interaction', () => {
  it('is 0 where effects add up or nothing changes, 1 where nothing but interaction is there', () => {
    expect(interactionShare(game(3, (a, b, c) => 2 * a! - b! + c!))).toBeCloseTo(0, 12);
    expect(interactionShare(game(3, () => 4))).toBe(0);
    expect(interactionShare(game(3, (a, b, c) => a! ^ b! ^ c!))).toBeCloseTo(1, 12);
  });

  it('of an AND of two is a third: the variance is 3/16, main effects explain 2/16', () => {
    expect(interactionShare(game(2, (a, b) => a! & b!))).toBeCloseTo(1 / 3, 12);
  });
});

describe('the interaction index', () => {
  it('is 0 where effects add up, ½ of an AND of two and 0.6 of three', () => {
    expect(interactionIndex(game(3, (a, b, c) => 2 * a! - b! + c!))).toBeCloseTo(0, 12);
    expect(interactionIndex(game(3, () => 4))).toBe(0);
    expect(interactionIndex(game(2, (a, b) => a! & b!))).toBeCloseTo(1 / 2, 12);
    // I = ½ for each of three pairs, φ = ⅓ each.
    expect(interactionIndex(game(3, (a, b, c) => a! & b! & c!))).toBeCloseTo(0.6, 12);
  });

  it('does not see an exclusive or of three, which the share does', () => {
    const xor = game(3, (a, b, c) => a! ^ b! ^ c!);
    expect(interactionIndex(xor)).toBeCloseTo(0, 12);
    expect(interactionShare(xor)).toBeCloseTo(1, 12);
  });
});

describe('regions', () => {
  it('hold what changes by more than 10 HU', () => {
    expect([...regionOf([0, 50, -50, 1, 0, 0])!]).toEqual([0, 1, 1, 0, 0, 0]);
  });

  it('grow until they hold 95 % of the change', () => {
    const faint = [40, 9, 8, 1, 1, 0, 0, 0, 0, 0, 0, 0];
    expect([...regionOf(faint)!]).toEqual([1, 1, 1, ...new Array(9).fill(0)]);
  });

  it('are absent for what changes nothing, and for what changes most of the image', () => {
    expect(regionOf([0, 0, 0, 0])).toBeUndefined();
    expect(regionOf([20, 20, 20, 0])).toBeUndefined();
  });

  it('that overlap go together, also through a third', () => {
    const [a, b, c, d] = [[1, 1, 0, 0, 0], [0, 0, 1, 1, 0], [0, 1, 1, 0, 0], undefined];
    expect(overlapping([a, b, c, d])).toEqual([[0, 1, 2], [3]]);
    expect(overlapping([a, b, d])).toEqual([[0], [1], [2]]);
  });
});

describe('coverage', () => {
  const factors = [
    { name: 'lesion-1', role: 'lesion' as const },
    { name: 'brightness', role: 'confounder' as const },
  ];
  const logOdds = [-2, 1, -1, 2];

  it('tells the score without factors, and the effects account for the rest of it', () => {
    const changes = [
      [100, 0, 0, 0],
      [0, 0, 0, 0],
    ];
    const found = effectsOf({ factors, spatial: [2, 2], changes, logOdds });
    expect(found.background).toBe(-2);
    expect(found.background + found.factors.reduce((sum, f) => sum + f.effect, 0)).toBeCloseTo(2, 12);
    expect(found.covered).toBe(1);
  });

  it('is less where a factor has no region', () => {
    const changes = [
      [120, 0, 0, 0],
      [10, 10, 10, 10],
    ];
    expect(effectsOf({ factors, spatial: [2, 2], changes, logOdds }).covered).toBeCloseTo(120 / 160, 12);
  });
});

describe('effects', () => {
  const factors = [
    { name: 'lesion-1', role: 'lesion' as const },
    { name: 'lesion-2', role: 'lesion' as const },
    { name: 'distractor-1', role: 'distractor' as const },
  ];

  it('of factors that overlap are one effect', () => {
    const found = effectsOf({
      factors,
      spatial: [1, 6],
      changes: [
        [90, 90, 0, 0, 0, 0],
        [0, 50, 0, 0, 0, 0],
        [0, 0, 0, 0, -140, 0],
      ],
      logOdds: game(3, (a, b) => a! * b!),
    });
    expect(found.factors.map(f => [f.name, f.role, f.change, f.effect])).toEqual([
      ['lesion-1+lesion-2', 'lesion', 230, 1],
      ['distractor-1', 'distractor', 140, 0],
    ]);
    expect([...found.factors[0]!.region!.data]).toEqual([1, 1, 0, 0, 0, 0]);
    // Together the two lesions are one player, and one player doesn't interact.
    expect(found.interaction).toBeCloseTo(0, 12);
  });

  it('variants are named by what is off', () => {
    expect(variantOf(0b111, factors)).toBeUndefined();
    expect(variantOf(0b010, factors)).toBe('without:lesion-1+distractor-1');
    expect(factorsWithout('without:lesion-1+distractor-1', factors)).toEqual(['lesion-1', 'distractor-1']);
    expect(factorsWithout('no-lesion', factors)).toEqual(['lesion-1', 'lesion-2']);
    expect(factorsWithout('without:letter', factors)).toBeUndefined();
  });
});
