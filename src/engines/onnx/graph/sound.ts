import { CtXaiError } from '../../../core/errors.ts';
import { type Graph, isInner, type Node } from './graph.ts';
import { readBy } from './walk.ts';

/** Domains of operators that ONNX Runtime has. */
const DOMAINS: ReadonlySet<string> = new Set([
  ...['', 'com.microsoft', 'com.microsoft.experimental', 'com.microsoft.nchwc', 'com.ms.internal.nhwc'],
  ...['ai.onnx.ml', 'ai.onnx.training', 'ai.onnx.preview', 'ai.onnx.preview.training', 'org.pytorch.aten'],
]);

/**
 * The graph with its nodes in the order in which they can be computed, as ONNX Runtime takes them in any.
 * @throws CtXaiError MODEL that names the node where a tensor is made by none or by two, where nodes wait for each other,
 * or where an operator is of nobody's that is known
 */
export function sound(graph: Graph, file: string): Graph {
  for (const input of graph.inputs) {
    if (input.dtype === 0) throw broken(file, `its input '${input.name}' has no type`);
  }
  return ordered(graph, new Set(), file);
}

function ordered(graph: Graph, outer: ReadonlySet<string>, file: string): Graph {
  const there = new Set([...outer, ...graph.inputs.map(i => i.name), ...graph.constants.keys()]);
  const makers = new Map<string, Node>();
  for (const node of graph.nodes) {
    if (!DOMAINS.has(node.domain)) throw foreign(node, file);
    for (const name of node.outputs) {
      if (name === '') continue;
      const other = makers.get(name);
      if (other) throw broken(file, `${shown(other)} and ${shown(node)} both make the tensor '${name}'`);
      makers.set(name, node);
    }
  }
  for (const { name } of graph.outputs) {
    if (!there.has(name) && !makers.has(name)) throw broken(file, `no node makes its output '${name}'`);
  }
  const sorted = sortedNodes(graph, there, makers, file);
  const all = new Set([...there, ...makers.keys()]);
  const nodes = sorted.map(node => withSubgraphs(node, all, file));
  const same = nodes.every((node, i) => node === graph.nodes[i]);
  return same ? graph : { ...graph, nodes };
}

/** Each node as early as it stands in the file, but never before what it reads. */
function sortedNodes(
  { nodes }: Graph,
  there: ReadonlySet<string>,
  makers: ReadonlyMap<string, Node>,
  file: string,
): readonly Node[] {
  const done = new Set<Node>();
  const sorted: Node[] = [];
  for (const start of nodes) {
    // A walk without recursion: networks are deeper than the stack.
    const waiting: Node[] = [start];
    const within = new Set<Node>();
    while (waiting.length > 0) {
      const node = waiting.at(-1)!;
      if (done.has(node)) {
        waiting.pop();
        continue;
      }
      within.add(node);
      const before = readBy(node).flatMap(name => {
        if (there.has(name)) return [];
        const maker = makers.get(name);
        if (!maker) throw broken(file, `${shown(node)} reads the tensor '${name}', which no node makes`);
        return done.has(maker) ? [] : maker;
      });
      if (before.length === 0) {
        waiting.pop();
        done.add(node);
        sorted.push(node);
        continue;
      }
      const again = before.find(other => within.has(other));
      if (again) throw broken(file, `${shown(node)} and ${shown(again)} wait for each other`);
      waiting.push(...before.toReversed());
    }
  }
  return sorted;
}

function withSubgraphs(node: Node, outer: ReadonlySet<string>, file: string): Node {
  const entries = Object.entries(node.attrs);
  if (!entries.some(([, a]) => a.type === 'graph')) return node;
  let changed = false;
  const attrs = entries.map(([key, a]) => {
    if (a.type !== 'graph') return [key, a] as const;
    const value = ordered(a.value, outer, file);
    changed ||= value !== a.value;
    return [key, { ...a, value }] as const;
  });
  return changed ? { ...node, attrs: Object.fromEntries(attrs) } : node;
}

const shown = ({ name, op }: Node) => `node '${name}' (${op})`;

function broken(file: string, what: string): CtXaiError {
  return new CtXaiError('MODEL', `${file}: it is no sound ONNX file: ${what}.`, {
    hint: "Export the network again. Python's onnx.checker.check_model(path) shows what else is wrong.",
  });
}

function foreign(node: Node, file: string): CtXaiError {
  return new CtXaiError(
    'MODEL',
    `${file}: ${shown(node)} is an operator of '${node.domain}', which ONNX Runtime does not have.`,
    {
      hint: `Export the network with ONNX's own operators alone, or with ${node.op} as a function of the model.`,
    },
  );
}

/**
 * The node of the file that a node of the program's stands for: the first on the way to the scores, or else on the way
 * back to the image.
 */
export function fileNodeOf(graph: Graph, inner: string): string | undefined {
  return (
    nextFileNode(graph, inner, (from, other) => from.outputs.some(name => readBy(other).includes(name))) ??
    nextFileNode(graph, inner, (from, other) => other.outputs.some(name => readBy(from).includes(name)))
  );
}

function nextFileNode(graph: Graph, inner: string, leads: (from: Node, to: Node) => boolean): string | undefined {
  const start = graph.nodes.find(node => node.name === inner);
  if (!start) return undefined;
  const seen = new Set([start]);
  for (const node of seen) {
    if (!isInner(node.name)) return node.name;
    for (const other of graph.nodes) if (leads(node, other)) seen.add(other);
  }
  return undefined;
}
