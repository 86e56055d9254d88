import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { CtXaiError, messageOf } from '../../../core/errors.ts';
import { sizeOf } from '../../../core/tensor.ts';
import { plainFault } from '../../shared/plain-fault.ts';
import { encodeByReference } from '../graph/by-reference.ts';
import { type Constant, DType, type Graph, type Node, type TensorInfo } from '../graph/graph.ts';
import { RANDOM } from '../graph/random.ts';
import { dependents } from '../graph/walk.ts';
import { createSession } from '../session/session-options.ts';
import { faultyGraph, notLoaded } from './not-loaded.ts';

/** What running a graph tells of it. */
export interface ProbedShapes {
  /** Every tensor but those of kinds that are no tensors. */
  readonly infos: ReadonlyMap<string, TensorInfo>;
  /** Node outputs that depend neither on the image nor on the batch. */
  readonly values: ReadonlyMap<string, Constant>;
}

const TYPE_CODES: Readonly<Record<string, number>> = {
  float32: DType.float,
  uint8: DType.uint8,
  int8: DType.int8,
  uint16: DType.uint16,
  int16: DType.int16,
  uint32: DType.uint32,
  uint64: DType.uint64,
  int32: DType.int32,
  int64: DType.int64,
  bool: DType.bool,
  float16: DType.float16,
  float64: DType.double,
};

const KNOWN_CODES: ReadonlySet<number> = new Set(Object.values(TYPE_CODES));

/** Whether a node makes tensors of a type, such as float8, that ONNX Runtime can't give out to a program. */
function hidden({ attrs }: Node): boolean {
  const type = attrs.to ?? attrs.output_dtype;
  return type?.type === 'int' && type.value > 0 && !KNOWN_CODES.has(type.value);
}

/** Operators that count: how many values they give depends on the values that they get. */
const COUNTING = /^(NonZero|Compress|Unique|NonMaxSuppression)$/;

/**
 * Types, dims and constant values of a graph's tensors, found by running it. Where the batch (the input's first dim) is
 * null: at batch 1 if that confirms what ONNX Runtime infers, else at batch 2 and 3 (and 1, where something is decided by
 * shapes). Where it is not: at the batch it has, and there with other images too, where an operator counts. No rule for any
 * operator is needed.
 * @throws CtXaiError MODEL if ONNX Runtime can't load or run the graph.
 */
