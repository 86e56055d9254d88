import type { Constant, Graph, Node } from '../graph/graph.ts';

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
  const constants = new Map(graph.constants);
  const nodes = graph.nodes.flatMap(node => {
    const value = condition(node);
    if (!value) return [node];
    const branch = node.attrs[Number(value.data[0]) !== 0 ? 'then_branch' : 'else_branch'];
    return branch?.type === 'graph' ? inlined(node, branch.value, constants) : [node];
  });
  return { ...graph, nodes, constants };
}

/** Names inside a branch are unique in the whole model, so they may stand as they are. */
function inlined(node: Node, branch: Graph, constants: Map<string, Constant>): Node[] {
  for (const [name, c] of branch.constants) constants.set(name, c);
  const passed = branch.outputs.map((o, i): Node => {
    const output = node.outputs[i] ?? '';
    return { op: 'Identity', domain: '', name: `${node.name}/${i}`, inputs: [o.name], outputs: [output], attrs: {} };
  });
  return [...branch.nodes, ...passed.filter(p => p.outputs[0] !== '')];
}
