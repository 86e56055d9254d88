import * as tf from '@tensorflow/tfjs-core';
import type { ScoreKind } from '../../../core/contracts/index.ts';
import type { Head } from '../../shared/scores.ts';
import { explained } from './explained-score.ts';
import type { TfjsNetwork } from './network.ts';

/** What is asked of a micro-batch. Layers are named in the order of computation. */
export type Task =
  | { readonly kind: 'scores' }
  | { readonly kind: 'gradient'; readonly target: number; readonly score: ScoreKind }
  | { readonly kind: 'activations'; readonly layers: readonly string[] }
  | {
      readonly kind: 'layers';
      readonly layers: readonly string[];
      readonly target: number;
      readonly score: ScoreKind;
    }
  | { readonly kind: 'continue'; readonly layer: string };

/** Row-major values with their shape, image after image. */
export interface NetworkValues {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

/** Row-major values, image after image. */
export interface ComputedAnswer {
  /** The model's output, [n, k]; absent where only activations were asked for. */
  readonly raw?: Float32Array;
  /** d score / d image, or one for each layer. */
  readonly gradients?: readonly Float32Array[];
  /** The values of each layer. */
  readonly activations?: readonly Float32Array[];
}

/**
 * Runs images [n, h, w, c] through a network. No tensor outlives it, also where it fails.
 * @param images for `continue`: one image
 * @param given for `continue`: the layer's values
 */
export async function compute(
  network: TfjsNetwork,
  head: Head,
  task: Task,
  images: NetworkValues,
  given?: NetworkValues,
): Promise<ComputedAnswer> {
  const kept: tf.Tensor[] = [];
  try {
    // A GPU's values can't be read at once, and what is tidied up can't be waited for.
    const found = tf.tidy(() => {
      const x = tf.tensor4d(images.data, [...images.shape] as [number, number, number, number]);
      return asked(network, head, task, x, given, kept);
    });
    kept.push(...[found.raw, ...(found.gradients ?? []), ...(found.activations ?? [])].filter(t => t !== undefined));
    const read = async (t: tf.Tensor) => (await t.data()) as Float32Array;
    const readAll = (list: readonly tf.Tensor[]) => Promise.all(list.map(read));
    return {
      ...(found.raw ? { raw: await read(found.raw) } : {}),
      ...(found.gradients ? { gradients: await readAll(found.gradients) } : {}),
      ...(found.activations ? { activations: await readAll(found.activations) } : {}),
    };
  } catch (error) {
    dropTape();
    throw error;
  } finally {
    tf.dispose(kept);
  }
}

type Found = { raw?: tf.Tensor; gradients?: tf.Tensor[]; activations?: tf.Tensor[] };

/** @param kept takes what a tidying would dispose of and is still to be read */
function asked(
  network: TfjsNetwork,
  head: Head,
  task: Task,
  x: tf.Tensor4D,
  given: NetworkValues | undefined,
  kept: tf.Tensor[],
): Found {
  switch (task.kind) {
    case 'scores':
      return { raw: network.forward(x) };
    case 'activations':
      return { activations: [...network.values(x, task.layers)] };
    case 'continue': {
      const { data, shape } = given!;
      const value = tf.tensor(data, [...shape]);
      const many = shape[0] === 1 ? x : tf.tile(x, [shape[0]!, 1, 1, 1]);
      return { raw: network.forward(many, new Map([[task.layer, value]])) };
    }
    case 'gradient': {
      let raw: tf.Tensor | undefined;
      const gradient = tf.grad(v => {
        const scores = tf.keep(network.forward(v as tf.Tensor4D));
        kept.push(scores);
        raw = scores;
        return explained(scores, head, task.target, task.score);
      })(x);
      return { raw: raw!, gradients: [gradient] };
    }
    case 'layers':
      return layerSlopes(network, head, task, x);
  }
}

/**
 * Values of layers and gradients there. The network is run on from the first layer's values; to those of the others
 * zeros are added, whose gradients are the layers', so that the first layer's gradient still comes through them.
 */
function layerSlopes(network: TfjsNetwork, head: Head, task: Extract<Task, { kind: 'layers' }>, x: tf.Tensor4D): Found {
  const [first, ...others] = task.layers as [string, ...string[]];
  const activations = [...network.values(x, task.layers)];
  const zeros = activations.slice(1).map(value => tf.zerosLike(value));
  const gradients = tf.grads((value: tf.Tensor, ...added: tf.Tensor[]) => {
    const known = new Map([[first, value]]);
    for (const [k, layer] of others.entries()) {
      known.set(layer, tf.add(network.values(x, [layer], known)[0]!, added[k]!));
    }
    return explained(network.forward(x, known), head, task.target, task.score);
  })([activations[0]!, ...zeros]);
  return { activations, gradients };
}

/** TF.js keeps what a gradient needs until the gradient is done, and forgets it where that never happens. */
function dropTape(): void {
  const { state } = tf.engine();
  for (const { saved } of state.activeTape ?? []) for (const t of saved ?? []) t?.dispose();
  (state as { activeTape: unknown }).activeTape = null;
}
