import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  type FunctionProto,
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  StringStringEntryProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from 'onnx-buf';
import { CtXaiError } from '../../../core/errors.ts';
import { type Attr, type Constant, DType, type Graph, NO_TENSOR, type Node, type ValueInfo } from './graph.ts';
import { decodeTensor, encodeTensor, type TensorSource } from './proto-tensor.ts';

/** The IR version that files are written with: ONNX Runtime 1.30 and all since 1.18 read it. */
const IR_VERSION = 10n;

export interface ProtoOptions extends TensorSource {
  /** How messages call the model, usually its path. */
  readonly name: string;
}

interface Decoder extends ProtoOptions {
  readonly functions: ReadonlyMap<string, FunctionProto>;
  /** Counts inlined calls, to keep their tensors' names apart. */
  calls: number;
  /** The functions whose bodies are being put in place, from the outermost. */
  readonly within: string[];
  /** Nodes so far: functions that call others twice over grow without bound. */
  nodes: number;
}

/** Nodes of a graph with all functions in place; large networks have some ten thousand. */
const MOST_NODES = 1_000_000;

/** Where names and attribute references of a function's body come from; the main graph's are as they stand. */
interface Scope {
  rename(name: string): string;
  readonly refs: ReadonlyMap<string, Attr>;
  readonly constants: Map<string, Constant>;
}

/**
 * An .onnx file's graph: local functions inlined, `Constant` nodes turned into constants, initialisers that old files
 * also list as inputs taken off the inputs, every node named. The opset is the file's; a value whose type the file
 * does not give has dtype 0.
 * @throws CtXaiError MODEL if the bytes are no ONNX model, or hold what no classifier needs (sparse or string tensors).
 */
export function decodeModel(bytes: Uint8Array, options: ProtoOptions): Graph {
  const model = parse(bytes, options.name);
  const opset = model.opsetImport.find(o => standard(o.domain) === '')?.version;
  const graph = model.graph;
  if (!graph || graph.node.length === 0 || opset === undefined) {
    const why = !graph ? 'it has no graph' : graph.node.length === 0 ? 'its graph has no nodes' : 'it names no opset';
    throw new CtXaiError('MODEL', `${options.name}: not an ONNX model that can be run: ${why}.`, {
      hint: 'Was it downloaded whole? Export or copy it again.',
    });
  }
  const functions = new Map(model.functions.map(f => [functionKey(f.domain, f.name, f.overload), f]));
  const decoder: Decoder = { ...options, functions, calls: 0, within: [], nodes: 0 };
  const decoded = named(decodeGraph(graph, Number(opset), decoder, { rename: n => n, refs: new Map() }));
  return model.producerName === '' ? decoded : { ...decoded, producer: model.producerName };
}

function parse(bytes: Uint8Array, name: string): ModelProto {
  try {
    return fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    throw new CtXaiError('MODEL', `${name}: not an ONNX model, or a damaged one (${bytes.length} bytes).`, {
      hint: 'Export or copy it again.',
      cause,
    });
  }
}

function standard(domain: string): string {
  return domain === 'ai.onnx' ? '' : domain;
}

function functionKey(domain: string, name: string, overload: string): string {
  return `${standard(domain)}:${name}:${overload}`;
}

function decodeGraph(g: GraphProto, opset: number, decoder: Decoder, outer: Omit<Scope, 'constants'>): Graph {
  if (g.sparseInitializer.length > 0) {
    throw new CtXaiError(
      'MODEL',
      `${decoder.name}: the weights '${g.sparseInitializer[0]!.values?.name ?? ''}' are sparse, which is not supported.`,
      {
        hint: 'Export the weights as dense tensors.',
      },
    );
  }
  const constants = new Map<string, Constant>();
  const scope: Scope = { ...outer, constants };
  for (const t of g.initializer) {
    constants.set(outer.rename(t.name), decodeTensor(t, `${decoder.name}: tensor '${t.name}'`, decoder));
  }
  const inputs = g.input.map(v => decodeValue(v, outer.rename)).filter(v => !constants.has(v.name));
  const outputs = g.output.map(v => decodeValue(v, outer.rename));
  const nodes = decodeNodes(g.node, opset, decoder, scope);
  return { opset, nodes, constants, inputs, outputs };
}

function decodeValue(v: ValueInfoProto, rename: (name: string) => string): ValueInfo {
  const type = v.type?.value;
  const tensor = type?.case === 'tensorType' ? type.value : undefined;
  // PaddlePaddle's exporter writes −1 where a size is open.
  const dims = (tensor?.shape?.dim ?? []).map(d =>
    d.value.case === 'dimValue' && d.value.value >= 0 ? Number(d.value.value) : null,
  );
  const dtype = tensor?.elemType ?? (type?.case === undefined ? 0 : NO_TENSOR);
  return { name: rename(v.name), dtype, dims, ...(tensor?.shape ? {} : { unshaped: true }) };
}

