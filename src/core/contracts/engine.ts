import type { Tensor } from '../tensor.ts';
import type { ModelCard } from './card.ts';
import type { FullClassifier, ModelVariant } from './model.ts';

/** Proof, or the reason, for `doctor`. */
export interface DeviceReport {
  readonly engine: string;
  readonly version?: string;
  readonly device: string;
  /** `works`: one pass ran and its numbers were right. `never-run`: written, but not tried by its authors. */
  readonly state: 'works' | 'missing' | 'fails' | 'never-run';
  readonly detail: string;
  readonly hint?: string;
}

export interface OpenOptions {
  /** `auto` picks the best that works; anything else is used or refused. */
  readonly device: string;
  readonly threads?: number;
  readonly workers?: number;
  readonly microBatch?: number;
  /** Where tuned settings are remembered; absent: nowhere. */
  readonly cacheDir?: string;
  /** Read the device's clock, which slows the model down: never while wall time is measured. */
  readonly trace?: boolean;
  /** Which weights, or which graph of the same function. Default: the original. */
  readonly variant?: ModelVariant;
  /**
   * Images in input space, [...spatial, channels], on which the redrawn layers of a `randomised` variant are scaled like
   * the original's. Default: synthetic textures.
   */
  readonly variantImages?: readonly Tensor[];
  readonly signal?: AbortSignal;
}

/** What a file of weights says of itself, before there is a card. */
export interface FileOutline {
  readonly input: {
    readonly name: string;
    readonly layout: ModelCard['input']['layout'];
    readonly channels: 1 | 3;
    /** Pixels along each axis that the file asks for, or that it ran with where it takes any. */
    readonly size: readonly number[];
    /** Whether the file takes images of any size. */
    readonly anySize: boolean;
    /** A sentence on how size and channels were guessed, where the file does not tell them. */
    readonly guess?: string;
  };
  /** Outputs that may be scores. */
  readonly outputs: readonly OutputOutline[];
}

export interface OutputOutline {
  readonly name: string;
  /** Numbers for each image along each axis; undefined where the file does not tell. */
  readonly shape?: readonly number[];
  /** The operator at its end, where it is a softmax, log-softmax or sigmoid. */
  readonly tail?: string;
  /** Whether it is the greatest of the scores, or these sorted, whosever they are. Default: not known to be. */
  readonly greatest?: boolean;
  /** Other outputs that are made of this one. */
  readonly leadsTo: readonly string[];
}

export interface Engine {
  readonly name: string;
  readonly formats: readonly ModelCard['format'][];
  readonly devices: readonly string[];
  probe(): Promise<readonly DeviceReport[]>;
  /** Why `auto` had better take another engine for this model; undefined where it need not. Default: undefined. */
  declines?(card: ModelCard): Promise<string | undefined>;
  /**
   * Reads what a file says of its inputs and outputs; absent where an engine can't.
   * @throws CtXaiError MODEL where it is no classifier of images, and says why
   */
  outline?(file: string): Promise<FileOutline>;
  open(card: ModelCard, options: OpenOptions): Promise<FullClassifier>;
}
