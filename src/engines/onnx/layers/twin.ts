import type { Attr, Graph, Node } from '../graph/graph.ts';
import { readBy } from '../graph/walk.ts';
import type { NormalisedModel } from '../load/load-model.ts';

/** A second copy, for another image, of what a graph computes of its image. Weights are shared. */
export interface TwinGraph {
  readonly nodes: readonly Node[];
  /** The second image's input. */
  readonly input: string;
  /** A tensor's name in the second copy; of what does not depend on the image, the name that it has. */
  nameOf(tensor: string): string;
}

const SECOND = 'ctxai/second/';

export function twinOf({ graph, input }: Pick<NormalisedModel, 'graph' | 'input'>): TwinGraph {
  const varying = following(graph, input);
  const nameOf = (name: string) => (varying.has(name) ? SECOND + name : name);
  const nodes = graph.nodes.filter(node => node.outputs.some(name => varying.has(name)));
  return { nodes: nodes.map(node => renamed(node, nameOf)), input: nameOf(input), nameOf };
}

/** Tensors that depend on the image or on its batch, which the second image has of its own. */
function following(graph: Graph, input: string): Set<string> {
  const found = new Set([input]);
  for (const node of graph.nodes) {
    if (!readBy(node).some(name => found.has(name))) continue;
    for (const name of node.outputs) if (name !== '') found.add(name);
  }
  return found;
}

function renamed(node: Node, nameOf: (name: string) => string): Node {
  const attrs: Record<string, Attr> = {};
  for (const [key, a] of Object.entries(node.attrs)) {
    attrs[key] = a.type === 'graph' ? { type: 'graph', value: body(a.value, nameOf) } : a;
  }
  const to = (name: string) => (name === '' ? '' : nameOf(name));
  // Nodes of bodies need no name, and may not have one in common.
  const name = node.name === '' ? '' : SECOND + node.name;
  return { ...node, name, attrs, inputs: node.inputs.map(to), outputs: node.outputs.map(to) };
}

/** The body of a loop or branch: what it takes from outside is renamed. */
function body(graph: Graph, outer: (name: string) => string): Graph {
  const own = new Set([...graph.inputs.map(i => i.name), ...graph.constants.keys()]);
  for (const node of graph.nodes) for (const name of node.outputs) own.add(name);
  const nameOf = (name: string) => (own.has(name) ? name : outer(name));
  return { ...graph, nodes: graph.nodes.map(node => renamed(node, nameOf)) };
}
