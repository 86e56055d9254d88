import { CtXaiError } from '../../../core/errors.ts';
import type { NormalisedModel } from '../load/load-model.ts';
import { findPath } from './path.ts';
import { ruleOf } from './rules/index.ts';
import { unrolled } from './unroll/index.ts';

/** The operators between image and scores that have no differentiation rule, and the nodes of each. */
export function operatorsWithoutRule(model: NormalisedModel): Readonly<Record<string, readonly string[]>> {
  const found: Record<string, string[]> = {};
  try {
    for (const node of findPath(unrolled(model), [model.input], model.output).nodes) {
      if (ruleOf(node)) continue;
      const operator = node.domain === '' ? node.op : `${node.domain}:${node.op}`;
      found[operator] = [...(found[operator] ?? []), node.name];
    }
  } catch (error) {
    // There is no differentiable path at all, which is told as the limitation that it is.
    if (!(error instanceof CtXaiError)) throw error;
  }
  return found;
}
