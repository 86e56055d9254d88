import type { Head } from '../onnx/scores.ts';

/** What a worker needs to load a model. */
export interface Spec {
  readonly file: string;
  readonly device: string;
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

/** What a run is called that asks for shapes; all others are called by their task, as JSON. */
export const SHAPES = 'shapes';
