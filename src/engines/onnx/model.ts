import type { Constant, Graph, TensorInfo } from './graph.ts';

/** A classifier's graph with its image size fixed: one opset, shapes known, everything constant folded away. */
export interface NormalisedModel {
  readonly graph: Graph;
  /** Type and dims of every tensor of the graph: inputs, constants and node outputs. */
  readonly infos: ReadonlyMap<string, TensorInfo>;
  /** Tensors that depend neither on the image nor on the batch, constants among them. */
  readonly values: ReadonlyMap<string, Constant>;
  /** The image tensor's name. */
  readonly input: string;
  /** The scores tensor's name, [n, k]. */
  readonly output: string;
  /** Whether dimension 0 of the input may be any batch size; otherwise it is the input's dims[0]. */
  readonly dynamicBatch: boolean;
}
