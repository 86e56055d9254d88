import type { Tensor } from '../core/tensor.ts';
import type { Manifest, Row } from './rows.ts';

/** The arrays that a row may carry. */
export interface RowArrays {
  readonly map?: Tensor;
  readonly standardErrors?: Tensor;
  /** The region of each pixel, as numbers from 0. */
  readonly regions?: Tensor;
  /** The signed map on the layer's grid. */
  readonly layerMap?: Tensor;
  readonly view?: Tensor;
  /** [h, w]: the image in HU or grey levels on the model's grid. */
  readonly slice?: Tensor;
  readonly mask?: Tensor;
  /** [2, h, w] of a score: the frame that changes each pixel, and the baseline, 0…1 in the card's window. */
  readonly film?: Tensor;
}

/**
 * Where the results of a run are kept. The run folder is the local implementation; a shared folder or an object store
 * can be others.
 */
export interface RunStore {
  readonly manifest: Manifest;
  updateManifest(change: Partial<Manifest>): Promise<void>;
  /**
   * Keeps a result. Its arrays are durable before its row is, so that a row never names what is not there. Resolves
   * with the row as it is kept, once it is durable.
   */
  put(row: Row, arrays?: RowArrays): Promise<Row>;
  /** The rows of one sample, the last of each unit, in the order in which the units first ended. */
  rowsOf(model: string, sample: string): Promise<Row[]>;
  /** Rows that belong to no sample: timings, budgets, groups. */
  rowsBesideSamples(): Promise<Row[]>;
  /** A row's arrays; those whose files are gone are left out. */
  arraysOf(row: Row): Promise<RowArrays>;
  /** Whether all arrays that the row names are there, each of the length that it says. */
  isWhole(row: Row): Promise<boolean>;
}
