import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { orthogonalCoins } from '../../../src/core/perturbation/orthogonal-coins.ts';
import { createRng } from '../../../src/core/rng.ts';

const columnsAndSeed = fc.record({ columns: fc.integer({ min: 1, max: 70 }), seed: fc.integer() });

/** The least power of 2 above a number of columns. */
const sizeOf = (columns: number) => 2 ** Math.floor(Math.log2(columns) + 1);

/** How often some columns have each combination in some rows. */
function counts(rows: readonly Uint8Array[], columns: readonly number[]): number[] {
  const found = new Array<number>(2 ** columns.length).fill(0);
  for (const row of rows) found[columns.reduce((bits, j) => 2 * bits + row[j]!, 0)]!++;
  return found;
}

/** Every second row, as each half is of blocks of its own. */
function halfOf(coins: Uint8Array, columns: number, half: number, count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, k) =>
    coins.subarray((2 * k + half) * columns, (2 * k + half + 1) * columns),
  );
}

describe('orthogonal coins', () => {
  it('have all combinations of two columns equally often in a block, and of three with its complements', () => {
    fc.assert(
      fc.property(columnsAndSeed, ({ columns, seed }) => {
        const size = sizeOf(columns);
        const { coins } = orthogonalCoins(4 * size, columns, createRng(seed));
        const some = createRng(seed).shuffle(Array.from({ length: columns }, (_, j) => j));
        for (const half of [0, 1]) {
          const block = halfOf(coins, columns, half, size);
          const folded = halfOf(coins, columns, half, 2 * size);
          const [two, three] = [some.slice(0, 2), some.slice(0, 3)];
          expect(counts(block, two)).toEqual(new Array(2 ** two.length).fill(size / 2 ** two.length));
          expect(counts(folded, three)).toEqual(new Array(2 ** three.length).fill((2 * size) / 2 ** three.length));
        }
      }),
    );
  });

  it('are drawn once or twice, the second time as the complement; draws of one half are all even or all odd', () => {
    fc.assert(
      fc.property(columnsAndSeed, fc.integer({ min: 0, max: 400 }), ({ columns, seed }, rows) => {
        const { coins, draw } = orthogonalCoins(rows, columns, createRng(seed));
        const of = new Map<number, number[]>();
        for (const [row, from] of draw.entries()) of.set(from, [...(of.get(from) ?? []), row]);
        for (const [from, [a, b, ...more]] of of) {
          expect(more).toEqual([]);
          expect(from % 2).toBe(a! % 2);
          if (b === undefined) continue;
          expect(b % 2).toBe(a! % 2);
          for (let j = 0; j < columns; j++) expect(coins[a! * columns + j]! + coins[b * columns + j]!).toBe(1);
        }
      }),
    );
  });

  it('the first rows are the same whatever comes after', () => {
    const few = orthogonalCoins(50, 20, createRng('prefix'));
    const many = orthogonalCoins(300, 20, createRng('prefix'));
    expect(many.coins.subarray(0, 50 * 20)).toEqual(few.coins);
    expect(many.draw.subarray(0, 50)).toEqual(few.draw);
  });

  it('each row alone is uniform: all patterns of five columns are equally likely', () => {
    const found = new Array<number>(32).fill(0);
    for (let seed = 0; seed < 3200; seed++) {
      const { coins } = orthogonalCoins(3, 5, createRng(`uniform ${seed}`));
      found[counts([coins.subarray(10, 15)], [0, 1, 2, 3, 4]).indexOf(1)]!++;
    }
    const chi2 = found.reduce((sum, n) => sum + (n - 100) ** 2 / 100, 0);
    // The 0.999 quantile with 31 degrees of freedom.
    expect(chi2).toBeLessThan(61.1);
  });
});
