import { DType, type Graph, type Node, type ValueInfo } from '../graph/graph.ts';

const zips = ({ op, domain }: Node) => domain === 'ai.onnx.ml' && op === 'ZipMap';

/**
 * The graph with scores where it put out maps from the names of classes to scores, as scikit-learn's exports do: the
 * scores of a ZipMap are the tensor that it is made of, in the order of its names.
 */
export function withoutZipMaps(graph: Graph): Graph {
  const maps = new Set(graph.nodes.filter(zips).flatMap(node => node.outputs));
  if (maps.size === 0) return graph;
  const nodes = graph.nodes.map(node => (zips(node) ? { ...node, op: 'Identity', domain: '', attrs: {} } : node));
  const outputs = graph.outputs.map(
    (output): ValueInfo =>
      maps.has(output.name) ? { name: output.name, dtype: DType.float, dims: [], unshaped: true } : output,
  );
  return { ...graph, nodes, outputs };
}
