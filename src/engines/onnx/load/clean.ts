import {
  attr,
  type Constant,
  constant,
  type Graph,
  type GraphBuilder,
  isInner,
  type Node,
  numbersOf,
  read,
  type TensorInfo,
} from '../graph/graph.ts';
import { renamed } from '../graph/rename.ts';
import { builderFor, producers, pruned } from '../graph/walk.ts';
import type { ProbedShapes } from './probe-shapes.ts';

export interface Cleaned {
  readonly graph: Graph;
  readonly infos: ReadonlyMap<string, TensorInfo>;
  /** Tensors that were taken out because another one, the value here, is the same. */
  readonly aliases: ReadonlyMap<string, string>;
}

/**
 * The graph without what a fixed image size makes superfluous: constant and shape subgraphs, Identity and other
 * operators that change nothing, nodes nobody needs. Tensors keep their names.
 */
export function clean(graph: Graph, findings: ProbedShapes): Cleaned {
  const { infos } = findings;
  const aliases = new Map<string, string>();
  const actual = (name: string) => aliases.get(name) ?? name;
  const constants = new Map<string, Constant>([...graph.constants, ...findings.values]);
  const builder = builderFor(graph, infos.keys());
  const made = producers(graph);

  for (const raw of graph.nodes) {
    if (raw.outputs.every(name => name === '' || findings.values.has(name))) continue;
    const node = { ...raw, inputs: raw.inputs.map(actual), attrs: withInner(raw, actual) };
    if (changesNothing(node, infos, constants)) {
      aliases.set(node.outputs[0]!, node.inputs[0]!);
    } else {
      const plain = plainSoftmax(node, infos, made, actual) ?? withPads(node, made, constants, actual);
      builder.push(plain ?? withFixedShape(node, infos, constants, builder));
    }
  }
  for (const [name, c] of builder.constants) constants.set(name, c);
  const outputs = graph.outputs.map(o => ({ ...o, name: actual(o.name) }));
  const whole = { ...graph, nodes: builder.nodes, constants, outputs };
  const done = pruned(
    whole,
    outputs.map(o => o.name),
  );
  return fileNames({ graph: done, infos: infosOf(done, infos), aliases });
}

/** Where a tensor of the file is the same as one that the program made, the file's name is kept. */
function fileNames({ graph, infos, aliases }: Cleaned): Cleaned {
  const names = new Map<string, string>();
  for (const [name, same] of aliases) if (isInner(same) && !isInner(name) && !names.has(same)) names.set(same, name);
  if (names.size === 0) return { graph, infos, aliases };
  const to = (name: string) => names.get(name) ?? name;
  return {
    graph: renamed(graph, names),
    infos: new Map([...infos].map(([name, info]) => [to(name), info])),
    aliases: new Map([...aliases].flatMap(([name, same]) => (to(same) === name ? [] : [[name, to(same)] as const]))),
  };
}

/** Subgraphs with the names they take from outside replaced. */
function withInner(node: Node, actual: (name: string) => string): Node['attrs'] {
  const entries = Object.entries(node.attrs);
  if (!entries.some(([, a]) => a.type === 'graph')) return node.attrs;
  const inner = (graph: Graph): Graph => ({
    ...graph,
    nodes: graph.nodes.map(n => ({ ...n, inputs: n.inputs.map(actual), attrs: withInner(n, actual) })),
    outputs: graph.outputs.map(o => ({ ...o, name: actual(o.name) })),
  });
  return Object.fromEntries(entries.map(([k, a]) => [k, a.type === 'graph' ? { ...a, value: inner(a.value) } : a]));
}

function sameDims(a: TensorInfo | undefined, b: TensorInfo | undefined): boolean {
  return (
    a !== undefined && b !== undefined && a.dims.length === b.dims.length && a.dims.every((d, i) => d === b.dims[i])
  );
}

/** Operators that only rearrange: with the same shape before and after (and one batch at most) they do nothing. */
const RESHAPERS: ReadonlySet<string> = new Set(['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Expand', 'Tile']);

/** Operators that pass a single input on. */
const JOINERS: ReadonlySet<string> = new Set(['Concat', 'Sum', 'Mean', 'Max', 'Min', 'Split']);

function changesNothing(
  node: Node,
  infos: ReadonlyMap<string, TensorInfo>,
  constants: ReadonlyMap<string, Constant>,
): boolean {
  if (node.domain !== '') return false;
  const [x, y] = [infos.get(node.inputs[0]!), infos.get(node.outputs[0]!)];
  if (node.op === 'Identity') return x !== undefined && !constants.has(node.inputs[0]!);
  if (!sameDims(x, y)) return false;
  if (node.op === 'Cast') return x!.dtype === y!.dtype;
  if (RESHAPERS.has(node.op)) return x!.dims.filter(d => d === null).length <= 1;
  if (node.op === 'Transpose')
    return (read.ints(node, 'perm') ?? []).every((p, i) => p === i) && node.attrs.perm !== undefined;
  if (JOINERS.has(node.op)) return node.op === 'Split' ? node.outputs.length === 1 : node.inputs.length === 1;
  if (node.op === 'Pad') {
    const pads = constants.get(node.inputs[1] ?? '');
    return pads !== undefined && numbersOf(pads).every(p => p === 0);
  }
  if (node.op === 'AveragePool' || node.op === 'MaxPool') {
    const ones = (key: string) => (read.ints(node, key) ?? []).every(v => v === 1);
    return ones('kernel_shape') && ones('strides') && node.outputs.length === 1;
  }
  return false;
}