export async function probe(graph: Graph, file: string): Promise<ProbedShapes> {
  const input = graph.inputs[0]!;
  const made = graph.nodes
    .filter(node => !hidden(node))
    .flatMap(node => node.outputs)
    .filter(name => name !== '');
  // Never folded, for they differ from run to run.
  const random = graph.nodes.filter(node => RANDOM.test(node.op)).flatMap(node => node.outputs);
  // Weights stay integers where the file has them so: ONNX Runtime's kernels for integers want them.
  const integers = graph.nodes.filter(node => node.op === 'DequantizeLinear').flatMap(node => node.outputs);
  const varying = dependents(graph, [input.name, ...random, ...integers]);
  const { types, dims: inferred } = await inferredBy(graph, made, file);

  const shapes = new Map(made.filter(n => varying.has(n) && types.has(n)).map((n, i) => [n, `ctxai/shape_of_${i}`]));
  const steady = made.filter(n => !varying.has(n) && types.has(n));
  // ONNX Runtime begins with the last node that nothing follows: so each tensor is let go of as soon as it is measured.
  const nodes = [...shapes].reverse().map(([name, shape]) => {
    return { op: 'Shape', domain: '', name: shape, inputs: [name], outputs: [shape], attrs: {} };
  });
  const outputs = [...shapes.values(), ...steady].map(name => ({ name, dtype: 0, dims: [] }));
  const session = await load({ ...graph, nodes: [...graph.nodes, ...nodes], outputs }, file);
  try {
    const told = await confirmed(session, graph, { types, shapes, steady, inferred }, file);
    if (told) return told;
    const [first, second] = input.dims[0] === null ? [2, 3] : [input.dims[0]!, undefined];
    const a = await runOnce(session, graph, [first, ...(input.dims.slice(1) as number[])], file);
    const counts = graph.nodes.some(n => COUNTING.test(n.op) && n.inputs.some(name => varying.has(name)));
    const again = second ?? (counts ? first : undefined);
    const b =
      again === undefined
        ? a
        : await runOnce(session, graph, [again, ...(input.dims.slice(1) as number[])], file, OTHER_WAVES);

    // Two images may have the same count by chance.
    const dims = [again ?? first, ...(input.dims.slice(1) as number[])];
    const counted: Results[] = [];
    for (const contrast of counts ? [0, 20] : []) {
      const other = await attempted(session, graph, dims, file, contrast);
      if (other) counted.push(other);
    }

    // A condition such as "more than one image" is the same for 2 and 3.
    const decides = second !== undefined && steady.some(name => types.get(name) === DType.bool);
    const c = decides ? await attempted(session, graph, [1, ...(input.dims.slice(1) as number[])], file) : undefined;

    const infos = knownInfos(graph);
    const values = new Map<string, Constant>();
    for (const [name, shape] of shapes) {
      const others = [b, ...counted].map(results => dimsFrom(results[shape]!));
      infos.set(name, {
        dtype: types.get(name)!,
        // A part of the batch that is empty in small ones, as images from the ninth on are, may not be in larger ones.
        dims: dimsFrom(a[shape]!).map((d, i) => {
          const emptyPart = i === 0 && d === 0 && second !== undefined;
          return others.every(other => other[i] === d) && !emptyPart ? d : null;
        }),
      });
    }
    for (const name of steady) {
      const [x, y] = [a[name]!, b[name]!];
      infos.set(name, { dtype: types.get(name)!, dims: x.dims.map((d, i) => (d === y.dims[i] ? d : null)) });
      if ([y, ...[...(c ? [c] : []), ...counted].map(results => results[name]!)].every(other => sameValues(x, other)))
        values.set(name, { dtype: types.get(name)!, dims: x.dims, data: x.data as Constant['data'] });
    }
    return { infos, values };
  } finally {
    await session.release();
  }
}

/** Tensors to be told of, by name. */
interface Asked {
  readonly types: ReadonlyMap<string, number>;
  /** Of those that depend on the image: what gives their shape. */
  readonly shapes: ReadonlyMap<string, string>;
  readonly steady: readonly string[];
  /** As ONNX Runtime infers them, where it does. */
  readonly inferred: ReadonlyMap<string, TensorInfo['dims']>;
}

/**
 * The same by one image instead of five, which counts where a pass takes long: where ONNX Runtime infers every dim, the batch
 * is the first axis of all that depends on the image, nothing else is read off shapes, and the image confirms it.
 */
async function confirmed(
  session: InferenceSession,
  graph: Graph,
  { types, shapes, steady, inferred }: Asked,
  file: string,
): Promise<ProbedShapes | undefined> {
  const input = graph.inputs[0]!;
  if (input.dims[0] !== null) return undefined;
  if (graph.nodes.some(n => READS_SHAPES.test(n.op) || COUNTING.test(n.op) || hidden(n))) return undefined;
  if ([...shapes.keys()].some(name => inferred.get(name)?.[0] !== null)) return undefined;
  const results = await attempted(session, graph, [1, ...(input.dims.slice(1) as number[])], file);
  if (!results) return undefined;
  const infos = knownInfos(graph);
  for (const [name, shape] of shapes) {
    const dims = inferred.get(name)!;
    if (dimsFrom(results[shape]!).join() !== dims.map(d => d ?? 1).join()) return undefined;
    infos.set(name, { dtype: types.get(name)!, dims });
  }
  const values = new Map<string, Constant>();
  for (const name of steady) {
    const { dims, data } = results[name]!;
    infos.set(name, { dtype: types.get(name)!, dims });
    values.set(name, { dtype: types.get(name)!, dims, data: data as Constant['data'] });
  }
  return { infos, values };
}

/** Of the input and of the constants, before anything is run. */
function knownInfos({ inputs, constants }: Graph): Map<string, TensorInfo> {
  const known = [[inputs[0]!.name, inputs[0]!] as const, ...constants];
  return new Map(known.map(([name, { dtype, dims }]) => [name, { dtype, dims }]));
}

