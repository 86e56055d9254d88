import type { Rng } from '../rng.ts';

/** Rows of 0 and 1, and which of them were drawn together. */
export interface Coins {
  /** [rows, columns] */
  readonly coins: Uint8Array;
  /** By row, the draw that it came from: a row and its complement are one. Even and odd draws are independent. */
  readonly draw: Int32Array;
}

/**
 * Fair coins from which a linear model of them is estimated well. Each row is uniform over all 2^columns, as if it were drawn
 * alone, but rows are not independent: within a block every two columns have all four combinations equally often, and after a
 * block come the complements of its rows. Effects of single columns are then not mixed with each other, nor with those of two
 * columns together: an orthogonal array of strength 3, from a Walsh–Hadamard matrix (Plackett and Burman 1946,
 * doi:10.1093/biomet/33.4.305) that is folded over (Box and Wilson 1951), its columns and levels permuted at random (Owen 1992).
 *
 * Every second row is from other blocks, so that the two halves are independent of each other. A block has as many rows as the
 * least power of 2 above `columns`; the last ones may be incomplete.
 */
export function orthogonalCoins(rows: number, columns: number, rng: Rng): Coins {
  const coins = new Uint8Array(rows * columns);
  const draw = new Int32Array(rows);
  const halves = [blocks(columns, rng), blocks(columns, rng)] as const;
  for (let row = 0; row < rows; row++) {
    draw[row] = 2 * halves[row % 2]!(coins.subarray(row * columns, (row + 1) * columns)) + (row % 2);
  }
  return { coins, draw };
}

/** Writes the rows of one block after the other, in random order, each block followed by its complements; gives the draw. */
function blocks(columns: number, rng: Rng): (out: Uint8Array) => number {
  let size = 1;
  while (size <= columns) size *= 2;
  let order: number[] = [];
  let walsh: number[] = [];
  let flips: number[] = [];
  let written = 0;
  return out => {
    const at = written++ % (2 * size);
    if (at === 0) {
      // Column 0 of the matrix is constant.
      walsh = rng.shuffle(Array.from({ length: size - 1 }, (_, j) => j + 1)).slice(0, columns);
      order = rng.shuffle(Array.from({ length: size }, (_, i) => i));
      flips = walsh.map(() => rng.int(2));
    }
    const complement = at < size ? 0 : 1;
    const row = order[at % size]!;
    for (let j = 0; j < columns; j++) out[j] = parity(row & walsh[j]!) ^ flips[j]! ^ complement;
    return Math.floor((written - 1) / (2 * size)) * size + (at % size);
  };
}

/** 1 where an odd number of bits is set. */
function parity(bits: number): number {
  let folded = bits ^ (bits >>> 16);
  folded ^= folded >>> 8;
  folded ^= folded >>> 4;
  return (0x6996 >>> (folded & 15)) & 1;
}
