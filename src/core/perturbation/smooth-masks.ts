import type { Rng } from '../rng.ts';
import { orthogonalCoins } from './orthogonal-coins.ts';

/** Random masks in 0…1, each a coarse grid of 0 and 1 enlarged bilinearly and shifted by less than a cell. */
export interface SmoothMasks {
  readonly count: number;
  /** Writes mask `i`, [h, w] row by row. */
  render(i: number, out: Float32Array): void;
}

export interface MaskDesign {
  readonly height: number;
  readonly width: number;
  /** Along each side. */
  readonly cells: number;
  /** Probability that a cell is 1. */
  readonly keep: number;
  readonly count: number;
  /** Draw the cells by orthogonal designs, for which `keep` must be ½. Default: each for itself. */
  readonly orthogonal?: boolean;
}

/**
 * RISE's masks (Petsiuk et al. 2018, section 3.2): `cells` × `cells` fair-weighted coins, enlarged to (cells + 1) cells
 * of ⌈side / cells⌉ pixels, cropped at a random offset.
 */
export function smoothMasks(
  { height, width, cells, keep, count, orthogonal = false }: MaskDesign,
  rng: Rng,
): SmoothMasks {
  const [tall, wide] = [Math.ceil(height / cells), Math.ceil(width / cells)];
  const coins = orthogonal
    ? orthogonalCoins(count, cells * cells, rng).coins
    : Uint8Array.from({ length: count * cells * cells }, () => (rng.next() < keep ? 1 : 0));
  const shifts = Int32Array.from({ length: 2 * count }, (_, i) => rng.int(i % 2 === 0 ? tall : wide));
  const [rows, columns] = [tapsOf(cells, tall), tapsOf(cells, wide)];
  const line = new Float64Array(cells);
  return {
    count,
    render(i, out) {
      const grid = coins.subarray(i * cells * cells, (i + 1) * cells * cells);
      const [down, right] = [shifts[2 * i]!, shifts[2 * i + 1]!];
      for (let y = 0; y < height; y++) {
        const row = rows.first[y + down]! * cells;
        const share = rows.share[y + down]!;
        // The last cell has no next one, and takes no share of it.
        const next = share === 0 ? row : row + cells;
        for (let k = 0; k < cells; k++) line[k] = (1 - share) * grid[row + k]! + share * grid[next + k]!;
        for (let x = 0; x < width; x++) {
          const from = columns.first[x + right]!;
          const part = columns.share[x + right]!;
          out[y * width + x] = part === 0 ? line[from]! : (1 - part) * line[from]! + part * line[from + 1]!;
        }
      }
    },
  };
}

/** Where each position of (cells + 1) · step reads in `cells`: half-pixel centres, edges clamped. */
function tapsOf(cells: number, step: number): { readonly first: Int32Array; readonly share: Float64Array } {
  const length = (cells + 1) * step;
  const at = Float64Array.from({ length }, (_, i) =>
    Math.min(cells - 1, Math.max(0, ((i + 0.5) * cells) / length - 0.5)),
  );
  return { first: Int32Array.from(at, Math.floor), share: at.map(v => v - Math.floor(v)) };
}
