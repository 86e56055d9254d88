import type { ModelCard, ScoreKind } from '../../core/contracts/index.ts';
import { logOdds } from '../../core/predicts.ts';

/** What a model's raw output means. */
export interface Head {
  /**
   * `sigmoid`: one unit stands for two classes. `multi-label`: each unit is a finding by itself. `regression`: each unit
   * is a value by itself.
   */
  readonly task: ModelCard['task'];
  /** `probabilities` where the tail was kept, so that the output is behind the softmax or sigmoid. */
  readonly values: 'logits' | 'probabilities';
}

/**
 * Scores of all classes of one image from its raw outputs, computed in double precision.
 *
 * Logits z: the logit is z_t; the margin z_t − log Σ_{c≠t} exp z_c; the probability exp(z_t) / Σ exp z_c. One sigmoid
 * unit z: s₁ = z, s₀ = −z for logit and margin, σ(s) for the probability. Probabilities p (tail kept): the logit is
 * the output itself (for a sigmoid unit [1 − p, p]), the margin log p_t − log Σ_{c≠t} p_c. Findings that do not exclude
 * each other: logit and margin are the finding's own z, the probability σ(z). Values of a regression have no
 * probability: every score is the value itself.
 * @param raw the image's outputs; `out` receives one number per class
 */
export function scoresOf(raw: ArrayLike<number>, head: Head, as: ScoreKind, out: Float64Array): void {
  if (head.task === 'regression') {
    for (let t = 0; t < raw.length; t++) out[t] = raw[t]!;
  } else if (head.task === 'sigmoid') {
    sigmoidScores(raw[0]!, head.values, as, out);
  } else if (head.task === 'multi-label') {
    for (let t = 0; t < raw.length; t++) out[t] = findingScore(raw[t]!, head.values, as);
  } else if (head.values === 'probabilities') {
    const total = sum(raw);
    for (let t = 0; t < raw.length; t++) {
      const p = raw[t]!;
      out[t] = as === 'margin' ? Math.log(p) - Math.log(Math.max(total - p, 0)) : p;
    }
  } else {
    softmaxScores(raw, as, out);
  }
}

/** The score of a finding by itself: its log-odds are z, or log p − log(1 − p). */
function findingScore(value: number, values: Head['values'], as: ScoreKind): number {
  if (values === 'probabilities') return as === 'margin' ? logOdds(value) : value;
  return as === 'probability' ? 1 / (1 + Math.exp(-value)) : value;
}

function sum(values: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i]!;
  return total;
}

function sigmoidScores(value: number, values: Head['values'], as: ScoreKind, out: Float64Array): void {
  if (values === 'probabilities') {
    const logit = logOdds(value);
    out[0] = as === 'margin' ? -logit : 1 - value;
    out[1] = as === 'margin' ? logit : value;
    return;
  }
  for (let t = 0; t < 2; t++) {
    const s = t === 1 ? value : -value;
    out[t] = as === 'probability' ? 1 / (1 + Math.exp(-s)) : s;
  }
}

function softmaxScores(z: ArrayLike<number>, as: ScoreKind, out: Float64Array): void {
  if (as === 'logit') {
    for (let t = 0; t < z.length; t++) out[t] = z[t]!;
    return;
  }
  let top = 0;
  for (let t = 1; t < z.length; t++) if (z[t]! > z[top]!) top = t;
  let total = 0;
  for (let t = 0; t < z.length; t++) total += Math.exp(z[t]! - z[top]!);
  for (let t = 0; t < z.length; t++) {
    const e = Math.exp(z[t]! - z[top]!);
    if (as === 'probability') out[t] = e / total;
    // Where t is not on top, taking it off the total leaves at least 1: nothing cancels.
    else out[t] = t === top ? z[t]! - logSumExpWithout(z, t) : z[t]! - (z[top]! + Math.log(total - e));
  }
}

/** log Σ_{c≠t} exp z_c */
function logSumExpWithout(z: ArrayLike<number>, t: number): number {
  let top = Number.NEGATIVE_INFINITY;
  for (let c = 0; c < z.length; c++) if (c !== t && z[c]! > top) top = z[c]!;
  let total = 0;
  for (let c = 0; c < z.length; c++) if (c !== t) total += Math.exp(z[c]! - top);
  return top + Math.log(total);
}
