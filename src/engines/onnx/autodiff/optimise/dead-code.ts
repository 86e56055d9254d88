import type { Constant, Graph, Node } from '../../graph.ts';

/** Only the nodes and constants that the outputs need. Nodes whose outputs are known constants go too. */
export function removeDead(graph: Graph): Graph {
  const needed = new Set(graph.outputs.map(o => o.name));
  const nodes: Node[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some(name => needed.has(name) && !graph.constants.has(name))) continue;
    nodes.push(node);
    for (const name of inputsOf(node)) needed.add(name);
  }
  const constants = new Map<string, Constant>();
  for (const [name, value] of graph.constants) if (needed.has(name)) constants.set(name, value);
  return { ...graph, nodes: nodes.reverse(), constants };
}

/** What a node reads, its subgraphs' outer references among it. */
export function inputsOf(node: Node): string[] {
  const names = node.inputs.filter(name => name !== '');
  for (const a of Object.values(node.attrs)) {
    if (a.type === 'graph') for (const inner of a.value.nodes) names.push(...inputsOf(inner));
  }
  return names;
}
