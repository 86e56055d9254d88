import type { GraphBuilder } from '../../graph/graph.ts';

/** What a backward pass can be started from. */
export interface SeedParts {
  readonly task: 'softmax' | 'sigmoid';
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