function decodeNodes(protos: readonly NodeProto[], opset: number, decoder: Decoder, scope: Scope): Node[] {
  const nodes: Node[] = [];
  for (const p of protos) {
    const where = `${decoder.name}: node '${p.name || p.output[0]}' (${p.opType})`;
    if (++decoder.nodes > MOST_NODES) {
      throw new CtXaiError(
        'MODEL',
        `${where}: with its functions in place the graph has more than ${MOST_NODES} nodes.`,
      );
    }
    const attrs: Record<string, Attr> = {};
    for (const a of p.attribute) {
      const value = decodeAttr(a, where, opset, decoder, scope);
      if (value) attrs[a.name] = value;
    }
    const node: Node = {
      op: p.opType,
      domain: standard(p.domain),
      name: p.name === '' ? '' : scope.rename(p.name),
      inputs: p.input.map(n => (n === '' ? '' : scope.rename(n))),
      outputs: p.output.map(n => (n === '' ? '' : scope.rename(n))),
      attrs,
    };
    const key = functionKey(p.domain, p.opType, p.overload);
    const body = decoder.functions.get(key);
    if (body) {
      if (decoder.within.includes(key)) {
        throw new CtXaiError('MODEL', `${where}: its function '${body.name}' calls itself.`, {
          hint: 'ONNX allows no recursion. Export the network again.',
        });
      }
      decoder.within.push(key);
      for (const inner of inlined(body, node, opset, decoder, scope)) nodes.push(inner);
      decoder.within.pop();
    } else if (node.op === 'Constant' && node.domain === '') {
      scope.constants.set(node.outputs[0]!, constantOf(node, where));
    } else {
      nodes.push(node);
    }
  }
  return nodes;
}

/** A function's body with its parameters replaced by the call's inputs, outputs and attributes. */
function inlined(body: FunctionProto, call: Node, opset: number, decoder: Decoder, outer: Scope): Node[] {
  const prefix = `${call.name || body.name}#${decoder.calls++}`;
  const names = new Map<string, string>();
  body.input.forEach((n, i) => {
    names.set(n, call.inputs[i] ?? '');
  });
  const passed: [from: string, to: string][] = [];
  body.output.forEach((n, i) => {
    const actual = call.outputs[i];
    if (!actual) return;
    const known = names.get(n);
    if (known === undefined) names.set(n, actual);
    else passed.push([known, actual]);
  });
  const rename = (n: string) => names.get(n) ?? `${prefix}/${n}`;
  const refs = new Map<string, Attr>();
  for (const a of body.attributeProto) {
    const value = decodeAttr(a, `${decoder.name}: function '${body.name}'`, opset, decoder, outer);
    if (value) refs.set(a.name, value);
  }
  for (const [key, value] of Object.entries(call.attrs)) refs.set(key, value);
  const nodes = decodeNodes(body.node, opset, decoder, { rename, refs, constants: outer.constants });
  for (const [from, to] of passed) {
    nodes.push({ op: 'Identity', domain: '', name: `${prefix}/${to}`, inputs: [from], outputs: [to], attrs: {} });
  }
  return nodes;
}

const utf8 = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

function decodeAttr(a: AttributeProto, where: string, opset: number, decoder: Decoder, scope: Scope): Attr | undefined {
  if (a.refAttrName !== '') return scope.refs.get(a.refAttrName);
  switch (a.type) {
    case AttributeType.INT:
      return { type: 'int', value: Number(a.i) };
    case AttributeType.FLOAT:
      return { type: 'float', value: a.f };
    case AttributeType.STRING:
      return { type: 'string', value: utf8(a.s) };
    case AttributeType.INTS:
      return { type: 'ints', value: a.ints.map(Number) };
    case AttributeType.FLOATS:
      return { type: 'floats', value: [...a.floats] };
    case AttributeType.STRINGS:
      return { type: 'strings', value: a.strings.map(utf8) };
    case AttributeType.TENSOR:
      if (!a.t) throw withoutValue(a, where);
      return { type: 'tensor', value: decodeTensor(a.t, `${where}, attribute '${a.name}'`, decoder) };
    case AttributeType.GRAPH:
      if (!a.g) throw withoutValue(a, where);
      return { type: 'graph', value: decodeGraph(a.g, opset, decoder, scope) };
    default:
      throw new CtXaiError('MODEL', `${where}: attribute '${a.name}' is of a kind that classifiers do not use.`, {
        hint: 'Sparse tensors, lists of tensors and types are not supported.',
      });
  }
}

function withoutValue(a: AttributeProto, where: string): CtXaiError {
  return new CtXaiError('MODEL', `${where}: attribute '${a.name}' has no value.`, {
    hint: 'Export the network again.',
  });
}

/** The value of a `Constant` node, whichever of its attributes holds it. */
function constantOf(node: Node, where: string): Constant {
  const [key, value] = Object.entries(node.attrs)[0] ?? ['nothing', undefined];
  switch (value?.type) {
    case 'tensor':
      return value.value;
    case 'int':
      return { dtype: DType.int64, dims: [], data: BigInt64Array.of(BigInt(value.value)) };
    case 'ints':
      return { dtype: DType.int64, dims: [value.value.length], data: BigInt64Array.from(value.value, BigInt) };
    case 'float':
      return { dtype: DType.float, dims: [], data: Float32Array.of(value.value) };
    case 'floats':
      return { dtype: DType.float, dims: [value.value.length], data: Float32Array.from(value.value) };
    default:
      throw new CtXaiError('MODEL', `${where}: a constant given by '${key}' is not supported.`);
  }
}