/** The upgrader's Flatten – Softmax – Reshape where it flattened nothing but leading dimensions. */
function plainSoftmax(
  node: Node,
  infos: ReadonlyMap<string, TensorInfo>,
  made: ReadonlyMap<string, Node>,
  actual: (name: string) => string,
): Node | undefined {
  if (node.op !== 'Reshape') return undefined;
  const softmax = made.get(node.inputs[0]!);
  if (!softmax || !/^(LogSoftmax|Softmax|Hardmax)$/.test(softmax.op) || softmax.domain !== '') return undefined;
  const flat = made.get(softmax.inputs[0]!);
  if (flat?.op !== 'Flatten') return undefined;
  const x = infos.get(flat.inputs[0]!);
  if (!x || !sameDims(x, infos.get(node.outputs[0]!))) return undefined;
  const rank = x.dims.length;
  const axis = read.int(flat, 'axis', 1);
  if ((axis < 0 ? axis + rank : axis) !== rank - 1) return undefined;
  return { ...node, op: softmax.op, inputs: [actual(flat.inputs[0]!)], attrs: { axis: attr.int(-1) } };
}

/** A convolution of a tensor padded with zeros, as TensorFlow's exports have it, that pads by itself. */
function withPads(
  node: Node,
  made: ReadonlyMap<string, Node>,
  constants: ReadonlyMap<string, Constant>,
  actual: (name: string) => string,
): Node | undefined {
  const pad = made.get(node.inputs[0]!);
  if (node.op !== 'Conv' || pad?.op !== 'Pad' || read.string(node, 'auto_pad', 'NOTSET') !== 'NOTSET') return undefined;
  const [by, value] = [
    constants.get(pad.inputs[1]!),
    pad.inputs[2] ? constants.get(pad.inputs[2]) : constant.scalar(0),
  ];
  if (!by || !value || pad.inputs[3] || read.string(pad, 'mode', 'constant') !== 'constant') return undefined;
  const amounts = numbersOf(by);
  const rank = amounts.length / 2;
  const [before, after] = [amounts.slice(0, rank), amounts.slice(rank)];
  const spatial = [...before.slice(0, 2), ...after.slice(0, 2)].every(p => p === 0) && amounts.every(p => p >= 0);
  if (!spatial || numbersOf(value)[0] !== 0) return undefined;
  const more = [...before.slice(2), ...after.slice(2)];
  const own = read.ints(node, 'pads') ?? more.map(() => 0);
  const attrs = { ...node.attrs, pads: attr.ints(own.map((p, i) => p + more[i]!)) };
  return { ...node, inputs: [actual(pad.inputs[0]!), ...node.inputs.slice(1)], attrs };
}

/**
 * A shape that was computed from the batch, written down: −1 stands for it. Resize says its sizes for the dimensions
 * that change only.
 */
function withFixedShape(
  node: Node,
  infos: ReadonlyMap<string, TensorInfo>,
  constants: ReadonlyMap<string, Constant>,
  builder: GraphBuilder,
): Node {
  const [x, y] = [infos.get(node.inputs[0]!), infos.get(node.outputs[0]!)];
  if (node.domain !== '' || !x || !y) return node;
  const zeros = y.dims.some(d => d === 0);
  if (node.op === 'Reshape' && !zeros && y.dims.filter(d => d === null).length <= 1) {
    const shape = y.dims.map(d => d ?? -1);
    return { ...node, inputs: [node.inputs[0]!, builder.constant(constant.ints(shape))], attrs: {} };
  }
  const sizes = node.inputs[3];
  if (node.op === 'Resize' && sizes && !constants.has(sizes) && node.attrs.axes === undefined) {
    const crops = read.string(node, 'coordinate_transformation_mode', 'half_pixel') === 'tf_crop_and_resize';
    const region = crops ? constants.get(node.inputs[1]!) : undefined;
    if (crops && !region) return node;
    // The starts of the region along every axis, then its ends.
    const [starts, ends] = region ? halves(numbersOf(region)) : [[], []];
    const cut = (i: number) => region !== undefined && (starts[i] !== 0 || ends[i] !== 1);
    const axes = y.dims.flatMap((d, i) => (d !== x.dims[i] || cut(i) ? [i] : []));
    const fixed = axes.map(i => y.dims[i] ?? null);
    if (axes.length === 0 || fixed.includes(null)) return node;
    const ofAxes = [...axes.map(i => starts[i]!), ...axes.map(i => ends[i]!)];
    const roi = region ? builder.constant(constant.float([2 * axes.length], ofAxes)) : '';
    const inputs = [node.inputs[0]!, roi, node.inputs[2]!, builder.constant(constant.ints(fixed as number[]))];
    return { ...node, inputs, attrs: { ...node.attrs, axes: attr.ints(axes) } };
  }
  return node;
}

function halves<T>(list: readonly T[]): [T[], T[]] {
  return [list.slice(0, list.length / 2), list.slice(list.length / 2)];
}

/** What is known of the tensors that are left. */
function infosOf(graph: Graph, all: ReadonlyMap<string, TensorInfo>): Map<string, TensorInfo> {
  const infos = new Map<string, TensorInfo>();
  for (const { name, dtype, dims } of graph.inputs) infos.set(name, { dtype, dims });
  for (const [name, c] of graph.constants) infos.set(name, { dtype: c.dtype, dims: c.dims });
  for (const node of graph.nodes) {
    for (const name of node.outputs) {
      const info = all.get(name);
      if (info) infos.set(name, info);
    }
  }
  return infos;
}
