import type { Graph, Node } from '../graph/graph.ts';

const WRAPPING: ReadonlySet<string> = new Set(['Optional', 'OptionalGetElement']);

/** The graph without optional values: one that is given is the tensor itself. */
export function withoutOptionals(graph: Graph): Graph {
  const given = ({ op, domain, inputs }: Node) => domain === '' && WRAPPING.has(op) && (inputs[0] ?? '') !== '';
  if (!graph.nodes.some(given)) return graph;
  return { ...graph, nodes: graph.nodes.map(node => (given(node) ? { ...node, op: 'Identity', attrs: {} } : node)) };
}
