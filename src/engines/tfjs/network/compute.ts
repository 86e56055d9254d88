import * as tf from '@tensorflow/tfjs-core';
import type { ScoreKind } from '../../../core/contracts/index.ts';
import type { Head } from '../../shared/scores.ts';
import { explained } from './explained-score.ts';
import type { Network } from './network.ts';

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
export async function compute(
  network: Network,
  head: Head,
  task: Task,
  images: Float32Array,
  shape: number[],
): Promise<Answer> {
  const kept: tf.Tensor[] = [];
  try {
    // A GPU's values can't be read at once, and what is tidied up can't be waited for.
    const values = tf.tidy(() => {
      const x = tf.tensor4d(images, shape as [number, number, number, number]);
      if (task.kind === 'scores') return { raw: network.forward(x) };
      const whole = { value: x, rest: (value: tf.Tensor) => network.forward(value as tf.Tensor4D) };
      const { value, rest } = task.kind === 'layer' ? network.split(x, task.layer) : whole;
      const slope = tf.grad(v => {
        const raw = tf.keep(rest(v));
        kept.push(raw);
        return explained(raw, head, task.target, task.score);
      });
      const gradient = slope(value);
      return { gradient, ...(task.kind === 'layer' ? { activations: value } : {}) };
    });
    kept.push(...Object.values(values));
    const named = { raw: kept[0]!, ...values };
    const entries = Object.entries(named).map(async ([name, t]) => [name, (await t.data()) as Float32Array] as const);
    return Object.fromEntries(await Promise.all(entries)) as unknown as Answer;
  } catch (error) {
    dropTape();
    throw error;
  } finally {
    tf.dispose(kept);
  }
}

/** TF.js keeps what a gradient needs until the gradient is done, and forgets it where that never happens. */
function dropTape(): void {
  const { state } = tf.engine();
  for (const { saved } of state.activeTape ?? []) for (const t of saved ?? []) t?.dispose();
  (state as { activeTape: unknown }).activeTape = null;
}
