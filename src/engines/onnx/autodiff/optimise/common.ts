import type { Attr, Graph, Node } from '../../graph/graph.ts';

/** Operators whose results differ from call to call. */
const RANDOM = new Set([
  'RandomNormal',
  'RandomNormalLike',
  'RandomUniform',
  'RandomUniformLike',
  'Bernoulli',
  'Multinomial',
]);

/** Nodes that compute the same are computed once. */
export function shareCommon(graph: Graph): Graph {
  const renamed = new Map<string, string>();
  const seen = new Map<string, Node>();
  const protectedNames = new Set(graph.outputs.map(o => o.name));
  const nodes: Node[] = [];
  for (const original of graph.nodes) {
    const inputs = original.inputs.map(name => renamed.get(name) ?? name);
    const node = inputs.some((name, i) => name !== original.inputs[i]) ? { ...original, inputs } : original;
    const key = RANDOM.has(node.op) ? undefined : keyOf(node);
    const twin = key === undefined ? undefined : seen.get(key);
    if (twin && !node.outputs.some(name => protectedNames.has(name))) {
      node.outputs.forEach((name, i) => {
        renamed.set(name, twin.outputs[i]!);
      });
    } else {
      if (key !== undefined && !twin) seen.set(key, node);
      nodes.push(node);
    }
  }
  return { ...graph, nodes };
}

/** A text equal for nodes that compute the same; undefined where that can't be told. */
function keyOf(node: Node): string | undefined {
  const attrs: string[] = [];
  for (const name of Object.keys(node.attrs).sort()) {
    const text = textOf(node.attrs[name]!);
    if (text === undefined) return undefined;
    attrs.push(`${name}=${text}`);
  }
  const present = node.outputs.map(name => (name === '' ? 0 : 1)).join('');
  return [node.domain, node.op, node.inputs.join(','), present, ...attrs].join('|');
}

function textOf(a: Attr): string | undefined {
  if (a.type === 'graph') return undefined;
  if (a.type === 'tensor')
    return a.value.data.length > 16 ? undefined : `${a.value.dtype}[${a.value.dims}]${a.value.data}`;
  return `${a.type}:${a.value}`;
}
