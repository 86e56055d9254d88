import * as tf from '@tensorflow/tfjs-core';
import type { ScoreKind } from '../../core/contracts.ts';
import type { Head } from '../onnx/scores.ts';
import type { Network } from './network.ts';
import { explained } from './seed.ts';

/** What is asked of a micro-batch. */
export type Task =
  | { readonly kind: 'scores' }
  | { readonly kind: 'gradient'; readonly target: number; readonly score: ScoreKind }
  | { readonly kind: 'layer'; readonly layer: string; readonly target: number; readonly score: ScoreKind };

/** Row-major values, image after image. */
export interface Answer {
  /** The model's output, [n, k]. */
  readonly raw: Float32Array;
  /** d score / d image or layer. */
  readonly gradient?: Float32Array;
  /** The layer's values. */
  readonly activations?: Float32Array;
}

/** Runs images [n, h, w, c] through a network. No tensor outlives it, also where it fails. */
export function compute(network: Network, head: Head, task: Task, images: Float32Array, shape: number[]): Answer {
  let answer: Answer | undefined;
  const kept: tf.Tensor[] = [];
  try {
    tf.tidy(() => {
      const x = tf.tensor4d(images, shape as [number, number, number, number]);
      if (task.kind === 'scores') {
        answer = { raw: floats(network.forward(x)) };
        return;
      }
      const whole = { value: x, rest: (value: tf.Tensor) => network.forward(value as tf.Tensor4D) };
      const { value, rest } = task.kind === 'layer' ? network.split(x, task.layer) : whole;
      const slope = tf.grad(v => {
        const raw = tf.keep(rest(v));
        kept.push(raw);
        return explained(raw, head, task.target, task.score);
      });
      const gradient = floats(slope(value));
      const activations = task.kind === 'layer' ? { activations: floats(value) } : {};
      answer = { raw: floats(kept[0]!), gradient, ...activations };
    });
  } catch (error) {
    dropTape();
    throw error;
  } finally {
    tf.dispose(kept);
  }
  return answer!;
}

/** TF.js keeps what a gradient needs until the gradient is done, and forgets it where that never happens. */
function dropTape(): void {
  const { state } = tf.engine();
  for (const { saved } of state.activeTape ?? []) for (const t of saved ?? []) t?.dispose();
  (state as { activeTape: unknown }).activeTape = null;
}

function floats(t: tf.Tensor): Float32Array {
  return t.dataSync() as Float32Array;
}
