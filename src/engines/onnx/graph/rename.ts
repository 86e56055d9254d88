import type { Attr, Graph, Node } from './graph.ts';

/** The graph with tensors under other names, also where subgraphs of nodes read them. */
export function renamed(graph: Graph, names: ReadonlyMap<string, string>): Graph {
  const to = (name: string) => names.get(name) ?? name;
  const keys = <T>(map: ReadonlyMap<string, T>) => new Map([...map].map(([name, value]) => [to(name), value]));
  const attrOf = (a: Attr): Attr => (a.type === 'graph' ? { ...a, value: renamed(a.value, names) } : a);
  const node = (n: Node): Node => ({
    ...n,
    inputs: n.inputs.map(to),
    outputs: n.outputs.map(to),
    attrs: Object.fromEntries(Object.entries(n.attrs).map(([key, a]) => [key, attrOf(a)])),
  });
  return {
    ...graph,
    nodes: graph.nodes.map(node),
    constants: keys(graph.constants),
    inputs: graph.inputs.map(v => ({ ...v, name: to(v.name) })),
    outputs: graph.outputs.map(v => ({ ...v, name: to(v.name) })),
    ...(graph.shapes ? { shapes: keys(graph.shapes) } : {}),
  };
}
