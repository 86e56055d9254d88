import { CtXaiError } from '../../../../core/errors.ts';
import { type Constant, type Node, numbersOf } from '../../graph/graph.ts';
import { positive } from '../pointwise.ts';
import type { Site } from '../site.ts';
import type { NetworkView } from './rule-set.ts';

/** Activations that are no rectifiers, but stand where others have one. */
const OTHER_ACTIVATIONS: ReadonlySet<string> = new Set([
  ...['LeakyRelu', 'PRelu', 'Elu', 'Selu', 'Celu', 'ThresholdedRelu', 'Clip'],
  ...['Silu', 'QuickGelu', 'Gelu', 'HardSwish', 'Mish'],
]);

/** Whether a node is ReLU, or ReLU cut off above (ReLU6): a Clip from 0, or the larger of 0 and x. */
export function isRectifier(node: Node, values: ReadonlyMap<string, Constant>): boolean {
  const zero = (name: string | undefined) => {
    const value = name ? values.get(name) : undefined;
    return value !== undefined && numbersOf(value).every(v => v === 0);
  };
  if (node.domain !== '') return false;
  if (node.op === 'Clip') return zero(node.inputs[1]);
  if (node.op === 'Max') return node.inputs.length === 2 && node.inputs.some(zero);
  return node.op === 'Relu';
}

/**
 * Whether a node is a rectifier of the network. Activations that keep their derivative are noted.
 * @param rules how messages call the rules
 * @throws CtXaiError OPERATOR where the network has none
 */
export function rectifiersOf({ model, path, note }: NetworkView, rules: string): (node: Node) => boolean {
  const rectifies = (node: Node) => isRectifier(node, model.values);
  const others = path.nodes.filter(node => OTHER_ACTIVATIONS.has(node.op) && !rectifies(node));
  const counts = new Map<string, number>();
  for (const { op } of others) counts.set(op, (counts.get(op) ?? 0) + 1);
  const list = [...counts].map(([op, count]) => `${op} (${count})`).join(', ');
  if (!path.nodes.some(rectifies)) {
    const first = others[0] ? `: its activations are ${list}, the first at node '${others[0].name}'` : '';
    throw new CtXaiError('OPERATOR', `${rules} is defined by ReLU, and the model has none${first}.`, {
      hint: 'Use an explainer by plain gradients.',
    });
  }
  if (others.length > 0)
    note(
      `${list} ${others.length === 1 ? 'keeps its derivative' : 'keep their derivatives'}: ${rules} is defined by ReLU only`,
    );
  return rectifies;
}

/** g·[x > 0], and g·[0 < x < 6] for ReLU6: 0 at the kinks. */
export function derivativeOf(site: Site): string {
  const { node, e, g } = site;
  const above = e.mul(g, positive(e, site.y()));
  const [bound] = node.op === 'Clip' ? (site.numbers(2) ?? []) : [];
  return bound === undefined || bound > 1e6 ? above : e.mul(above, positive(e, site.y(), -1, bound));
}
