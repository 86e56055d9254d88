import { type Graph, GraphBuilder, type Node } from './graph.ts';

/** The tensors a node reads, those that its subgraphs take from outside included. */
export function readBy(node: Node): string[] {
  const names = node.inputs.filter(name => name !== '');
  for (const a of Object.values(node.attrs)) if (a.type === 'graph') names.push(...captured(a.value));
  return names;
}

function captured(graph: Graph): string[] {
  const own = new Set([...graph.inputs.map(i => i.name), ...graph.constants.keys()]);
  for (const node of graph.nodes) for (const name of node.outputs) own.add(name);
  const read = [...graph.nodes.flatMap(readBy), ...graph.outputs.map(o => o.name)];
  return read.filter(name => !own.has(name));
}

/** Puts the names of a graph's tensors and nodes, those of inner graphs included, into `taken`. */
export function collectNames(graph: Graph, taken: Set<string>): void {
  for (const name of graph.constants.keys()) taken.add(name);
  for (const { name } of graph.inputs) taken.add(name);
  for (const node of graph.nodes) {
    taken.add(node.name);
    for (const name of node.outputs) taken.add(name);
    for (const a of Object.values(node.attrs)) if (a.type === 'graph') collectNames(a.value, taken);
  }
}

/**
 * A builder of nodes for a graph, whose fresh names nothing in it has: no tensor or node, inner graphs included, and
 * nothing of which it tells the shape.
 * @param more further names that are not free
 */
export function builderFor(graph: Graph, more: Iterable<string> = []): GraphBuilder {
  const taken = new Set(more);
  collectNames(graph, taken);
  // Shapes may be told of tensors that are no longer there: a new tensor of that name would get them.
  for (const name of graph.shapes?.keys() ?? []) taken.add(name);
  return new GraphBuilder({ opset: graph.opset, taken });
}

/** The node that makes each tensor. */
export function producers(graph: Graph): Map<string, Node> {
  const map = new Map<string, Node>();
  for (const node of graph.nodes) for (const name of node.outputs) if (name !== '') map.set(name, node);
  return map;
}

/** Operators whose output tells the shape of their input and nothing of its values. */
const SHAPE_ONLY: ReadonlySet<string> = new Set(['Shape', 'Size']);

/** The tensors whose values follow from those of `sources`. */
export function dependents(graph: Graph, sources: Iterable<string>): Set<string> {
  const found = new Set(sources);
  for (const node of graph.nodes) {
    if (node.domain === '' && SHAPE_ONLY.has(node.op)) continue;
    if (!readBy(node).some(name => found.has(name))) continue;
    for (const name of node.outputs) if (name !== '') found.add(name);
  }
  return found;
}

/** The graph without the nodes and constants that none of `wanted` needs. */
export function pruned(graph: Graph, wanted: readonly string[]): Graph {
  const needed = new Set(wanted);
  const nodes: Node[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some(name => needed.has(name))) continue;
    nodes.push(node);
    for (const name of readBy(node)) needed.add(name);
  }
  const constants = new Map([...graph.constants].filter(([name]) => needed.has(name)));
  return { ...graph, nodes: nodes.reverse(), constants };
}
