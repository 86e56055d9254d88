import { attr, type Node, read } from '../../graph/graph.ts';
import { before, type UpgradeRules, type Upgrading } from './upgrading.ts';

/**
 * Before opset 13 these took the product of all dimensions from `axis` (default 1) on as one. Where `axis` is the last
 * dimension that is no difference; the cleaner, which knows shapes, then takes the reshaping out again.
 */
function coerced(node: Node, u: Upgrading): void {
  const x = node.inputs[0]!;
  const flat = u.builder.op('Flatten', [x], { axis: attr.int(read.int(node, 'axis', 1)) });
  const y = u.builder.op(node.op, [flat], { axis: attr.int(-1) });
  const shape = u.builder.op('Shape', [x]);
  u.finish(node, 'Reshape', [y, shape]);
}

export const softmaxRules: UpgradeRules = {
  Softmax: before(13, coerced),
  LogSoftmax: before(13, coerced),
  Hardmax: before(13, coerced),
};
