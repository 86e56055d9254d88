import type {
  AttentionOnImage,
  BackwardRules,
  Batch,
  BiasTerm,
  ChangesWorth,
  GradientOptions,
  Target,
} from '../../core/contracts/index.ts';
import type { Layer, Layout } from './layer-map.ts';
import type { Head } from './scores.ts';

/** The model's images. */
export interface ImageShape {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly layout: Layout;
}

/** Values of a layer for one image and d score / d value, in the order of axes that the layer has in the graph. */
export interface LayerSlopes {
  readonly activations: Float32Array;
  readonly gradients: Float32Array;
}

/** What a backward pass of one image tells besides. */
export interface BackwardFindings {
  /** The image's raw scores. */
  readonly raw: Float32Array;
  /** Those of the reference image, for rules that compare with one. */
  readonly referenceRaw?: Float32Array;
  /** What the rules report by name. */
  readonly sums?: Readonly<Record<string, number>>;
}

/**
 * What an engine does with a network, before scores and tensors are made of it. All consumers are called once per
 * image, in ascending order; what they get is valid meanwhile only. Layers are named in the order of computation, each
 * once.
 */
export interface NetworkRunner {
  readonly head: Head;
  readonly image: ImageShape;
  /** Raw scores of each image. */
  forward(batch: Batch, consume: (i: number, raw: Float32Array) => void, signal?: AbortSignal): Promise<void>;
  /**
   * What it is worth, in `forward`, to compute only what changed from one image to the next, where changes lie within
   * squares of that side (pixels). Measured on the given image when it is first asked for. Absent where an engine
   * always computes the whole image.
   */
  changesWorth?(side: number, image: Float32Array): Promise<ChangesWorth>;
  /** Why the network can't have backward rules, found without running it; undefined where it can. */
  whyNoRules?(rules: BackwardRules): string | undefined;
  /** d score / d image, [h, w, c], or what backward rules put in its place, and more of each image. */
  gradients(
    batch: Batch,
    target: Target,
    consume: (i: number, gradient: Float32Array, found: BackwardFindings) => void,
    options?: GradientOptions,
  ): Promise<void>;
  /** Values of layers, one array for each layer, in the order of axes that the layer has in the graph. */
  activations(
    batch: Batch,
    layers: readonly string[],
    consume: (i: number, values: readonly Float32Array[]) => void,
    signal?: AbortSignal,
  ): Promise<void>;
  /** The same, with d score / d value. */
  layerGradients(
    batch: Batch,
    target: Target,
    layers: readonly string[],
    consume: (i: number, values: readonly LayerSlopes[]) => void,
    signal?: AbortSignal,
  ): Promise<void>;
  /**
   * Raw scores of the network run on from given values of a layer.
   * @param batch writes the layer's values, channels last where it is spatial
   * @param image [h, w, c]: what the rest of the network sees where it looks past the layer
   * @returns how many forward passes of the image itself it took
   */
  continueFrom(
    layer: Layer,
    batch: Batch,
    image: Float32Array,
    consume: (i: number, raw: Float32Array) => void,
    signal?: AbortSignal,
  ): Promise<number>;
  /**
   * d score / d image, [h, w, c], the raw scores, and each bias times the gradient where it is added. Absent where the
   * engine does not have it.
   */
  biasGradients?(
    batch: Batch,
    target: Target,
    consume: (i: number, gradient: Float32Array, raw: Float32Array, terms: readonly BiasTerm[]) => void,
    signal?: AbortSignal,
  ): Promise<void>;
  /** The attention of one image. Absent where the engine, or the model, does not have it. */
  attention?(image: Batch, target: Target | undefined, signal?: AbortSignal): Promise<AttentionOnImage>;
  close(): Promise<void>;
}
