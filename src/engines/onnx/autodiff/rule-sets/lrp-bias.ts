import type { Node } from '../../graph/graph.ts';
import { producers, readBy } from '../../graph/walk.ts';
import type { NormalisedModel } from '../../load/load-model.ts';

/** The bias of a dense layer, and the tensor that has it added. */
export interface AddedBias {
  readonly bias: string;
  readonly sum: string;
}

/**
 * Dense layers over tokens are exported as MatMul and an Add: one layer to LRP. By MatMul, its bias; and the Adds, which
 * pass relevance on to it.
 */
export function addedBiases({ graph, values }: NormalisedModel): {
  readonly ofLayer: ReadonlyMap<Node, AddedBias>;
  readonly additions: ReadonlySet<Node>;
} {
  const made = producers(graph);
  const readers = new Map<string, number>(graph.outputs.map(({ name }) => [name, 1]));
  for (const name of graph.nodes.flatMap(readBy)) readers.set(name, (readers.get(name) ?? 0) + 1);
  const ofLayer = new Map<Node, AddedBias>();
  const additions = new Set<Node>();
  for (const node of graph.nodes) {
    if (node.op !== 'Add') continue;
    const [layer, bias] = [node.inputs, node.inputs.toReversed()]
      .map(([a, b]) => [made.get(a!), b!] as const)
      .find(([maker, b]) => maker?.op === 'MatMul' && values.has(b)) ?? [undefined, ''];
    const weights = values.get(layer?.inputs[1] ?? '');
    const { dims, data } = values.get(bias) ?? { dims: [], data: [] };
    if (!layer || !weights || dims.length > 1 || data.length !== weights.dims.at(-1)) continue;
    if (readers.get(layer.outputs[0]!) !== 1) continue;
    ofLayer.set(layer, { bias, sum: node.outputs[0]! });
    additions.add(node);
  }
  return { ofLayer, additions };
}
