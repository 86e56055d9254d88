import { attr, constant, type Graph, type GraphBuilder, type Node, read, type TensorInfo } from '../graph/graph.ts';
import { builderFor, dependents } from '../graph/walk.ts';

/**
 * A guess at the same graph for any batch, from one whose batch is fixed at 1: reshapes leave their first dimension
 * open, and what is joined to image tensors (a class token) is repeated for each image. It may be wrong, so its scores
 * are to be compared with those of the fixed graph.
 */
export function withOpenBatch(graph: Graph, infos: ReadonlyMap<string, TensorInfo>): Graph {
  const input = graph.inputs[0]!;
  const varying = dependents(graph, [input.name]);
  const builder = builderFor(graph, infos.keys());
  for (const node of graph.nodes) {
    if (node.op === 'Reshape' && node.domain === '' && varying.has(node.inputs[0]!)) {
      builder.push(openReshape(node, infos, builder));
    } else if (node.op === 'Concat' && node.domain === '') {
      builder.push(openConcat(node, infos, varying, builder));
    } else {
      builder.push(node);
    }
  }
  return {
    ...graph,
    nodes: builder.nodes,
    constants: new Map([...graph.constants, ...builder.constants]),
    inputs: [{ ...input, dims: [null, ...input.dims.slice(1)] }],
  };
}

function openReshape(node: Node, infos: ReadonlyMap<string, TensorInfo>, builder: GraphBuilder): Node {
  const dims = infos.get(node.outputs[0]!)?.dims;
  if (!dims || dims.length === 0) return node;
  const shape = [-1, ...dims.slice(1).map(d => d ?? -1)];
  return { ...node, inputs: [node.inputs[0]!, builder.constant(constant.ints(shape))], attrs: {} };
}

function openConcat(
  node: Node,
  infos: ReadonlyMap<string, TensorInfo>,
  varying: ReadonlySet<string>,
  builder: GraphBuilder,
): Node {
  const image = node.inputs.find(name => varying.has(name));
  const rank = infos.get(node.outputs[0]!)?.dims.length ?? 0;
  const axis = read.int(node, 'axis', 0);
  if (image === undefined || rank < 2 || (axis < 0 ? axis + rank : axis) === 0) return node;
  const inputs = node.inputs.map(name => {
    const info = infos.get(name);
    if (varying.has(name) || info?.dims[0] !== 1) return name;
    const batch = builder.op('Shape', [image], { start: attr.int(0), end: attr.int(1) });
    const rest = builder.ints(info.dims.slice(1) as number[]);
    return builder.op('Expand', [name, builder.op('Concat', [batch, rest], { axis: attr.int(0) })]);
  });
  return { ...node, inputs };
}
