import * as tf from '@tensorflow/tfjs-core';
import type { ScoreKind } from '../../../core/contracts/index.ts';
import type { Head } from '../../shared/scores.ts';

/**
 * Σ over images of the score that is explained, as tensors, so that TF.js can differentiate it; the formulas are those
 * of `scoresOf`.
 * @param raw the model's output, [n, k]
 */
export function explained(raw: tf.Tensor2D, head: Head, target: number, score: ScoreKind): tf.Scalar {
  if (head.task === 'sigmoid') return tf.sum(sigmoidScore(raw, head, target, score));
  const own = tf.slice(raw, [0, target], [-1, 1]);
  // A finding by itself is a sigmoid unit.
  if (head.task === 'multi-label') return tf.sum(sigmoidScore(own as tf.Tensor2D, head, 1, score));
  if (score === 'logit' || head.task === 'regression') return tf.sum(own);
  if (head.values === 'probabilities') {
    if (score === 'probability') return tf.sum(own);
    const others = tf.sum(tf.mul(raw, without(raw, target)), 1, true);
    return tf.sum(tf.sub(tf.log(own), tf.log(others)));
  }
  if (score === 'probability') return tf.sum(tf.slice(tf.softmax(raw), [0, target], [-1, 1]));
  const away = tf.mul(tf.sub(1, without(raw, target)), -1e30);
  return tf.sum(tf.sub(own, tf.logSumExp(tf.add(raw, away), 1, true)));
}

/** [1, k]: 0 at the class, 1 elsewhere. */
function without(raw: tf.Tensor2D, target: number): tf.Tensor2D {
  const k = raw.shape[1];
  return tf.tensor2d(
    Array.from({ length: k }, (_, c) => (c === target ? 0 : 1)),
    [1, k],
  );
}

function sigmoidScore(raw: tf.Tensor2D, head: Head, target: number, score: ScoreKind): tf.Tensor {
  const sign = target === 1 ? 1 : -1;
  if (head.values === 'logits') {
    const s = tf.mul(raw, sign);
    return score === 'probability' ? tf.sigmoid(s) : s;
  }
  if (score === 'margin') return tf.mul(tf.sub(tf.log(raw), tf.log(tf.sub(1, raw))), sign);
  return tf.mul(raw, sign);
}
