import { type Graph, type Node, read, type TensorInfo } from '../../graph/graph.ts';
import type { NormalisedModel } from '../../load/load-model.ts';
import { Edit } from './edit.ts';

/**
 * The same model, cheaper to run and to differentiate; scores change by rounding only. The tensors in `keep`, the
 * input and the output stay.
 * @param reorder whether operators may change places: backward rules that are no derivatives depend on their order
 */
export function simplify(
  model: NormalisedModel,
  keep: readonly string[] = [],
  { reorder = true }: { reorder?: boolean } = {},
): NormalisedModel {
  const infos = new Map(model.infos);
  const outputs = [...new Set([model.output, ...keep])].map(name => {
    const { dtype, dims } = infos.get(name)!;
    return { name, dtype, dims };
  });
  const start: Graph = { ...model.graph, outputs };
  const graph = nestConcats(reorder ? poolFirst(start, infos) : start);
  return { ...model, infos, graph: { ...graph, outputs: model.graph.outputs } };
}

/**
 * Concat(a, b, c) after Concat(a, b) reads that one instead of a and b. In a dense block the gradient then travels
 * down one chain, where each tensor would else add up pieces of all later ones.
 */
function nestConcats(graph: Graph): Graph {
  const known = new Map<string, string>();
  const nodes = graph.nodes.map(node => {
    if (node.op !== 'Concat' || node.domain !== '') return node;
    const key = (count: number) => `${read.int(node, 'axis', 0)}:${node.inputs.slice(0, count).join('\n')}`;
    let inputs = node.inputs;
    for (let count = node.inputs.length - 1; count >= 2 && inputs === node.inputs; count--) {
      const before = known.get(key(count));
      if (before !== undefined) inputs = [before, ...node.inputs.slice(count)];
    }
    known.set(key(node.inputs.length), node.outputs[0]!);
    return inputs === node.inputs ? node : { ...node, inputs };
  });
  return { ...graph, nodes };
}

/** A 1×1 convolution and an average over full windows behind it change places: fewer pixels to convolve. */
function poolFirst(graph: Graph, infos: Map<string, TensorInfo>): Graph {
  const edit = new Edit(graph);
  for (const pool of graph.nodes) {
    if (pool.op !== 'AveragePool' || !shrinksFullWindows(pool)) continue;
    const between = pool.inputs[0]!;
    const conv = edit.producer(between);
    if (conv?.op !== 'Conv' || !edit.isPrivate(between) || !isPointwise(conv, infos)) continue;
    const x = infos.get(conv.inputs[0]!)!;
    const pooled = edit.builder.fresh('pooled');
    infos.set(pooled, { dtype: x.dtype, dims: [...x.dims.slice(0, 2), ...infos.get(pool.outputs[0]!)!.dims.slice(2)] });
    edit.replace(
      pool,
      { ...pool, name: edit.builder.fresh('pool'), inputs: [conv.inputs[0]!], outputs: [pooled] },
      { ...conv, inputs: [pooled, ...conv.inputs.slice(1)], outputs: pool.outputs },
    );
    edit.replace(conv);
    infos.delete(between);
  }
  return edit.done();
}

function shrinksFullWindows(pool: Node): boolean {
  const strides = read.ints(pool, 'strides') ?? [1];
  const auto = read.string(pool, 'auto_pad', 'NOTSET');
  return (
    strides.some(s => s > 1) &&
    (auto === 'NOTSET' || auto === 'VALID') &&
    (read.ints(pool, 'pads') ?? []).every(p => p === 0) &&
    read.int(pool, 'ceil_mode', 0) === 0
  );
}

function isPointwise(conv: Node, infos: ReadonlyMap<string, TensorInfo>): boolean {
  const one = (list: readonly (number | null)[] | undefined) => (list ?? []).every(v => v === 1);
  const auto = read.string(conv, 'auto_pad', 'NOTSET');
  return (
    one(infos.get(conv.inputs[1]!)?.dims.slice(2)) &&
    one(read.ints(conv, 'strides')) &&
    (auto !== 'NOTSET' || (read.ints(conv, 'pads') ?? []).every(p => p === 0))
  );
}
