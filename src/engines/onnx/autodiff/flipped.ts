import { type Constant, DType, type Graph } from '../graph/graph.ts';
import { builderFor } from '../graph/walk.ts';
import { Emitter } from './emit.ts';

/** Weights of a convolution, [out, in/group, …kernel]. */
export interface FloatConstant extends Constant {
  readonly data: Float32Array;
}

/** What flipped kernels were made of: a tensor of the model. */
const origins = new WeakMap<Constant, { readonly name: string; readonly weights: Constant }>();

/** Smaller kernels are not worth nodes of their own. */
const LEAST_VALUES = 1024;

/**
 * Kernels for the convolution backwards: [out, in/group, …kernel] → [in, out/group, …kernel reversed]. The values are
 * computed when they are first read, which a gradient that is built only to see whether there is one never does.
 */
export function flipped(name: string, weights: FloatConstant, group: number): Constant {
  const [out, inner, ...kernel] = weights.dims as [number, number, ...number[]];
  let data: Float32Array | undefined;
  const made: Constant = {
    dtype: DType.float,
    dims: [inner * group, out / group, ...kernel],
    get data() {
      data ??= flippedValues(weights, group);
      return data;
    },
  };
  if (group === 1) origins.set(made, { name, weights });
  return made;
}

function flippedValues(weights: FloatConstant, group: number): Float32Array {
  const [out, inner, ...kernel] = weights.dims as [number, number, ...number[]];
  const taps = kernel.reduce((a, b) => a * b, 1);
  const per = out / group;
  const source = weights.data;
  const data = new Float32Array(source.length);
  for (let q = 0; q < group; q++) {
    for (let i = 0; i < inner; i++) {
      let to = (q * inner + i) * per * taps;
      for (let o = 0; o < per; o++) {
        const from = ((q * per + o) * inner + i) * taps;
        for (let t = taps - 1; t >= 0; t--) data[to++] = source[from + t]!;
      }
    }
  }
  return data;
}

/**
 * The graph with kernels flipped by operators where their weights lie in a file, so that they are not written anew: ONNX
 * Runtime folds them once, when the session is opened.
 */
export function flippedInGraph(graph: Graph): Graph {
  const large = [...graph.constants].flatMap(([name, c]) => {
    const origin = origins.get(c);
    if (!origin || origin.weights.stored?.values !== origin.weights.data) return [];
    return origin.weights.data.length < LEAST_VALUES ? [] : [{ kernels: name, ...origin }];
  });
  if (large.length === 0) return graph;
  const constants = new Map(graph.constants);
  const builder = builderFor(graph, constants.keys());
  const e = new Emitter(builder, DType.float);
  const renamed = new Map<string, string>();
  for (const { kernels, name, weights } of large) {
    constants.delete(kernels);
    constants.set(name, weights);
    const axes = weights.dims.slice(2).flatMap((k, i) => (k > 1 ? [i + 2] : []));
    const swapped = e.transpose(name, [1, 0, ...weights.dims.slice(2).map((_, i) => i + 2)]);
    renamed.set(
      kernels,
      axes.reduce((w, axis) => e.flip(w, axis), swapped),
    );
  }
  const nodes = graph.nodes.map(node =>
    node.inputs.some(name => renamed.has(name))
      ? { ...node, inputs: node.inputs.map(name => renamed.get(name) ?? name) }
      : node,
  );
  for (const [name, c] of builder.constants) constants.set(name, c);
  return { ...graph, nodes: [...builder.nodes, ...nodes], constants };
}
