import { InferenceSession, Tensor } from 'onnxruntime-node';
import { differentiate, type GradientRequest } from '../../../../src/engines/onnx/autodiff/index.ts';
import {
  type Attr,
  attr,
  type Constant,
  constant,
  DType,
  type Graph,
  type Node,
  type TensorInfo,
} from '../../../../src/engines/onnx/graph/graph.ts';
import { encodeModel } from '../../../../src/engines/onnx/graph/proto.ts';
import type { NormalisedModel } from '../../../../src/engines/onnx/load/load-model.ts';

export const OPSET = 20;

/** A small graph, differentiated with respect to each of its inputs. */
export interface Case {
  readonly note: string;
  readonly nodes: readonly Node[];
  readonly inputs: Readonly<Record<string, Values>>;
  readonly constants?: Readonly<Record<string, Constant>>;
  /** The tensor that is differentiated; the last node's first output by default. */
  readonly of?: string;
  /** Whether dimension 0 of the inputs is a batch that may vary; checked with two sizes. */
  readonly dynamic?: boolean;
  /** Relative tolerance, of the largest gradient. */
  readonly tolerance?: number;
  /** Step of the central differences. */
  readonly step?: number;
}

export interface Values {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

/* ---------------------------------------------------------------- values */

/** A deterministic stream of uniform numbers in [0, 1). */
export function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return ((state ^ (state >>> 15)) >>> 0) / 2 ** 32;
  };
}

const sizeOf = (dims: readonly number[]) => dims.reduce((a, b) => a * b, 1);

/** Values spread over [low, high]. */
export function spread(dims: readonly number[], low = -1.5, high = 1.5, seed = 1): Values {
  const next = uniform(seed * 7919 + sizeOf(dims));
  return { dims, data: Float32Array.from({ length: sizeOf(dims) }, () => low + (high - low) * next()) };
}

/** Shuffled multiples of 0.15 about 0, offset by half a step: no ties, and no kinks at multiples of 0.15 near. */
export function distinct(dims: readonly number[], seed = 1): Values {
  const n = sizeOf(dims);
  const next = uniform(seed * 104729 + n);
  const order = Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return { dims, data: Float32Array.from(order, i => (i - Math.floor(n / 2) + 0.5) * 0.15) };
}

/** Fixed values. */
export const fixed = (dims: readonly number[], data: readonly number[]): Values => ({
  dims,
  data: Float32Array.from(data),
});

/** Weights as a constant. */
export function weights(dims: readonly number[], seed = 3, low = -1, high = 1): Constant {
  return constant.float(dims, spread(dims, low, high, seed).data);
}

/* ---------------------------------------------------------------- nodes */

/** One node with inputs a, b, … → y. */
export function node(
  op: string,
  inputs: readonly string[],
  attrs: Record<string, number | string | readonly number[] | Attr> = {},
  outputs: readonly string[] = ['y'],
): Node {
  const typed = Object.entries(attrs).map(([key, v]): [string, Attr] => {
    if (typeof v === 'string') return [key, attr.string(v)];
    if (typeof v === 'number') return [key, attr.int(v)];
    return [key, 'type' in v ? v : attr.ints(v)];
  });
  return { op, domain: '', name: `node_${outputs[0]}`, inputs, outputs, attrs: Object.fromEntries(typed) };
}

export const float = attr.float;

/* ---------------------------------------------------------------- running */

const TYPES: Record<number, Tensor.Type> = {
  [DType.float]: 'float32',
  [DType.int64]: 'int64',
  [DType.bool]: 'bool',
  [DType.int32]: 'int32',
  [DType.double]: 'float64',
};
const CODES: Record<string, number> = Object.fromEntries(Object.entries(TYPES).map(([code, name]) => [name, +code]));

const QUIET: InferenceSession.SessionOptions = { logSeverityLevel: 3, intraOpNumThreads: 1 };

export async function session(graph: Graph, options: InferenceSession.SessionOptions = {}): Promise<InferenceSession> {
  return await InferenceSession.create(encodeModel(graph), { ...QUIET, ...options });
}

type Feeds = Readonly<Record<string, Values>>;

export async function run(s: InferenceSession, feeds: Feeds): Promise<Record<string, Tensor>> {
  const tensors = Object.entries(feeds).map(([k, v]) => [k, new Tensor('float32', v.data, v.dims)] as const);
  return await s.run(Object.fromEntries(tensors));
}

/** The case as a graph whose outputs are all its tensors. */
function graphOf(c: Case, batches: boolean): Graph {
  const info = (name: string, dims: readonly (number | null)[]) => ({ name, dtype: DType.float, dims });
  const produced = c.nodes.flatMap(n => n.outputs.filter(o => o !== ''));
  return {
    opset: OPSET,
    nodes: c.nodes,
    constants: new Map(Object.entries(c.constants ?? {})),
    inputs: Object.entries(c.inputs).map(([name, v]) => info(name, batches ? [null, ...v.dims.slice(1)] : v.dims)),
    outputs: produced.map(name => ({ name, dtype: 0, dims: [] })),
  };
}

