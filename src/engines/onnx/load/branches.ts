import type { Constant, Graph, Node } from '../graph/graph.ts';
import { Inlining } from './inlining.ts';

/**
 * The graph with every `If` replaced by the branch that its constant condition takes, or undefined where there is none.
 * Exporters write such conditions about shapes.
 */
export function withoutBranches(graph: Graph, values: ReadonlyMap<string, Constant>): Graph | undefined {
  const condition = (node: Node) => {
    return node.op === 'If' && node.domain === ''
      ? (values.get(node.inputs[0]!) ?? graph.constants.get(node.inputs[0]!))
      : undefined;
  };
  if (!graph.nodes.some(condition)) return undefined;
  const inlining = new Inlining(graph);
  for (const node of graph.nodes) {
    const value = condition(node);
    const branch = value && node.attrs[Number(value.data[0]) !== 0 ? 'then_branch' : 'else_branch'];
    if (branch?.type !== 'graph') {
      inlining.nodes.push(node);
      continue;
    }
    const outputs = inlining.move(branch.value, node.name);
    for (const [i, name] of outputs.entries()) inlining.pass(name, node.outputs[i] ?? '', node);
  }
  return inlining.graph();
}
