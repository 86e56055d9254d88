import { type Constant, DType, type Node, read } from '../graph/graph.ts';
import type { NormalisedModel } from '../load/load-model.ts';

/** A constant that a node reads and that training has set. */
export interface StoredParameter {
  readonly node: Node;
  /** Which of the node's inputs. */
  readonly index: number;
}

/**
 * A node whose output is scaled and shifted, channel by channel, by its own parameters: a convolution or a dense layer
 * with its bias, or a normalisation.
 */
export interface LinearSite {
  readonly kind: 'linear' | 'normalisation';
  readonly node: Node;
  /** The tensor that is scaled and shifted: the node's output, or that of the addition behind it that is its bias. */
  readonly output: string;
  /** The axis of the output that counts channels. */
  readonly axis: number;
  readonly weight: StoredParameter;
  /** The output channel of each of the weight's values. */
  channelOf(index: number): number;
  /** How many inputs each output value is a sum of. */
  readonly fanIn: number;
  /** Where the shift is, or where it can be put; absent: nothing can be added. */
  readonly bias?: StoredParameter;
}

/** What is redrawn together: a linear layer with what follows it up to the next one. */
export interface RedrawStep {
  readonly sites: readonly LinearSite[];
  /** Parameters that are drawn anew and not fitted: embeddings, layer scales, slopes. */
  readonly others: readonly StoredParameter[];
}

/** Inputs that may be parameters, by operator; those of other operators are settings, such as bounds and sizes. */
const OTHERS: Readonly<Record<string, readonly number[] | 'all'>> = {
  Add: 'all',
  Sub: 'all',
  Mul: 'all',
  Div: 'all',
  Concat: 'all',
  Einsum: 'all',
  MatMul: 'all',
  PRelu: [1],
  Expand: [0],
  Tile: [0],
  Gather: [0],
  LayerNormalization: [1, 2],
  GroupNormalization: [1, 2],
};

/** A model's steps, from the image to the scores. What lies before its first linear layer prepares the image. */
export function stepsOf(model: NormalisedModel): readonly RedrawStep[] {
  const steps: { sites: LinearSite[]; others: StoredParameter[] }[] = [];
  const taken = new Set<string>();
  for (const node of model.graph.nodes) {
    if (node.domain !== '') continue;
    const site = linearSite(model, node);
    if (site) steps.push({ sites: [site], others: [] });
    const last = steps.at(-1);
    if (!last) continue;
    if (site?.bias) taken.add(keyOf(site.bias));
    const norm = site ? undefined : normalisationSite(model, node);
    if (norm) last.sites.push(norm);
    if (!site && !norm) last.others.push(...otherParameters(model, node).filter(p => !taken.has(keyOf(p))));
  }
  return steps;
}

const keyOf = ({ node, index }: StoredParameter): string => `${node.outputs[0]} ${index}`;

function floatOf(model: NormalisedModel, node: Node, index: number): Constant | undefined {
  const value = model.values.get(node.inputs[index] ?? '');
  return value?.dtype === DType.float ? value : undefined;
}

function linearSite(model: NormalisedModel, node: Node): LinearSite | undefined {
  const weight = floatOf(model, node, 1);
  if (!weight || weight.dims.length < 2) return undefined;
  const { dims } = weight;
  const volume = weight.data.length;
  const common = { kind: 'linear', node, output: node.outputs[0]!, weight: { node, index: 1 } } as const;
  const channels = { axis: 1, bias: { node, index: 2 } };
  if (node.op === 'Conv') {
    const each = volume / dims[0]!;
    return { ...common, ...channels, channelOf: i => Math.floor(i / each), fanIn: each };
  }
  if (node.op === 'ConvTranspose') {
    const [inputs, outputs] = dims as [number, number];
    const kernel = volume / (inputs * outputs);
    const perGroup = inputs / read.int(node, 'group', 1);
    const channelOf = (i: number) =>
      Math.floor(Math.floor(i / (kernel * outputs)) / perGroup) * outputs + (Math.floor(i / kernel) % outputs);
    return { ...common, ...channels, channelOf, fanIn: perGroup * kernel };
  }
  if (node.op === 'Gemm') {
    const transposed = read.int(node, 'transB', 0) !== 0;
    const [rows, columns] = dims as [number, number];
    const channelOf = (i: number) => (transposed ? Math.floor(i / columns) : i % columns);
    return { ...common, ...channels, channelOf, fanIn: transposed ? columns : rows };
  }
  if (node.op !== 'MatMul') return undefined;
  const columns = dims.at(-1)!;
  const axis = model.infos.get(node.outputs[0]!)!.dims.length - 1;
  const added = biasBehind(model, node, columns);
  return {
    ...common,
    axis,
    channelOf: i => i % columns,
    fanIn: dims.at(-2)!,
    ...(added ? { output: added.node.outputs[0]!, bias: added } : {}),
  };
}

/** The addition of a vector that alone reads a product. */
function biasBehind(model: NormalisedModel, node: Node, columns: number): StoredParameter | undefined {
  const readers = model.graph.nodes.filter(n => n.inputs.includes(node.outputs[0]!));
  const [add] = readers;
  if (readers.length !== 1 || add?.op !== 'Add' || node.outputs[0] === model.output) return undefined;
  const index = add.inputs[0] === node.outputs[0] ? 1 : 0;
  const value = floatOf(model, add, index);
  const isVector = value?.data.length === columns && value.dims.at(-1) === columns;
  return isVector ? { node: add, index } : undefined;
}

function normalisationSite(model: NormalisedModel, node: Node): LinearSite | undefined {
  const scale = floatOf(model, node, 1);
  if (!scale || !/^(Batch|Instance|Layer)Normalization$/.test(node.op)) return undefined;
  const rank = model.infos.get(node.outputs[0]!)!.dims.length;
  const axis = node.op === 'LayerNormalization' ? rank - 1 : 1;
  if (scale.dims.length !== 1) return undefined;
  return {
    kind: 'normalisation',
    node,
    output: node.outputs[0]!,
    axis,
    weight: { node, index: 1 },
    channelOf: i => i,
    fanIn: 1,
    bias: { node, index: 2 },
  };
}

/** Float constants with more than two values: fewer are masks and numbers of a formula. */
function otherParameters(model: NormalisedModel, node: Node): StoredParameter[] {
  const indices = OTHERS[node.op] ?? [];
  return node.inputs.flatMap((_, index) => {
    if (indices !== 'all' && !indices.includes(index)) return [];
    const value = floatOf(model, node, index);
    const data = value?.data as Float32Array | undefined;
    if (!data?.every(Number.isFinite)) return [];
    const kinds = new Set<number>();
    for (let i = 0; i < data.length && kinds.size <= 2; i++) kinds.add(data[i]!);
    return kinds.size > 2 ? [{ node, index }] : [];
  });
}
