import { type Constant, type Node, numbersOf, read } from '../../graph/graph.ts';
import type { NormalisedModel } from '../../load/load-model.ts';
import { Edit } from '../optimise/edit.ts';

/**
 * The same function with each BatchNormalization inside the convolution or dense layer before it, where nothing else
 * reads what that layer makes: w·s and (b − μ)·s + β with s = γ/√(σ² + ε). A convolution's own padding stays right; one
 * behind the normalisation would not, so nothing is folded forwards.
 */
export function foldBatchNorm(model: NormalisedModel): NormalisedModel {
  const edit = new Edit(model.graph);
  const infos = new Map(model.infos);
  for (const norm of model.graph.nodes) {
    if (norm.op !== 'BatchNormalization' || norm.domain !== '') continue;
    const layer = edit.producer(norm.inputs[0]!);
    if (!layer || !edit.isPrivate(norm.inputs[0]!)) continue;
    const folded = foldedInto(layer, norm, name => edit.constant(name));
    if (!folded) continue;
    const [weights, bias] = [edit.store(folded.weights, 'folded'), edit.store(folded.bias, 'folded')];
    infos.set(weights, folded.weights).set(bias, folded.bias);
    edit.replace(norm);
    edit.replace(layer, { ...layer, inputs: [layer.inputs[0]!, weights, bias], outputs: norm.outputs.slice(0, 1) });
  }
  const graph = edit.done();
  return { ...model, graph, infos, values: new Map([...model.values, ...graph.constants]) };
}

type Look = (name: string) => Constant | undefined;

function foldedInto(layer: Node, norm: Node, look: Look): { weights: Constant; bias: Constant } | undefined {
  const [gamma, beta, mean, variance] = norm.inputs.slice(1).map(look);
  const weights = layer.inputs[1] ? look(layer.inputs[1]) : undefined;
  const bias = layer.inputs[2] ? look(layer.inputs[2]) : undefined;
  const known =
    gamma && beta && mean && variance && weights?.data instanceof Float32Array && (!layer.inputs[2] || bias);
  if (!known || layer.domain !== '' || !scalesOutputs(layer)) return undefined;
  const [g, b, m, v] = [gamma, beta, mean, variance].map(numbersOf) as [number[], number[], number[], number[]];
  const epsilon = read.float(norm, 'epsilon', 1e-5);
  const scale = g.map((value, c) => value / Math.sqrt(v[c]! + epsilon));
  const before = bias ? numbersOf(bias) : scale.map(() => 0);
  if (before.length !== scale.length) return undefined;
  return {
    weights: scaledRows(weights, scale, layer),
    bias: {
      dtype: weights.dtype,
      dims: [scale.length],
      data: Float32Array.from(scale, (s, c) => (before[c]! - m[c]!) * s + b[c]!),
    },
  };
}

/** Whether the layer's output channels can be scaled in its weights: a convolution, or x·w + b. */
function scalesOutputs(layer: Node): boolean {
  if (layer.op === 'Conv') return true;
  return layer.op === 'Gemm' && read.float(layer, 'alpha', 1) === 1 && read.float(layer, 'beta', 1) === 1;
}

/** Weights [out, …], or [in, out] of a Gemm that does not transpose them, times a factor for each output. */
function scaledRows(weights: Constant, scale: readonly number[], layer: Node): Constant {
  const source = weights.data as Float32Array;
  const last = layer.op === 'Gemm' && read.int(layer, 'transB', 0) === 0;
  const size = source.length / scale.length;
  const data = source.map((w, i) => w * scale[last ? i % scale.length : Math.floor(i / size)]!);
  return { ...weights, data };
}
