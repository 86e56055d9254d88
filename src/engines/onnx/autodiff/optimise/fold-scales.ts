import type { Constant, Graph, Node } from '../../graph/graph.ts';
import { Edit } from './edit.ts';
import { isRepeating, scaleInputs, scaleOutputs } from './weights.ts';

/** A factor per channel, or one for all. */
interface Scale {
  readonly values: Float32Array;
  /** Rank of the tensors it applies to; undefined for a single factor, which fits any. */
  readonly rank: number | undefined;
}

/**
 * Products with a constant per channel (BatchNormalization's gradient) move into the weights of a convolution before
 * or behind them. Products with masks and repetition of pixels stand in between without harm: they commute.
 */
export function foldScales(graph: Graph): Graph {
  const edit = new Edit(graph);
  for (const node of graph.nodes) {
    if (node.op !== 'Mul' || node.domain !== '') continue;
    const side = node.inputs.findIndex(name => edit.constant(name) !== undefined);
    if (side < 0) continue;
    const scale = scaleOf(edit.constant(node.inputs[side]!)!);
    const x = node.inputs[1 - side]!;
    if (!scale || edit.constant(x)) continue;
    if (absorbBefore(edit, x, scale) || absorbBehind(edit, node.outputs[0]!, scale)) edit.bypass(node, x);
  }
  return edit.done();
}

function scaleOf(c: Constant): Scale | undefined {
  if (!(c.data instanceof Float32Array)) return undefined;
  if (c.data.length === 1 && c.dims.length <= 1) return { values: c.data, rank: undefined };
  const [channels, ...rest] = c.dims;
  // [c, 1] alone could also be the last two axes of an image.
  if (channels !== c.data.length || rest.length === 0 || rest.some(d => d !== 1)) return undefined;
  return { values: c.data, rank: rest.length + 2 };
}

/** Into the convolution that makes `name`, which nothing else may read. */
function absorbBefore(edit: Edit, name: string, scale: Scale): boolean {
  const node = edit.producer(name);
  if (!node || !edit.isPrivate(name)) return false;
  if (node.op === 'Mul') return node.inputs.some(input => absorbBefore(edit, input, scale));
  if (isRepeating(node, edit)) return absorbBefore(edit, node.inputs[0]!, scale);
  return convolves(edit, node, scale) && scaleOutputs(edit, node, scale.values);
}

/** Into the convolution that alone reads `name`. */
function absorbBehind(edit: Edit, name: string, scale: Scale): boolean {
  const node = edit.onlyConsumer(name);
  if (!node) return false;
  if (node.op === 'Mul' && node.inputs[0] !== node.inputs[1]) return absorbBehind(edit, node.outputs[0]!, scale);
  if (isRepeating(node, edit)) return absorbBehind(edit, node.outputs[0]!, scale);
  return node.inputs[0] === name && convolves(edit, node, scale) && scaleInputs(edit, node, scale.values);
}

function convolves(edit: Edit, node: Node, scale: Scale): boolean {
  if (node.op !== 'Conv' && node.op !== 'ConvTranspose') return false;
  const weights = edit.constant(node.inputs[1]!);
  return weights?.data instanceof Float32Array && (scale.rank ?? weights.dims.length) === weights.dims.length;
}
