import type * as tf from '@tensorflow/tfjs-core';

/** A loaded model's computation, from the image to its scores. Tensors it makes are the caller's to dispose of. */
export interface Network {
  /** Scores [n, k] of images [n, h, w, c]. */
  forward(images: tf.Tensor4D): tf.Tensor2D;
  /** The value of a layer, and the scores as a function of it. */
  split(images: tf.Tensor4D, layer: string): { readonly value: tf.Tensor; rest(value: tf.Tensor): tf.Tensor2D };
  /** Shapes, without the batch, of the tensors that layers can be. */
  shapes(images: tf.Tensor4D): Readonly<Record<string, readonly number[]>>;
  dispose(): void;
}
