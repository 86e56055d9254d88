import type { Tensor } from '../core/tensor.ts';
import type { Manifest, MapRow, SampleRow, ScoreRow, TimingRow } from './rows.ts';

/** The 8-bit view of an image: what the card's window shows of it, on the model's grid, row-major. */
export interface View {
  readonly height: number;
  readonly width: number;
  readonly pixels: Uint8Array;
}

/**
 * A run folder as reports see it. Rows are the last ones of their units, in plan order: models as in the manifest,
 * samples as in the data, methods and metrics as in the manifest. An interrupted run has fewer of them.
 */
export interface Run {
  readonly manifest: Manifest;
  readonly samples: readonly SampleRow[];
  readonly maps: readonly MapRow[];
  /** Without their curves, so that many images fit in memory. */
  readonly scores: readonly Omit<ScoreRow, 'curve'>[];
  readonly timings: readonly TimingRow[];
  /** The scores that have a curve, with it, one after the other. */
  curves(): AsyncIterable<ScoreRow & Required<Pick<ScoreRow, 'curve'>>>;
  /** A map [h, w]; undefined where the row has none or its file is gone. */
  readMap(row: MapRow): Promise<Tensor | undefined>;
  /** The image of a row; undefined where it was not stored. */
  readView(row: SampleRow): Promise<View | undefined>;
}
