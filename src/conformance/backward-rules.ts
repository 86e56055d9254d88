import type { BackwardRules, Target } from '../core/contracts/index.ts';
import { CtXaiError } from '../core/errors.ts';

/** One value of an activation: what goes in, what comes out, and both for the reference image. */
export interface ActivationAt {
  readonly before: number;
  readonly after: number;
  readonly referenceBefore: number;
  readonly referenceAfter: number;
  /** d after / d before */
  readonly derivative: number;
}

/** What goes back through an activation where `g` comes to it. */
export type ThroughActivation = (g: number, at: ActivationAt) => number;

const RULES: Readonly<Record<string, ThroughActivation>> = {
  standard: (g, { derivative }) => g * derivative,
  'guided-backprop': (g, { derivative }) => Math.max(0, g * derivative),
  deconvnet: g => Math.max(0, g),
  deeplift: (g, at) => g * rescaled(at),
  // Relevance passes activations: R = m·x on both sides.
  lrp: (g, { before, after, derivative }) => g * (before === 0 ? derivative : after / before),
};

/**
 * Backward rules of networks whose only operators are linear layers and activations, by formula.
 * @throws CtXaiError USAGE where there are no such rules
 */
export function throughActivation({ name }: BackwardRules): ThroughActivation {
  const rule = RULES[name];
  if (rule) return rule;
  throw new CtXaiError('USAGE', `there are no backward rules '${name}'.`, {
    hint: `There are: ${Object.keys(RULES).join(', ')}.`,
  });
}

function rescaled({ before, after, referenceBefore, referenceAfter, derivative }: ActivationAt): number {
  const difference = before - referenceBefore;
  return Math.abs(difference) < 1e-9 ? derivative : (after - referenceAfter) / difference;
}

/** (f(a) − f(b)) / (a − b) */
function slope(f: (v: number) => number, a: number, b: number, derivative: number): number {
  return Math.abs(a - b) < 1e-9 ? derivative : (f(a) - f(b)) / (a - b);
}

/** DeepLIFT's multipliers of a score with respect to the logits z, z′ those of the reference image. */
export function scoreMultipliers(z: Float64Array, reference: Float64Array, { class: t, score }: Target): Float64Array {
  const made = new Float64Array(z.length);
  made[t] = 1;
  if (score === 'logit') return made;
  const top = Math.max(...z, ...reference);
  const sumOf = (v: Float64Array) => v.reduce((sum, zc, c) => (c === t ? sum : sum + Math.exp(zc - top)), 0);
  const [a, b] = [sumOf(z), sumOf(reference)];
  const forSum = slope(Math.log, a, b, 1 / a);
  z.forEach((zc, c) => {
    if (c !== t) made[c] = -forSum * slope(v => Math.exp(v - top), zc, reference[c]!, Math.exp(zc - top));
  });
  if (score === 'margin') return made;
  const margin = (v: Float64Array) => v[t]! - top - Math.log(sumOf(v));
  const sigmoid = (v: number) => 1 / (1 + Math.exp(-v));
  const p = sigmoid(margin(z));
  const forMargin = slope(sigmoid, margin(z), margin(reference), p * (1 - p));
  return made.map(m => m * forMargin);
}
