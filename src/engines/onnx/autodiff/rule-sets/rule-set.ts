import type { Node } from '../../graph/graph.ts';
import type { NormalisedModel } from '../../load/load-model.ts';
import type { Path } from '../path.ts';
import type { Rule } from '../rule.ts';
import type { Seeding } from './seeding.ts';
import type { Sums } from './sums.ts';

/** What a rule set sees of the network before it chooses rules. */
export interface NetworkView {
  readonly model: NormalisedModel;
  /** From the image to the scores; known activations made of several operators are one node here. */
  readonly path: Path;
  /** What the backward pass starts from: the tensor [n, k] that belongs to the scores. */
  readonly seed: string;
  /** Tells the user what the rules leave out. */
  note(text: string): void;
  /** Sums to be reported for each image. */
  readonly sums: Sums;
}

/**
 * What stands in the place of derivatives, operator by operator. Rules get the tensor that belongs to an output
 * (a derivative, a multiplier, a relevance) and make those of the inputs; where paths meet they are added.
 */
export interface RuleSet {
  /** Whether rules compare with a reference image, which goes through a copy of the network in the same graph. */
  readonly reference?: boolean;
  /** What the backward pass starts from at the scores. Default: the derivative of the score. */
  readonly seeding?: Seeding;
  /** The same function, rewritten so that the rules apply. */
  rewrite?(model: NormalisedModel): NormalisedModel;
  /**
   * Chooses the rules of one network. What it returns gives the rule of a node, or undefined where the node keeps its
   * derivative, which is `standard`.
   * @throws CtXaiError OPERATOR where the rules have no meaning for the network
   */
  rulesFor(network: NetworkView): (node: Node, standard: Rule | undefined) => Rule | undefined;
}
