import type { ModelCard } from '../../../../core/contracts/index.ts';
import type { GraphBuilder } from '../../graph/graph.ts';

/** What a backward pass can be started from. */
export interface SeedParts {
  readonly task: ModelCard['task'];
  /** [n, k]: 1 at the class, 0 elsewhere; for a sigmoid unit [n, 1]: 1 for the positive class, −1 for the other. */
  readonly target: string;
  /** [1]: 1 where the margin is explained, else 0. */
  readonly margin: string;
  /** [1]: 1 where the probability is explained, else 0. */
  readonly probability: string;
  /** [n, k] */
  readonly scores: string;
  /** The same of the reference image, for rules that compare with one. */
  readonly reference?: string;
  /** Whether the scores are probabilities and not logits. */
  readonly probabilities: boolean;
}

/** Writes the nodes that make what belongs to the scores, [n, k]; returns its name. */
export type Seeding = (b: GraphBuilder, parts: SeedParts) => string;

/** One tensor or the other, by a weight [1] of 1 or 0. */
export function either(b: GraphBuilder, weight: string, yes: string, no: string): string {
  const on = b.op('Greater', [weight, b.scalar(0.5)]);
  return b.op('Where', [on, yes, no]);
}

/** What belongs to the score that is explained. */
export function byScore(
  b: GraphBuilder,
  { margin, probability }: SeedParts,
  made: { readonly logit: string; readonly margin: string; readonly probability: string },
): string {
  return either(b, margin, made.margin, either(b, probability, made.probability, made.logit));
}
