import type * as tf from '@tensorflow/tfjs-core';

/** Values of layers or nodes, by their names. */
export type Known = ReadonlyMap<string, tf.Tensor>;

/** A loaded model's computation, from the image to its scores. Tensors it makes are the caller's to dispose of. */
export interface TfjsNetwork {
  /** Scores [n, k] of images [n, h, w, c], with some layers' values put in place of those that follow from the images. */
  forward(images: tf.Tensor4D, known?: Known): tf.Tensor2D;
  /** Values of layers; what lies behind them is not computed. */
  values(images: tf.Tensor4D, wanted: readonly string[], known?: Known): readonly tf.Tensor[];
  /** Shapes, the batch included, of the tensors that layers can be. */
  shapes(images: tf.Tensor4D): Readonly<Record<string, readonly number[]>>;
  dispose(): void;
}