/** Operators through which sizes become values, or that choose by values what is run. */
const READS_SHAPES = /^(Shape|Size|If|Loop|Scan|Sequence\w+|Optional\w*)$/;

/** Of a tensor's dims those that ONNX Runtime infers, if they are all told: numbers, and the batch as axis 0. */
function toldDims(shape: readonly (number | string)[]): TensorInfo['dims'] | undefined {
  const dims = shape.map((d, axis) => (d === 'batch' && axis === 0 ? null : d));
  return dims.every(d => d === null || (typeof d === 'number' && d > 0)) ? (dims as TensorInfo['dims']) : undefined;
}

/** Element types and dims as ONNX Runtime infers them. It runs nothing for that, so the weights need not be there. */
async function inferredBy(
  graph: Graph,
  names: readonly string[],
  file: string,
): Promise<{ readonly types: Map<string, number>; readonly dims: Map<string, TensorInfo['dims']> }> {
  const weights = [...graph.constants].filter(([, c]) => c.dtype === DType.float && c.data.length > 64);
  const constants = new Map(graph.constants);
  for (const [name] of weights) constants.delete(name);
  const inputs = [...graph.inputs, ...weights.map(([name, { dtype, dims }]) => ({ name, dtype, dims }))];
  const outputs = names.map(name => ({ name, dtype: 0, dims: [] }));
  const session = await load({ ...graph, constants, inputs, outputs }, file);
  try {
    const types = new Map<string, number>();
    const dims = new Map<string, TensorInfo['dims']>();
    for (const meta of session.outputMetadata) {
      const type = meta.isTensor ? TYPE_CODES[meta.type] : undefined;
      if (!meta.isTensor || type === undefined) continue;
      types.set(meta.name, type);
      const told = toldDims(meta.shape);
      if (told) dims.set(meta.name, told);
    }
    return { types, dims };
  } finally {
    await session.release();
  }
}

async function load(graph: Graph, file: string): Promise<InferenceSession> {
  try {
    return await createSession(encodeByReference(graph), {
      graphOptimizationLevel: 'disabled',
      logSeverityLevel: 4,
    });
  } catch (cause) {
    throw await notLoaded(graph, file, cause);
  }
}

type Results = Readonly<Record<string, Tensor>>;

/** Radians from value to value of the images. */
const WAVES = 0.7;
const OTHER_WAVES = 0.31;

async function runOnce(
  session: InferenceSession,
  graph: Graph,
  dims: number[],
  file: string,
  waves = WAVES,
  contrast = 1,
): Promise<Results> {
  const data = Float32Array.from({ length: sizeOf(dims) }, (_, i) => Math.sin(i * waves) * 0.5 * contrast);
  try {
    return (await session.run({ [graph.inputs[0]!.name]: new Tensor('float32', data, dims) })) as Results;
  } catch (cause) {
    throw new CtXaiError(
      'MODEL',
      `${file}: it does not run on images of [${dims.join(', ')}]: ${plainFault(messageOf(cause), faultyGraph(graph))}`,
      {
        hint: "Their size or number of channels may not be those of its training: 'input' in the card says them.",
        cause,
      },
    );
  }
}

/** What such images give; undefined where the graph cannot run on them, as on one image after a Squeeze of all axes. */
function attempted(
  session: InferenceSession,
  graph: Graph,
  dims: number[],
  file: string,
  contrast = 1,
): Promise<Results | undefined> {
  return runOnce(session, graph, dims, file, WAVES, contrast).catch(() => undefined);
}

function dimsFrom(shape: Tensor): number[] {
  return Array.from(shape.data as BigInt64Array, Number);
}

function sameValues(a: Tensor, b: Tensor): boolean {
  if (a === b) return true;
  const [x, y] = [a.data as ArrayLike<number | bigint>, b.data as ArrayLike<number | bigint>];
  if (a.dims.length !== b.dims.length || a.dims.some((d, i) => d !== b.dims[i])) return false;
  for (let i = 0; i < x.length; i++) if (!Object.is(x[i], y[i])) return false;
  return true;
}
