import { CtXaiError } from '../../../core/errors.ts';
import { attr, type Constant, constant, DType, type Node, numbersOf, read, type TensorInfo } from '../graph/graph.ts';
import { builderFor } from '../graph/walk.ts';
import type { NormalisedModel } from '../load/load-model.ts';

/** Operators that move or keep values, and change none: behind them an image is as much greater as before. */
const KEEPS: ReadonlySet<string> = new Set(['Identity', 'Transpose', 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze']);

/** Nodes that give for a greater input what one node gave; undefined where its parameters can't take the shift up. */
type Fold = (node: Node, by: number, tools: Tools) => readonly Node[] | undefined;

interface Tools {
  readonly opset: number;
  constant(name: string | undefined): Constant | undefined;
  info(name: string): TensorInfo;
  store(c: Constant): string;
  /** A new tensor, and its name. */
  tensor(info: TensorInfo): string;
  name(hint: string): string;
}

const FOLDS: Readonly<Record<string, Fold>> = {
  Conv: foldIntoConvolution,
  Gemm: foldIntoGemm,
  BatchNormalization: (node, by, tools) => withConstant(node, 3, tools, v => v + by),
  // x − c and c − x are the same where both are greater.
  Sub: (node, by, tools) => withConstant(node, tools.constant(node.inputs[1]) ? 1 : 0, tools, v => v + by),
  Add: (node, by, tools) => withConstant(node, tools.constant(node.inputs[1]) ? 1 : 0, tools, v => v - by),
};

/**
 * The function x ↦ f(x − by), where f is the model: the shift is taken up by the biases, means or offsets of the first
 * operators that have some (Kindermans et al. 2019). A convolution's padding becomes an operator of its own that pads
 * with `by`, so that the function is the same up to the image's edge. Layers keep their names.
 * @throws CtXaiError MODEL where the first operators have no parameters that could take it up
 */
export function shifted(model: NormalisedModel, by: number, file: string): NormalisedModel {
  const { graph, infos, values, input } = model;
  const builder = builderFor(graph, infos.keys());
  const made = new Map<string, TensorInfo>();
  const added = new Map<string, Constant>();
  const tools: Tools = {
    opset: graph.opset,
    constant: name => (name ? values.get(name) : undefined),
    info: name => infos.get(name)!,
    store(c) {
      const name = builder.fresh('shifted');
      added.set(name, c);
      made.set(name, { dtype: c.dtype, dims: c.dims });
      return name;
    },
    tensor(info) {
      const name = builder.fresh('shifted');
      made.set(name, info);
      return name;
    },
    name: hint => builder.fresh(hint),
  };
  const greater = new Set([input]);
  const nodes = graph.nodes.flatMap(node => {
    if (!node.inputs.some(name => greater.has(name))) return [node];
    if (node.domain === '' && KEEPS.has(node.op) && greater.has(node.inputs[0]!)) {
      greater.add(node.outputs[0]!);
      return [node];
    }
    const instead = node.domain === '' ? FOLDS[node.op]?.(node, by, tools) : undefined;
    if (instead) return instead;
    throw new CtXaiError(
      'MODEL',
      `${file}: the image enters ${node.op} '${node.name}', which has no parameter that takes up a shift of its values.`,
      { hint: 'There is no shifted variant of this model.' },
    );
  });
  return {
    ...model,
    graph: { ...graph, nodes, constants: new Map([...graph.constants, ...added]) },
    values: new Map([...values, ...added]),
    infos: new Map([...infos, ...made]),
  };
}

/** The node with every value of one of its constants changed. */
function withConstant(node: Node, index: number, tools: Tools, change: (v: number) => number): Node[] | undefined {
  const c = tools.constant(node.inputs[index]);
  if (c?.dtype !== DType.float) return undefined;
  const name = tools.store(constant.float(c.dims, (c.data as Float32Array).map(change)));
  return [{ ...node, inputs: node.inputs.map((old, i) => (i === index ? name : old)) }];
}

function foldIntoConvolution(node: Node, by: number, tools: Tools): Node[] | undefined {
  const weight = tools.constant(node.inputs[1]);
  const bias = tools.constant(node.inputs[2]);
  const automatic = read.string(node, 'auto_pad', 'NOTSET') !== 'NOTSET';
  if (weight?.dtype !== DType.float || (node.inputs[2] && !bias) || automatic) return undefined;
  const channels = weight.dims[0]!;
  const each = weight.data.length / channels;
  const less = Float64Array.from({ length: channels }, (_, c) => (bias ? Number(bias.data[c]) : 0));
  (weight.data as Float32Array).forEach((w, i) => {
    less[Math.floor(i / each)]! -= by * w;
  });
  const folded = tools.store(constant.float([channels], less));
  const pads = read.ints(node, 'pads') ?? [];
  if (pads.every(p => p === 0)) return [{ ...node, inputs: [node.inputs[0]!, node.inputs[1]!, folded] }];
  const { dims, dtype } = tools.info(node.inputs[0]!);
  const axes = pads.length / 2;
  const [before, after] = [pads.slice(0, axes), pads.slice(axes)];
  const padded = tools.tensor({
    dtype,
    dims: dims.map((d, i) => (i < 2 ? d : d! + before[i - 2]! + after[i - 2]!)),
  });
  const all = [0, 0, ...before, 0, 0, ...after];
  const modern = tools.opset >= 11;
  const pad: Node = {
    ...{ op: 'Pad', domain: '', name: tools.name('Pad'), outputs: [padded] },
    inputs: [node.inputs[0]!, ...(modern ? [tools.store(constant.ints(all)), tools.store(constant.scalar(by))] : [])],
    attrs: modern ? {} : { pads: attr.ints(all), value: attr.float(by) },
  };
  const { pads: _, ...rest } = node.attrs;
  return [pad, { ...node, inputs: [padded, node.inputs[1]!, folded], attrs: rest }];
}

/** Of α A B + β C, where A is the image in a row. */
function foldIntoGemm(node: Node, by: number, tools: Tools): Node[] | undefined {
  const weight = tools.constant(node.inputs[1]);
  const bias = tools.constant(node.inputs[2]);
  const [alpha, beta] = [read.float(node, 'alpha', 1), read.float(node, 'beta', 1)];
  if (weight?.dtype !== DType.float || (node.inputs[2] && !bias) || beta === 0) return undefined;
  const [rows, columns] = weight.dims as [number, number];
  const transposed = read.int(node, 'transB', 0) !== 0;
  const outputs = transposed ? rows : columns;
  const given = bias ? numbersOf(bias) : [0];
  if (given.length !== 1 && given.length !== outputs) return undefined;
  const less = Float64Array.from({ length: outputs }, (_, o) => (given.length === 1 ? given[0]! : given[o]!));
  (weight.data as Float32Array).forEach((w, i) => {
    less[transposed ? Math.floor(i / columns) : i % columns]! -= (alpha * by * w) / beta;
  });
  return [{ ...node, inputs: [node.inputs[0]!, node.inputs[1]!, tools.store(constant.float([outputs], less))] }];
}
