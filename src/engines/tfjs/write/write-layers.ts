import { CtXaiError } from '../../../core/errors.ts';
import { type Graph, type Node, read } from '../../onnx/graph/graph.ts';

/** A weight in TF.js's order of axes. */
export interface WrittenWeight {
  /** After the layer's name and a slash: `kernel`, `gamma`, … */
  readonly role: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export interface WrittenLayer {
  readonly className: string;
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly weights: readonly WrittenWeight[];
  /** The layers whose outputs it takes. */
  readonly inputs: readonly string[];
}

type Weights = (name: string) => { readonly dims: readonly number[]; readonly data: Float32Array };
type Reader = (node: Node, weights: Weights) => readonly Omit<WrittenLayer, 'inputs'>[];

/** Reads the values of an array in another order of axes: axis i of the result is axis `order[i]` of the source. */
function transposed({ dims, data }: ReturnType<Weights>, order: readonly number[]): Omit<WrittenWeight, 'role'> {
  const shape = order.map(axis => dims[axis]!);
  const strides = dims.map((_, axis) => dims.slice(axis + 1).reduce((a, d) => a * d, 1));
  const out = new Float32Array(data.length);
  const index = shape.map(() => 0);
  for (let i = 0; i < out.length; i++) {
    out[i] = data[index.reduce((sum, at, axis) => sum + at * strides[order[axis]!]!, 0)]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis] = index[axis]! + 1;
      if (index[axis]! < shape[axis]!) break;
      index[axis] = 0;
    }
  }
  return { shape, data: out };
}

const channelsLast = { data_format: 'channels_last' };

/** TensorFlow pads strided convolutions at the end; what is padded evenly gets a layer of its own. */
const conv: Reader = (node, weights) => {
  const [name, kernel] = [node.outputs[0]!, transposed(weights(node.inputs[1]!), [2, 3, 1, 0])];
  const strides = read.ints(node, 'strides') ?? [1, 1];
  const pads = read.ints(node, 'pads') ?? [0, 0, 0, 0];
  const [kh, kw, , filters] = kernel.shape as [number, number, number, number];
  if ((read.ints(node, 'dilations') ?? [1]).some(d => d !== 1) || read.int(node, 'group', 1) !== 1) throw odd(node);
  const isSame = strides.every(s => s === 1) && [kh, kw].every((k, i) => 2 * pads[i]! === k - 1);
  const even = pads[0] === pads[2] && pads[1] === pads[3];
  if (!even) throw odd(node);
  const settings = { kernel_size: [kh, kw], strides, filters, activation: 'linear', ...channelsLast };
  const bias = node.inputs[2] ? [{ role: 'bias', ...transposed(weights(node.inputs[2]), [0]) }] : [];
  const layer = {
    className: 'Conv2D',
    name,
    config: { ...settings, padding: isSame ? 'same' : 'valid', use_bias: bias.length > 0 },
    weights: [{ role: 'kernel', ...kernel }, ...bias],
  };
  if (isSame || pads.every(p => p === 0)) return [layer];
  const padding = [
    [pads[0], pads[2]],
    [pads[1], pads[3]],
  ];
  const margin = { className: 'ZeroPadding2D', name: `${name}-margin`, config: { padding, ...channelsLast } };
  return [{ ...margin, weights: [] }, layer];
};

const batchNormalization: Reader = (node, weights) => {
  const roles = ['gamma', 'beta', 'moving_mean', 'moving_variance'];
  return [
    {
      className: 'BatchNormalization',
      name: node.outputs[0]!,
      config: { axis: [3], epsilon: read.float(node, 'epsilon', 1e-5), momentum: 0.9, center: true, scale: true },
      weights: roles.map((role, i) => ({ role, ...transposed(weights(node.inputs[i + 1]!), [0]) })),
    },
  ];
};

const pool =
  (className: string): Reader =>
  node => {
    const size = read.ints(node, 'kernel_shape');
    if (read.ints(node, 'pads')?.some(p => p !== 0) || read.int(node, 'ceil_mode', 0) !== 0) throw odd(node);
    const config = { pool_size: size, strides: read.ints(node, 'strides'), padding: 'valid', ...channelsLast };
    return [{ className, name: node.outputs[0]!, config, weights: [] }];
  };

const plain =
  (className: string, config: Readonly<Record<string, unknown>>): Reader =>
  node => [{ className, name: node.outputs[0]!, config, weights: [] }];

const gemm: Reader = (node, weights) => {
  if (read.int(node, 'transB', 0) !== 1 || !node.inputs[2]) throw odd(node);
  const kernel = transposed(weights(node.inputs[1]!), [1, 0]);
  return [
    {
      className: 'Dense',
      name: node.outputs[0]!,
      config: { units: kernel.shape[1], activation: 'linear', use_bias: true },
      weights: [
        { role: 'kernel', ...kernel },
        { role: 'bias', ...transposed(weights(node.inputs[2]), [0]) },
      ],
    },
  ];
};

/** Operators of the graphs that training ships. */
const READERS: Readonly<Record<string, Reader>> = {
  Conv: conv,
  BatchNormalization: batchNormalization,
  Relu: plain('ReLU', {}),
  MaxPool: pool('MaxPooling2D'),
  AveragePool: pool('AveragePooling2D'),
  Concat: plain('Concatenate', { axis: -1 }),
  GlobalAveragePool: plain('GlobalAveragePooling2D', channelsLast),
  Gemm: gemm,
};

/** What only passes its input on where images have their channels last. */
const PASSING: ReadonlySet<string> = new Set(['Flatten', 'Identity']);

function odd(node: Node): CtXaiError {
  return new CtXaiError('OPERATOR', `node '${node.name}' (${node.op}) can't be written as a layer of TF.js.`);
}

/**
 * The layers of a graph that training has made, named after its tensors, the input layer first.
 * @returns them, and the one whose output is the graph's
 * @throws CtXaiError OPERATOR where the graph is another one.
 */
export function layersOf({ nodes, constants, inputs, outputs }: Graph): { layers: WrittenLayer[]; output: string } {
  const [image] = inputs;
  const [, channels, rows, columns] = image!.dims;
  const shape = [null, rows, columns, channels];
  const start = { batch_input_shape: shape, dtype: 'float32', sparse: false };
  const layers: WrittenLayer[] = [
    { className: 'InputLayer', name: image!.name, config: start, weights: [], inputs: [] },
  ];
  const makers = new Map([[image!.name, image!.name]]);
  for (const node of nodes) {
    const inputsOf = node.inputs.filter(name => name !== '' && !constants.has(name)).map(name => makers.get(name)!);
    const [made] = node.outputs;
    if (PASSING.has(node.op)) {
      makers.set(made!, inputsOf[0]!);
      continue;
    }
    const reader = READERS[node.op];
    if (!reader) throw odd(node);
    let from = inputsOf;
    for (const layer of reader(node, name => constants.get(name) as ReturnType<Weights>)) {
      layers.push({ ...layer, inputs: from });
      from = [layer.name];
    }
    makers.set(made!, from[0]!);
  }
  return { layers, output: makers.get(outputs[0]!.name)! };
}