/** The inputs with the batch repeated and shifted, for `count` times the batch. */
function batched(c: Case, count: number): Feeds {
  return Object.fromEntries(
    Object.entries(c.inputs).map(([name, { dims, data }]) => {
      const wide = new Float32Array(data.length * count);
      for (let i = 0; i < count; i++) wide.set(data, i * data.length);
      return [name, { dims: [dims[0]! * count, ...dims.slice(1)], data: wide }];
    }),
  );
}

/** What the case's graph is to the differentiation: shapes found by running it. */
export async function modelOf(c: Case): Promise<{ model: NormalisedModel; forward: InferenceSession }> {
  const dynamic = c.dynamic ?? false;
  const graph = graphOf(c, dynamic);
  const forward = await session(graph);
  const once = await run(forward, c.inputs);
  const twice = dynamic ? await run(forward, batched(c, 2)) : once;
  const infos = new Map<string, TensorInfo>(graph.inputs.map(i => [i.name, i]));
  for (const [name, value] of graph.constants) infos.set(name, value);
  for (const [name, t] of Object.entries(once)) {
    const dims = t.dims.map((d, i) => (d === twice[name]!.dims[i] ? d : null));
    infos.set(name, { dtype: CODES[t.type]!, dims });
  }
  const of = c.of ?? c.nodes.at(-1)!.outputs[0]!;
  const values = new Map(graph.constants);
  return {
    model: {
      graph,
      infos,
      values,
      input: Object.keys(c.inputs)[0]!,
      output: of,
      dynamicBatch: dynamic,
      aliases: new Map(),
    },
    forward,
  };
}

/** The gradient at the case's inputs, for a seed. */
export async function gradientOf(c: Case, request: GradientRequest, seed: readonly number[]): Promise<number[]> {
  const { model, forward } = await modelOf(c);
  await forward.release();
  const { graph, seed: name, gradient } = differentiate(model, request);
  const s = await session(graph);
  const dims = model.infos.get(request.of)!.dims as number[];
  const feeds = Object.fromEntries(Object.entries(c.inputs).filter(([input]) => s.inputNames.includes(input)));
  const out = await run(s, { ...feeds, [name]: fixed(dims, seed) });
  const found = Array.from(out[gradient]!.data as Float32Array);
  await s.release();
  return found;
}

export interface Deviation {
  /** Largest difference from the central differences, relative to the largest gradient. */
  readonly error: number;
  readonly analytic: Float32Array;
  readonly numeric: Float64Array;
}

/** Compares the gradient graph with fourth-order central differences, element by element, for each input. */
export async function gradientCheck(c: Case): Promise<Record<string, Deviation>> {
  const { model, forward } = await modelOf(c);
  const found: Record<string, Deviation> = {};
  for (const wrt of Object.keys(c.inputs)) {
    const feeds = c.dynamic ? batched(c, 2) : c.inputs;
    const y = (await run(forward, feeds))[model.output]!;
    const seed = spread(y.dims, 0.5, 1.5, 11).data.map((v, i) => (i % 3 === 0 ? -v : v));
    const { graph, seed: seedName, gradient } = differentiate(model, { wrt, of: model.output });
    // Feed only what the graph still reads.
    const backward = await session(graph);
    const out = await run(backward, { ...feeds, [seedName]: { dims: y.dims, data: seed } });
    const g = out[gradient]!;
    if (g.dims.join() !== feeds[wrt]!.dims.join())
      throw new Error(`gradient of ${wrt} has dims [${g.dims.join(', ')}]`);
    const score = async (data: Float32Array) => {
      const result = await run(forward, { ...feeds, [wrt]: { dims: feeds[wrt]!.dims, data } });
      return (result[model.output]!.data as Float32Array).map(v => v);
    };
    const numeric = await differences(feeds[wrt]!.data, seed, c.step ?? 1 / 32, score);
    const analytic = g.data as Float32Array;
    const scale = Math.max(1e-3, ...numeric.map(Math.abs));
    let error = 0;
    analytic.forEach((v, i) => {
      const difference = Math.abs(v - numeric[i]!) / scale;
      error = Number.isFinite(v) ? Math.max(error, difference) : Number.POSITIVE_INFINITY;
    });
    found[wrt] = { error, analytic, numeric };
    await backward.release();
  }
  await forward.release();
  return found;
}

/** Σ seed·(8(y₊₁ − y₋₁) − (y₊₂ − y₋₂))/12h for each element, in double precision after the runs. */
async function differences(
  x: Float32Array,
  seed: Float32Array,
  step: number,
  run: (x: Float32Array) => Promise<Float32Array>,
): Promise<Float64Array> {
  const out = new Float64Array(x.length);
  for (let i = 0; i < x.length; i++) {
    const at = async (k: number) => await run(x.with(i, x[i]! + k * step));
    const [p1, m1, p2, m2] = [await at(1), await at(-1), await at(2), await at(-2)];
    let total = 0;
    for (let j = 0; j < seed.length; j++) total += seed[j]! * (8 * (p1[j]! - m1[j]!) - (p2[j]! - m2[j]!));
    out[i] = total / (12 * step);
  }
  return out;
}
