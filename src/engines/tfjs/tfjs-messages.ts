import type { Head } from '../shared/scores.ts';
import type { Task } from './network/compute.ts';

/** What a worker needs to load a model. */
export interface Spec {
  readonly file: string;
  readonly device: string;
  /** Whether the device's clock is to be read. */
  readonly trace?: boolean;
  /** Whether a GPU in software will not do. */
  readonly hardwareOnly?: boolean;
  /** The output that the card names, where the model has several. */
  readonly chosen?: string;
  /** The layer or node whose value the scores are. */
  readonly output: string;
  /** Whether its own activation is left out. */
  readonly withoutActivation: boolean;
  readonly head: Head;
  /** Layers or nodes whose shapes are wanted. */
  readonly layers: readonly string[];
}

/** What a worker is opened with, one after the other. */
export const STAGES = { device: 'device', model: 'model' } as const;

/** What a worker can be asked besides its tasks. */
export const ASKING = { about: 'about', shapes: 'shapes', label: 'label', times: 'times' } as const;

/** What a run is called, as JSON. */
export type Asked =
  | Task
  | { readonly kind: typeof ASKING.about }
  | { readonly kind: typeof ASKING.shapes }
  /** From here on the device's time belongs to the label. */
  | { readonly kind: typeof ASKING.label; readonly label: string }
  /** The times of all labels. */
  | { readonly kind: typeof ASKING.times };

/** What a worker tells of its device. */
export interface About {
  /** Its number among those of its kind. */
  readonly index?: number;
  readonly deviceName?: string;
  /** Whether its clock can be read. */
  readonly clock: boolean;
}
