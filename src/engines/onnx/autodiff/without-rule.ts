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
      const why = whyNone(node, plain);
      const operator = `${operatorOf(node)}${why === undefined ? '' : ` (${why})`}`;
      found[operator] = [...(found[operator] ?? []), node.name];
    }
  } catch (error) {
    // There is no differentiable path at all, which is told as the limitation that it is.
    if (!(error instanceof CtXaiError)) throw error;
  }
  return found;
}

/** Operators for one kind of processor, which only a model that ONNX Runtime has optimised and saved has. */
const OPTIMISED: ReadonlySet<string> = new Set(['com.microsoft.nchwc', 'com.ms.internal.nhwc']);

/** Why an operator without a rule has none, where more can be said than that. */
export function whyNone(node: Node, model: NormalisedModel): string | undefined {
  if (!OPTIMISED.has(node.domain)) return whyNotUnrolled(node, model);
  return "ONNX Runtime's optimiser wrote it for one kind of processor; use the file that the exporter wrote";
}

/** An operator with its domain. */
export function operatorOf({ op, domain }: Node): string {
  return domain === '' ? op : `${domain}:${op}`;
}
