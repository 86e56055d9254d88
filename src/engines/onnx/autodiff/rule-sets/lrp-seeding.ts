import { DType } from '../../graph/graph.ts';
import { Emitter } from '../emit.ts';
import { derivativeSeeding } from './derivative-seeding.ts';
import { either, type Seeding, type SeedParts } from './seeding.ts';

/**
 * The relevance at the scores. `score`: the logit or the probability itself, at its own output; for the margin
 * z_c · ∂margin/∂z_c, which sums to the margin plus the entropy of the other classes' softmax (to the margin itself for
 * two classes). `one`: 1, or ∂margin/∂z_c, in their place, as zennit does.
 */
export const lrpSeeding =
  (seed: 'score' | 'one'): Seeding =>
  (b, parts) => {
    const e = new Emitter(b, DType.float);
    const slopes = derivativeSeeding(b, { ...parts, probability: e.constant([1], [0]) });
    if (seed === 'one') return slopes;
    return either(b, parts.probability, probabilityAt(e, parts), e.mul(slopes, parts.scores));
  };

/** The class's probability at its own output, 0 at others. */
function probabilityAt(e: Emitter, { task, target, scores, probabilities }: SeedParts): string {
  if (task === 'regression') return e.mul(target, scores);
  if (task === 'softmax') return e.mul(target, probabilities ? scores : e.op('Softmax', [scores]));
  if (task === 'multi-label') return e.mul(target, probabilities ? scores : e.op('Sigmoid', [scores]));
  if (!probabilities) return e.op('Sigmoid', [e.mul(target, scores)]);
  return e.where(e.greater(target, 0), scores, e.sub(1, scores));
}
