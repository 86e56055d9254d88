import { attr, constant, type GraphBuilder } from '../../graph/graph.ts';
import { either, type Seeding, type SeedParts } from './seeding.ts';

/**
 * d score / d output. With softmax p over classes and q over those other than t: logit e_t; margin e_t − q; probability
 * p_t (e_t − p). Sigmoid, s = ±1: s; s; s p (1 − p). Where the output holds probabilities: e_t; e_t / p_t −
 * (1 − e_t) / Σ_{c≠t} p_c; e_t (sigmoid: s; s / (p (1 − p)); s). Findings
 * by themselves are sigmoid units of which one is explained: s = e_t. Values of a regression: e_t.
 */
export const derivativeSeeding: Seeding = (b, parts) => {
  if (parts.task === 'regression') return parts.target;
  return (parts.task === 'softmax' ? softmaxSeed : sigmoidSeed)(b, parts);
};

function softmaxSeed(b: GraphBuilder, { target, margin, probability, scores, probabilities }: SeedParts): string {
  const last = b.ints([-1]);
  const keep = { keepdims: attr.int(1) };
  if (probabilities) {
    const others = b.op('Sub', [b.constant(constant.float([1], [1])), target]);
    const share = (mask: string) => {
      const total = b.op('ReduceSum', [b.op('Mul', [mask, scores]), last], keep);
      return b.op('Div', [mask, b.op('Max', [total, b.scalar(1e-38)])]);
    };
    return either(b, margin, b.op('Sub', [share(target), share(others)]), target);
  }
  // For the margin the class itself is taken out of the softmax.
  const away = b.op('Mul', [b.op('Mul', [target, margin]), b.scalar(-1e30)]);
  const softmax = b.op('Softmax', [b.op('Add', [scores, away])], { axis: attr.int(-1) });
  const difference = b.op('Sub', [target, softmax]);
  const own = b.op('ReduceSum', [b.op('Mul', [target, softmax]), last], keep);
  const bent = either(b, probability, b.op('Mul', [own, difference]), target);
  return either(b, margin, difference, bent);
}

function sigmoidSeed(b: GraphBuilder, { target, margin, probability, scores, probabilities }: SeedParts): string {
  const p = probabilities ? scores : b.op('Sigmoid', [scores]);
  const slope = b.op('Mul', [p, b.op('Sub', [b.constant(constant.float([1], [1])), p])]);
  if (!probabilities) return either(b, probability, b.op('Mul', [target, slope]), target);
  return either(b, margin, b.op('Div', [target, b.op('Max', [slope, b.scalar(1e-38)])]), target);
}
