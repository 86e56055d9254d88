import { CtXaiError } from '../../../../core/errors.ts';
import type { GraphBuilder, Node } from '../../graph/graph.ts';
import { dependents, readBy } from '../../graph/walk.ts';
import type { NormalisedModel } from '../../load/load-model.ts';

/** The network once more for a reference image, beside the one for the image. */
export interface ReferenceCopy {
  readonly nodes: readonly Node[];
  /** The copies of all tensors that depend on the image, the image itself among them. */
  readonly names: ReadonlyMap<string, string>;
}

/** @throws CtXaiError OPERATOR where an operator with a subgraph depends on the image. */
export function copyForReference({ graph, input }: NormalisedModel, builder: GraphBuilder): ReferenceCopy {
  const varying = dependents(graph, [input]);
  const names = new Map<string, string>([[input, builder.fresh('reference')]]);
  const nodes: Node[] = [];
  for (const node of graph.nodes) {
    if (!node.outputs.some(name => varying.has(name))) continue;
    if (readBy(node).length > node.inputs.filter(name => name !== '').length) {
      throw new CtXaiError(
        'OPERATOR',
        `operator ${node.op} at node '${node.name}' has a subgraph, which can't be copied.`,
        {
          hint: 'Use explainers that need no reference image.',
        },
      );
    }
    for (const name of node.outputs) if (name !== '') names.set(name, builder.fresh('reference'));
    const copied = (name: string) => names.get(name) ?? name;
    const [inputs, outputs] = [node.inputs.map(copied), node.outputs.map(copied)];
    nodes.push({ ...node, name: builder.fresh(node.op), inputs, outputs });
  }
  return { nodes, names };
}