/** The graph with a name for every node, none of them twice. */
function named(graph: Graph): Graph {
  const taken = new Set<string>();
  const nodes = graph.nodes.map((node, i) => {
    let name = node.name || `${node.op}_${i}`;
    while (taken.has(name)) name = `${name}_${i}`;
    taken.add(name);
    return name === node.name ? node : { ...node, name };
  });
  return { ...graph, nodes };
}

/** What an .onnx file says besides its graph. */
export interface EncodeOptions {
  /** What is said of the file, by key. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Whether the shapes of outputs are said, as other tools want it; else they are left to ONNX Runtime's inference. */
  readonly outputShapes?: boolean;
  /** The file beside the model that a constant's values are to be read from; undefined: they are written. */
  readonly locationOf?: (constant: Constant) => string | undefined;
}

/** The bytes of an .onnx file that ONNX Runtime reads. */
export function encodeModel(graph: Graph, options: EncodeOptions = {}): Uint8Array {
  const { metadata = {} } = options;
  const domains = new Set<string>();
  const encoded = encodeGraph(graph, 'main', domains, options);
  domains.delete('');
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: IR_VERSION,
      producerName: 'ct-xai-bench',
      opsetImport: [
        { domain: '', version: BigInt(graph.opset) },
        ...[...domains].map(domain => ({ domain, version: 1n })),
      ],
      graph: encoded,
      metadataProps: Object.entries(metadata).map(([key, value]) =>
        create(StringStringEntryProtoSchema, { key, value }),
      ),
    }),
  );
}

function encodeGraph(
  graph: Graph,
  name: string,
  domains: Set<string>,
  { outputShapes = false, locationOf }: EncodeOptions = {},
): GraphProto {
  return create(GraphProtoSchema, {
    name,
    node: graph.nodes.map(node => {
      domains.add(node.domain);
      return create(NodeProtoSchema, {
        opType: node.op,
        domain: node.domain,
        name: node.name,
        input: [...node.inputs],
        output: [...node.outputs],
        attribute: Object.entries(node.attrs).map(([key, value]) => encodeAttr(key, value, domains)),
      });
    }),
    initializer: [...graph.constants].map(([key, value]) => encodeTensor(value, key, locationOf?.(value))),
    input: graph.inputs.map(v => encodeValue(v, true)),
    output: graph.outputs.map(v => encodeValue(v, outputShapes)),
    valueInfo: graph.nodes.flatMap(({ outputs }) =>
      outputs.flatMap(output => {
        const info = graph.shapes?.get(output);
        return info ? [encodeValue({ name: output, ...info }, true)] : [];
      }),
    ),
  });
}

function encodeValue(v: ValueInfo, withShape: boolean): ValueInfoProto {
  if (v.dtype <= 0) return create(ValueInfoProtoSchema, { name: v.name });
  const dim = v.dims.map((d, i) => {
    if (d !== null) return { value: { case: 'dimValue' as const, value: BigInt(d) } };
    return i === 0 ? { value: { case: 'dimParam' as const, value: 'batch' } } : {};
  });
  const type = { elemType: v.dtype, ...(withShape && !(v.unshaped && dim.length === 0) ? { shape: { dim } } : {}) };
  return create(ValueInfoProtoSchema, { name: v.name, type: { value: { case: 'tensorType', value: type } } });
}

const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

/** A number that stands for an int64; the ends of the range, which numbers only come near, are met exactly. */
function int64(value: number): bigint {
  const big = BigInt(value);
  return big > INT64_MAX ? INT64_MAX : big < INT64_MIN ? INT64_MIN : big;
}

function encodeAttr(name: string, a: Attr, domains: Set<string>): AttributeProto {
  const utf = (text: string) => new TextEncoder().encode(text);
  switch (a.type) {
    case 'int':
      return create(AttributeProtoSchema, { name, type: AttributeType.INT, i: int64(a.value) });
    case 'float':
      return create(AttributeProtoSchema, { name, type: AttributeType.FLOAT, f: a.value });
    case 'string':
      return create(AttributeProtoSchema, { name, type: AttributeType.STRING, s: utf(a.value) });
    case 'ints':
      return create(AttributeProtoSchema, { name, type: AttributeType.INTS, ints: a.value.map(int64) });
    case 'floats':
      return create(AttributeProtoSchema, { name, type: AttributeType.FLOATS, floats: [...a.value] });
    case 'strings':
      return create(AttributeProtoSchema, { name, type: AttributeType.STRINGS, strings: a.value.map(utf) });
    case 'tensor':
      return create(AttributeProtoSchema, { name, type: AttributeType.TENSOR, t: encodeTensor(a.value, '') });
    case 'graph':
      return create(AttributeProtoSchema, {
        name,
        type: AttributeType.GRAPH,
        g: encodeGraph(a.value, name, domains),
      });
  }
}
