import type { Curve } from '../../core/contracts/index.ts';
import type { Tensor } from '../../core/tensor.ts';
import type { Manifest } from '../../results/rows.ts';
import type { Rating } from '../reading/with-readings.ts';
import type { RunSummary } from './collect.ts';
import type { GalleryPick } from './gallery-choice.ts';

/** What all reports are made of: `loadRun` makes it of a run folder. */
export interface RunData {
  readonly manifest: Manifest;
  readonly summary: RunSummary;
  readonly gallery: readonly GalleryEntry[];
  /** By model: groups of explainers whose maps are the same at the layer that they are made at. Absent: not compared. */
  readonly same?: ReadonlyMap<string, readonly (readonly string[])[]>;
  /** Readers' ratings, which are a metric too; absent: there are none. */
  readonly readings?: readonly Rating[];
}

/** An image that the gallery shows. Its pictures are loaded when they are drawn, since all together may be too many. */
export interface GalleryEntry extends GalleryPick {
  load(): Promise<GalleryImage>;
}

/** One image of the gallery with its maps, as loaded from the run folder. */
export interface GalleryImage {
  readonly model: string;
  readonly sample: string;
  /** [h, w] in 0…1: the image in the card's window on the model's grid; absent where the run folder has none. */
  readonly view?: Tensor;
  /** [h, w] in HU or grey levels; absent in runs of earlier versions and for pictures in colour. */
  readonly slice?: Tensor;
  /** [h, w] of 0 and 1. */
  readonly mask?: Tensor;
  /** What the classifier saw along curves of this image; absent: none was kept. */
  readonly films?: readonly GalleryFilm[];
  /** Signed maps [h, w]; methods that have none are left out. */
  readonly maps: readonly { readonly method: string; readonly map: Tensor }[];
}

/** Without `frames`, frame k shows the last frame's pixels where `steps` is at most k, and the first one's elsewhere. */
export interface GalleryFilm {
  readonly method: string;
  readonly metric: string;
  readonly from: 'image' | 'baseline';
  /** [h, w] */
  readonly steps: Tensor;
  /** [h, w] in 0…1. */
  readonly baseline: Tensor;
  /** [h, w] in 0…1 each: the frames themselves, where a filler made them. */
  readonly frames?: readonly Tensor[];
  /** One point for each frame. */
  readonly curve: Curve;
}

/** A file of the report: its name in the run folder and its content. */
export interface ReportFile {
  readonly file: string;
  readonly bytes: string | Uint8Array;
}
