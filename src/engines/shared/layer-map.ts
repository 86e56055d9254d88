import type { LayerInfo } from '../../core/contracts/index.ts';

/** The order of a tensor's axes: channels before pixels, or after. */
export type Layout = 'NCHW' | 'NHWC';

export interface Layer extends LayerInfo {
  /** Where it is image-like: its layout in the graph. */
  readonly layout?: Layout;
  /** Values of each image that come before those of its pixels: a class token's. Default: 0. */
  readonly skipped?: number;
  /** Why it is not spatial, where that is known. */
  readonly notSpatial?: string;
  /** Its place among all tensors of the graph, in the order of computation. */
  readonly position: number;
  readonly depth: number;
}

/** The tensors of a model that layers can be, and the one for class activation maps. */
export interface LayerMap {
  readonly layers: readonly Layer[];
  readonly cam: Layer | undefined;
  /** Why there is none. */
  readonly noCam?: string;
  /** Any tensor of the graph that the scores follow from, by its name, its node's, or one it had in the file. */
  find(name: string): Layer;
}

/** Depth between the image (0) and the scores (1) of the tensor at `position`, counted in layers, whose positions are given. */
export function depthAt(position: number, layers: readonly number[]): number {
  return layers.filter(at => at <= position).length / (layers.length + 1);
}
