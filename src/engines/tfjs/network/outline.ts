import type { Tail } from '../../onnx/load/tail.ts';

/** Something a model computes, in order; what only passes values on is left out. */
export interface OutlineStep {
  readonly name: string;
  readonly operator: string;
  /** The steps whose values it takes. */
  readonly inputs: readonly string[];
  /** Pooling that keeps more than one pixel; the CAM layer is looked for before it. */
  readonly pools: boolean;
  /** Whether it only arranges values anew, and is no layer to look at. */
  readonly plumbing: boolean;
}

/** What a model is made of, as far as its file tells. */
export interface Outline {
  /** [h, w, c]; null where any size goes. */
  readonly inputShape: readonly (number | null)[];
  /** Where the file says that a pass is of one image. */
  readonly batch?: 1;
  /** From the image on, in the order of computation. */
  readonly steps: readonly OutlineStep[];
  /** Names that stand for a step's, the value here. */
  readonly aliases: ReadonlyMap<string, string>;
  readonly tail: Tail | undefined;
  /** The step with the scores if the tail is kept. */
  readonly output: string;
  /** And if it is cut: the step before it; or the same step, whose own activation must go. */
  readonly logits: { readonly output: string; readonly withoutActivation: boolean };
}
