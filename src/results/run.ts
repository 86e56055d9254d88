import type { Tensor } from '../core/tensor.ts';
import type { Manifest, MapRow, Row, SampleRow, ScoreRow } from './rows.ts';

/**
 * A run folder as tables and reports see it. Nothing is held in memory but where each row stands.
 */
export interface Run {
  readonly dir: string;
  readonly manifest: Manifest;
  /**
   * The last row of every unit, in plan order, whatever the order in which the units ended: models as in the manifest;
   * samples as in the data; for each its own row, its maps as in the manifest, its scores by map, then by metric.
   * Timings come last, then
   * budgets by method, budget and sample. An interrupted run has fewer rows. Can be called again and again.
   */
  rows(): AsyncIterable<Row>;
  /** The rows of one sample, the last of each unit. */
  rowsOf(model: string, sample: string): Promise<Row[]>;
  /** A map [h, w]; undefined where the row has none or its file is gone. */
  readMap(row: MapRow): Promise<Tensor | undefined>;
  /** The signed map at the layer that it was made at, before ReLU and enlarging; undefined where there is none. */
  readLayerMap(row: MapRow): Promise<Tensor | undefined>;
  /** [h, w] in 0…1, 8 bits deep: the image in the card's window on the model's grid. */
  readView(row: SampleRow): Promise<Tensor | undefined>;
  /** [h, w] in HU or grey levels, as `intensity` of the row says, on the model's grid; undefined in earlier runs. */
  readSlice(row: SampleRow): Promise<Tensor | undefined>;
  /** [h, w] of 0 and 1, on the model's grid. */
  readMask(row: SampleRow): Promise<Tensor | undefined>;
  /** [2 or more, h, w], as the row's `film` says, all but the first plane in 0…1; undefined where none was kept. */
  readFilm(row: ScoreRow): Promise<Tensor | undefined>;
  close(): Promise<void>;
}
