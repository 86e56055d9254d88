import type { ModelVariant } from '../../../core/contracts/index.ts';
import { CtXaiError } from '../../../core/errors.ts';
import { type Constant, constant, DType, type Node, type TensorInfo } from '../graph/graph.ts';
import { builderFor } from '../graph/walk.ts';
import type { NormalisedModel } from '../load/load-model.ts';

type Rewrite = Extract<ModelVariant, { kind: 'rewritten' }>['rewrite'];

/** Nodes that compute what one node does; the last one makes its outputs. */
type Rule = (node: Node, tools: Tools) => readonly Node[] | undefined;

interface Tools {
  constant(name: string | undefined): Constant | undefined;
  /** Adds a constant and returns its name. */
  store(c: Constant): string;
  /** A new tensor of the shape of another. */
  like(name: string): string;
  /** A new name for a node. */
  name(hint: string): string;
}

const WHAT: Readonly<Record<Rewrite, string>> = {
  'split-convolutions': 'convolution with constant weights',
  'unfolded-scale': 'convolution with constant weights',
  'split-relu': 'ReLU or convolution',
};

/**
 * The same function as another graph; layers keep their names and values, and scores change by rounding only.
 *
 * `split-convolutions`: each convolution is the sum of two, whose kernels are the halves of its own.
 * `unfolded-scale`: each convolution has kernels divided by 2 or ½, channel by channel, and a multiplication behind it.
 * `split-relu`: before each ReLU (where there is none, behind each convolution) x becomes relu(x) − relu(−x).
 * @throws CtXaiError MODEL where the graph has nothing to rewrite
 */
export function rewritten(model: NormalisedModel, rewrite: Rewrite, file: string): NormalisedModel {
  const hasRelu = model.graph.nodes.some(node => node.op === 'Relu' && node.domain === '');
  const splitRelu = hasRelu ? splitBeforeRelu : splitBehindConv;
  const rules: Readonly<Record<Rewrite, Rule>> = {
    'split-convolutions': splitConvolution,
    'unfolded-scale': unfoldScale,
    'split-relu': splitRelu,
  };
  const { graph, infos, values } = model;
  const builder = builderFor(graph, infos.keys());
  const made = new Map<string, TensorInfo>();
  const added = new Map<string, Constant>();
  const tools: Tools = {
    constant: name => (name ? values.get(name) : undefined),
    store(c) {
      const name = builder.fresh('rewritten');
      added.set(name, c);
      made.set(name, { dtype: c.dtype, dims: c.dims });
      return name;
    },
    like(name) {
      const fresh = builder.fresh('rewritten');
      made.set(fresh, made.get(name) ?? infos.get(name)!);
      return fresh;
    },
    name: hint => builder.fresh(hint),
  };
  let changed = false;
  const nodes = graph.nodes.flatMap(node => {
    const instead = node.domain === '' ? rules[rewrite](node, tools) : undefined;
    changed ||= instead !== undefined;
    return instead ?? [node];
  });
  if (!changed) {
    throw new CtXaiError('MODEL', `${file}: it has no ${WHAT[rewrite]}, so that '${rewrite}' changes nothing.`);
  }
  return {
    ...model,
    graph: { ...graph, nodes, constants: new Map([...graph.constants, ...added]) },
    values: new Map([...values, ...added]),
    infos: new Map([...infos, ...made]),
  };
}

function weightOf(node: Node, tools: Tools): Constant | undefined {
  const weight = node.op === 'Conv' ? tools.constant(node.inputs[1]) : undefined;
  return weight?.dtype === DType.float ? weight : undefined;
}

function plain(op: string, inputs: readonly string[], outputs: readonly string[], tools: Tools): Node {
  return { op, domain: '', name: tools.name(op), inputs, outputs, attrs: {} };
}

function splitConvolution(node: Node, tools: Tools): Node[] | undefined {
  const weight = weightOf(node, tools);
  if (!weight) return undefined;
  const each = weight.data.length / weight.dims[0]!;
  const half = (first: boolean) =>
    tools.store(
      constant.float(
        weight.dims,
        Float32Array.from(weight.data as Float32Array, (v, i) => (i % each < each / 2 === first ? v : 0)),
      ),
    );
  const [output] = node.outputs as [string];
  const [a, b] = [tools.like(output), tools.like(output)];
  const [x, , ...bias] = node.inputs as [string, string, ...string[]];
  return [
    { ...node, name: tools.name('Conv'), inputs: [x, half(true), ...bias], outputs: [a] },
    { ...node, name: tools.name('Conv'), inputs: [x, half(false)], outputs: [b] },
    plain('Add', [a, b], [output], tools),
  ];
}

function unfoldScale(node: Node, tools: Tools): Node[] | undefined {
  const weight = weightOf(node, tools);
  const bias = tools.constant(node.inputs[2]);
  if (!weight || (node.inputs[2] && !bias)) return undefined;
  const channels = weight.dims[0]!;
  const each = weight.data.length / channels;
  // Powers of two: dividing by them is exact.
  const scale = Float32Array.from({ length: channels }, (_, c) => (c % 2 === 0 ? 2 : 0.5));
  const divided = Float32Array.from(weight.data as Float32Array, (v, i) => v / scale[Math.floor(i / each)]!);
  const inputs = [node.inputs[0]!, tools.store(constant.float(weight.dims, divided))];
  if (bias) {
    const less = Float32Array.from(bias.data as Float32Array, (v, c) => v / scale[c]!);
    inputs.push(tools.store(constant.float(bias.dims, less)));
  }
  const raw = tools.like(node.outputs[0]!);
  const spatial = weight.dims.slice(2).map(() => 1);
  const factors = tools.store(constant.float([1, channels, ...spatial], scale));
  return [
    { ...node, name: tools.name('Conv'), inputs, outputs: [raw] },
    plain('Mul', [raw, factors], node.outputs, tools),
  ];
}

/** relu(x) − relu(−x) */
function bothSigns(x: string, output: string, tools: Tools): Node[] {
  const [up, negative, down] = [tools.like(output), tools.like(output), tools.like(output)];
  return [
    plain('Relu', [x], [up], tools),
    plain('Neg', [x], [negative], tools),
    plain('Relu', [negative], [down], tools),
    plain('Sub', [up, down], [output], tools),
  ];
}

function splitBeforeRelu(node: Node, tools: Tools): Node[] | undefined {
  if (node.op !== 'Relu') return undefined;
  const both = tools.like(node.outputs[0]!);
  return [...bothSigns(node.inputs[0]!, both, tools), { ...node, inputs: [both] }];
}

function splitBehindConv(node: Node, tools: Tools): Node[] | undefined {
  if (node.op !== 'Conv') return undefined;
  const raw = tools.like(node.outputs[0]!);
  return [{ ...node, outputs: [raw] }, ...bothSigns(raw, node.outputs[0]!, tools)];
}
