import type { Rng } from '../rng.ts';
import type { Tensor } from '../tensor.ts';
import type { ModelCard } from './card.ts';
import type { CheckSettings, OptionsSchema } from './explainer.ts';

export type Unit = 'HU' | 'grey';

/** Where a slice or volume lies in the patient, as the file says: LPS millimetres, as in DICOM. */
export interface Placement3d {
  /** Centre of the first pixel. */
  readonly origin: readonly [number, number, number];
  /** Unit vectors along the axes of `pixels`, in their order. */
  readonly axes: readonly (readonly [number, number, number])[];
}

/**
 * Which image of DICOM pixels are of. These are the file's own UIDs: for files that are laid over the scan, never for run
 * folders, logs or reports.
 */
export interface DicomReference {
  readonly study: string;
  readonly series: string;
  readonly sopClass: string;
  readonly instance: string;
  readonly frameOfReference?: string;
  /** From 0; absent where the file has one frame. */
  readonly frame?: number;
}

/** Pixels as read: grey levels 0…255 (16-bit files are scaled to that, fractions kept) or HU. */
export interface Source {
  /** [...spatial] */
  readonly pixels: Tensor;
  /** [h, w, 3], red, green and blue: the same picture where it is not grey; `pixels` is then its luma. Never in HU. */
  readonly colour?: Tensor;
  readonly unit: Unit;
  /** Millimetres per pixel, one per axis. */
  readonly spacing?: readonly number[];
  readonly placement?: Placement3d;
  /** What the file says of the acquisition: kernel, thickness, vendor, … Never names or dates. */
  readonly acquisition?: Readonly<Record<string, string | number>>;
  readonly dicom?: DicomReference;
}

/** A factor that a sample's variants switch off. */
export interface SampleFactor {
  readonly name: string;
  readonly role: 'lesion' | 'distractor' | 'confounder' | 'placebo';
  /** `false`: it is everywhere in the image (brightness, a kernel), so that no map is scored on it. */
  readonly local?: false;
}

export interface LoadedSample {
  readonly source: Source;
  /** [...spatial] of 0 and 1. */
  readonly mask?: Tensor;
  /** Masks of several readers, kept apart, by the reader's name. */
  readonly masks?: Readonly<Record<string, Tensor>>;
  /** [...spatial] of 0 and 1: the lungs, where the data have a mask called `lung`. No part of the other masks. */
  readonly lung?: Tensor;
}

export interface Sample {
  /** Unique in its dataset; the file's relative path for folders. */
  readonly id: string;
  readonly patient: string;
  /** One of the dataset's labels. */
  readonly label?: string;
  /** Findings that do not exclude each other, by name: whether each is there; one that is unknown is left out. */
  readonly findings?: Readonly<Record<string, boolean>>;
  /** The split that the data puts it in, where it has splits. */
  readonly split?: string;
  readonly hasMask: boolean;
  /** Where it came from, for tables and messages. */
  readonly source: string;
  /** Subgroups by column: age band, sex, site, vendor, kernel, contrast. Never names or dates. */
  readonly groups?: Readonly<Record<string, string>>;
  /** The exam or series that a slice belongs to, where that is not the patient. */
  readonly exam?: string;
  /** Names of other versions of this sample: `no-lesion`, `without:lesion-1`, `dose: 0.25`, … */
  readonly variants?: readonly string[];
  /** What its variants switch off, for phantoms and counterfactual pairs. */
  readonly factors?: readonly SampleFactor[];
  /** @param variant one of `variants`; default: the sample itself. */
  load(signal?: AbortSignal, variant?: string): Promise<LoadedSample>;
}

/** A picture, and copies of it that differ by chance alone. */
export interface PlaceboSet {
  readonly whole: Source;
  readonly placebos: readonly Source[];
}

/** Placebos of patients that are not among the samples. */
export interface Placebos {
  /** Changes when they do. */
  readonly digest: string;
  /** One set a patient. */
  sets(): AsyncIterable<PlaceboSet>;
}

export interface Dataset {
  readonly name: string;
  /** Label names as the data has them. */
  readonly labels: readonly string[];
  /** Names of findings that samples may have, where the data have a column for each. */
  readonly findings?: readonly string[];
  /** Changes when the data does. */
  readonly digest: string;
  readonly count: number;
  samples(): AsyncIterable<Sample>;
  /** What a model makes of these tells how large an effect must be to be one. */
  readonly placebos?: Placebos;
  /** What a user should know of the data: files left out, columns not used, masks that were thresholded. */
  readonly remarks?: readonly string[];
  /** Files that are no samples, each with the reason: damaged, of another kind, excluded. */
  readonly leftOut?: readonly { readonly path: string; readonly reason: string }[];
}

/** How a suite's `data: { use: name, … }` becomes a dataset. */
export interface DataReader {
  readonly name: string;
  readonly title: string;
  readonly summary: string;
  readonly options: OptionsSchema;
  readonly checks?: CheckSettings;
  /** `base`: the folder that relative paths start from. */
  open(options: unknown, context: { readonly base: string }): Promise<Dataset>;
}

/** What a baseline may ask for besides the image. */
export interface BaselineContext {
  readonly card: ModelCard;
  readonly spacing?: readonly number[];
  readonly rng: Rng;
  /** [...spatial] of 0 and 1: pixels of the patient's body on the model's grid. */
  bodyMask(): Tensor;
  /** Another version of the sample in the baseline's space; undefined where the data has none. */
  variant(name: string): Promise<Tensor | undefined>;
  /** Images of training patients in the baseline's space, at most `count`. */
  trainingImages(count: number): Promise<readonly Tensor[]>;
}

/** A baseline, defined on the model's grid. */
export interface Baseline {
  readonly name: string;
  readonly title: string;
  readonly summary: string;
  readonly cite?: string;
  /** `raw`: in HU or grey levels, then through the card's intensity steps; `input`: in what the network eats. */
  readonly space: 'raw' | 'input';
  /**
   * Baselines of one family are counted once where baselines are compared: constant, noise, tissue, smooth, imputed,
   * mirrored, truth.
   */
  readonly family?: string;
  /** Numbers of spatial dimensions that it works in. Default: 2. */
  readonly dimensions?: readonly number[];
  readonly checks?: CheckSettings;
  /**
   * The image that stands for "nothing there". `raw`: [...spatial] → the same shape, or [h, w, 3] for a coloured
   * picture. `input`: [...spatial, c] → the same shape. For a filler, what it gives where everything is removed.
   * @throws CtXaiError BASELINE where there is none for this image: what asked for it is then skipped with that reason.
   */
  make(image: Tensor, context: BaselineContext): Tensor | Promise<Tensor>;
  /**
   * Fillers only: the image with the pixels of `removed` ([...spatial] of 0 and 1) filled from the rest. Explainers that
   * follow a path between image and baseline skip fillers.
   */
  fill?(image: Tensor, removed: Uint8Array, context: BaselineContext): Tensor;
}
