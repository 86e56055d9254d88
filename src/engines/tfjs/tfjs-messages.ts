import type { DeviceTime } from '../../core/contracts/index.ts';
import type { Head } from '../shared/scores.ts';
import type { ComputedAnswer, NetworkValues, Task } from './network/compute.ts';

/** What the main thread and the workers of TF.js say to each other. */

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

/** What a worker tells of its device. */
export interface About {
  /** Its number among those of its kind. */
  readonly index?: number;
  readonly deviceName?: string;
  /** Whether its clock can be read. */
  readonly clock: boolean;
}

export interface TfjsProtocol {
  /** Starts the device. Comes first. */
  start(asked: Spec): About;
  /** Loads the model onto the device. */
  load(asked: Spec): void;
  /** The shapes of the layers, the batch included, by name. */
  shapes(asked: { readonly images: NetworkValues }): Readonly<Record<string, readonly number[]>>;
  /** `given`: the layer's values, where the network is to be run on from them. */
  compute(asked: {
    readonly task: Task;
    readonly images: NetworkValues;
    readonly given?: NetworkValues | undefined;
  }): ComputedAnswer;
  /** From here on the device's time belongs to the label. */
  label(asked: { readonly label: string }): void;
  /** The times of all labels. */
  times(asked: undefined): readonly (readonly [string, DeviceTime])[];
}
