import { type Attr, attr, type Constant, DType, type Graph, type Node, type ValueInfo } from '../graph/graph.ts';

const BFLOAT16 = 16;

const FLOATS: ReadonlySet<number> = new Set([DType.float16, DType.double, BFLOAT16]);

/**
 * The graph in float32 throughout: half and double precision weights, casts and inputs too. ONNX Runtime computes half
 * precision in float32 on the CPU anyway, and has few kernels for double.
 */
export function inFloat32(graph: Graph): Graph {
  const constants = new Map([...graph.constants].map(([name, c]) => [name, constantInFloat32(c)]));
  const value = (v: ValueInfo): ValueInfo => ({ ...v, dtype: code(v.dtype) });
  return {
    ...graph,
    constants,
    nodes: graph.nodes.map(nodeInFloat32),
    inputs: graph.inputs.map(value),
    outputs: graph.outputs.map(value),
  };
}

function code(dtype: number): number {
  return FLOATS.has(dtype) ? DType.float : dtype;
}

/** Attributes that hold an element type. */
const TYPE_KEYS: ReadonlySet<string> = new Set(['to', 'dtype', 'stash_type']);

function nodeInFloat32(node: Node): Node {
  const entries = Object.entries(node.attrs).map(([key, a]): [string, Attr] => {
    if (a.type === 'tensor') return [key, attr.tensor(constantInFloat32(a.value))];
    if (a.type === 'graph') return [key, { type: 'graph', value: inFloat32(a.value) }];
    if (a.type === 'int' && TYPE_KEYS.has(key)) return [key, attr.int(code(a.value))];
    return [key, a];
  });
  return entries.length === 0 ? node : { ...node, attrs: Object.fromEntries(entries) };
}

function constantInFloat32(c: Constant): Constant {
  if (c.dtype === DType.double)
    return { dtype: DType.float, dims: c.dims, data: Float32Array.from(c.data as Float64Array) };
  if (c.dtype !== DType.float16) return c;
  const halves = c.data as Uint16Array;
  const data = new Float32Array(halves.length);
  for (let i = 0; i < data.length; i++) data[i] = fromHalf(halves[i]!);
  return { dtype: DType.float, dims: c.dims, data };
}

/** IEEE 754 binary16, from its bits. */
export function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
