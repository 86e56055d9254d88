import { CtXaiError } from '../../../core/errors.ts';
import type { Node } from '../graph/graph.ts';
import type { NormalisedModel } from '../load/load-model.ts';
import { findPath } from './path.ts';
import { ruleOf } from './rules/index.ts';
import { unrolled, whyNotUnrolled } from './unroll/index.ts';

/**
 * The operators between image and scores that have no differentiation rule, and the nodes of each. Where the operator is
 * supported but not as these nodes have it, the reason follows in brackets.
 */
export function operatorsWithoutRule(model: NormalisedModel): Readonly<Record<string, readonly string[]>> {
  const found: Record<string, string[]> = {};
  try {
    const plain = unrolled(model);
    for (const node of findPath(plain, [model.input], model.output).nodes) {
      if (ruleOf(node)) continue;
      const why = whyNotUnrolled(node, plain);
      const operator = `${operatorOf(node)}${why === undefined ? '' : ` (${why})`}`;
      found[operator] = [...(found[operator] ?? []), node.name];
    }
  } catch (error) {
    // There is no differentiable path at all, which is told as the limitation that it is.
    if (!(error instanceof CtXaiError)) throw error;
  }
  return found;
}

/** An operator with its domain. */
export function operatorOf({ op, domain }: Node): string {
  return domain === '' ? op : `${domain}:${op}`;
}
