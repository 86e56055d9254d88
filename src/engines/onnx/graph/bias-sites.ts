import type { NormalisedModel } from '../load/load-model.ts';
import { type Constant, constant, type GraphBuilder, type Node, numbersOf, read } from './graph.ts';

/** A tensor that something is added to which does not follow from the image. */
export interface BiasSite {
  /** The tensor behind the addition. */
  readonly tensor: string;
  /** Writes what is added, in a shape that is broadcast to the tensor's. */
  bias(b: GraphBuilder): string;
}

/**
 * Where a network adds biases, so that a network of linear layers and rectifiers is homogeneous in image and biases
 * together: biases of convolutions, dense layers and normalisations, what batch normalisation adds (β − μγ/σ), added
 * constants, and the bounds of clipped values (Srinivas and Fleuret 2019, section 3).
 * @param among the tensors that count, such as those on the way from the image to the scores
 */
export function biasSites(model: NormalisedModel, among: ReadonlySet<string>): BiasSite[] {
  return model.graph.nodes.flatMap(node => {
    const [tensor = ''] = node.outputs;
    if (node.domain !== '' || !among.has(tensor)) return [];
    const known = (i: number) => (node.inputs[i] ? model.values.get(node.inputs[i]!) : undefined);
    const bias = biasOf(node, known, model.infos.get(tensor)!.dims.length, tensor);
    return bias ? [{ tensor, bias }] : [];
  });
}

type Known = (input: number) => Constant | undefined;

function biasOf(node: Node, known: Known, rank: number, output: string): BiasSite['bias'] | undefined {
  switch (node.op) {
    case 'Conv':
    case 'ConvTranspose':
      return fixed(perChannel(known(2), rank));
    case 'InstanceNormalization':
      return fixed(perChannel(known(2), rank));
    case 'BatchNormalization':
      return fixed(perChannel(normalisationBias(node, known), rank));
    case 'Gemm':
      return fixed(scaled(known(2), read.float(node, 'beta', 1)));
    case 'LayerNormalization':
      return fixed(known(2));
    case 'Add':
      return fixed(known(0) ?? known(1));
    case 'Sub':
      return fixed(known(0) ?? scaled(known(1), -1));
    case 'Clip':
      return clipped(output, known(1), known(2));
    default:
      return undefined;
  }
}

function fixed(value: Constant | undefined): BiasSite['bias'] | undefined {
  if (!(value?.data instanceof Float32Array) || value.data.every(v => v === 0)) return undefined;
  return b => b.constant(value, 'bias');
}

/** [c] → [c, 1, 1], which is broadcast to [n, c, h, w]. */
function perChannel(value: Constant | undefined, rank: number): Constant | undefined {
  return value && { ...value, dims: [value.data.length, ...new Array<number>(Math.max(0, rank - 2)).fill(1)] };
}

function scaled(value: Constant | undefined, by: number): Constant | undefined {
  return value?.data instanceof Float32Array ? { ...value, data: value.data.map(v => by * v) } : undefined;
}

/** β − μγ/σ */
function normalisationBias(node: Node, known: Known): Constant | undefined {
  const [gamma, beta, mean, variance] = [1, 2, 3, 4].map(known);
  if (!gamma || !beta || !mean || !variance) return undefined;
  const [g, b, m, v] = [gamma, beta, mean, variance].map(numbersOf) as [number[], number[], number[], number[]];
  const epsilon = read.float(node, 'epsilon', 1e-5);
  const data = b.map((value, c) => value - (m[c]! * g[c]!) / Math.sqrt(v[c]! + epsilon));
  return constant.float([data.length], data);
}

/** The bound where the value lies on it, 0 between bounds. */
function clipped(output: string, low: Constant | undefined, high: Constant | undefined): BiasSite['bias'] {
  return b => {
    let bound = b.scalar(0);
    const [least, most] = [low, high].map(c => (c ? numbersOf(c)[0]! : Number.NaN));
    if (Number.isFinite(least)) {
      bound = b.op('Where', [b.op('LessOrEqual', [output, b.scalar(least!)]), b.scalar(least!), bound]);
    }
    if (Number.isFinite(most)) {
      bound = b.op('Where', [b.op('GreaterOrEqual', [output, b.scalar(most!)]), b.scalar(most!), bound]);
    }
    return bound;
  };
}
