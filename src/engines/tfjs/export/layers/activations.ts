import { attr } from '../../../onnx/graph/graph.ts';
import type { LayerWriter, Value, Writer } from '../export-context.ts';

/** Where the last axis of a tensor lies in the graph. */
export function lastAxis(shape: readonly number[]): number {
  return shape.length === 3 ? 1 : -1;
}

type Formula = (layer: LayerWriter, x: string, shape: readonly number[]) => string;

const simple = (op: string): Formula => {
  return (layer, x) => layer.op(op, [x]);
};

const clip = (layer: LayerWriter, x: string, low: number, high: number) => {
  return layer.op('Clip', [x, layer.scalar(low), layer.scalar(high)]);
};

const hardSigmoid = (layer: LayerWriter, x: string) => {
  return layer.op('HardSigmoid', [x], { alpha: attr.float(1 / 6), beta: attr.float(0.5) });
};

/** x · half of (1 + g(x)) */
const gated = (layer: LayerWriter, x: string, g: string) => {
  const gate = layer.op('Mul', [layer.op('Add', [g, layer.scalar(1)]), layer.scalar(0.5)]);
  return layer.op('Mul', [x, gate]);
};

/** Activations by Keras's names; TF.js's own spellings are brought to them. */
const FORMULAS: Readonly<Record<string, Formula>> = {
  linear: (_, x) => x,
  relu: simple('Relu'),
  relu6: (layer, x) => clip(layer, x, 0, 6),
  elu: simple('Elu'),
  selu: simple('Selu'),
  sigmoid: simple('Sigmoid'),
  softplus: simple('Softplus'),
  softsign: simple('Softsign'),
  tanh: simple('Tanh'),
  exponential: simple('Exp'),
  // TF.js: clip(0.2 x + 0.5, 0, 1)
  hard_sigmoid: (layer, x) => {
    return clip(layer, layer.op('Add', [layer.op('Mul', [x, layer.scalar(0.2)]), layer.scalar(0.5)]), 0, 1);
  },
  // relu6(x + 3) / 6
  hard_sigmoid_keras_3: hardSigmoid,
  hard_swish: (layer, x) => layer.op('Mul', [x, hardSigmoid(layer, x)]),
  swish: (layer, x) => layer.op('Mul', [x, layer.op('Sigmoid', [x])]),
  mish: (layer, x) => layer.op('Mul', [x, layer.op('Tanh', [layer.op('Softplus', [x])])]),
  gelu: (layer, x) => gated(layer, x, layer.op('Erf', [layer.op('Mul', [x, layer.scalar(Math.SQRT1_2)])])),
  gelu_new: (layer, x) => {
    const cube = layer.op('Mul', [layer.op('Mul', [x, x]), x]);
    const inner = layer.op('Add', [x, layer.op('Mul', [cube, layer.scalar(0.044715)])]);
    return gated(layer, x, layer.op('Tanh', [layer.op('Mul', [inner, layer.scalar(Math.sqrt(2 / Math.PI))])]));
  },
  softmax: (layer, x, shape) => layer.op('Softmax', [x], { axis: attr.int(lastAxis(shape)) }),
  log_softmax: (layer, x, shape) => layer.op('LogSoftmax', [x], { axis: attr.int(lastAxis(shape)) }),
};

/** Applies a layer's `activation`, if it has one. */
export function activated(layer: LayerWriter, { name, shape }: Value): Value {
  const called = layer.settings.text('activation', 'linear');
  const key = called.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`).replace(/^(hard_)?silu$/, '$1swish');
  const formula = FORMULAS[key];
  if (!formula) throw layer.unsupported(`the activation '${called}'`);
  return { name: formula(layer, name, shape), shape };
}

/** Keras: max_value at and above it, x from `threshold` on, negative_slope · (x − threshold) below. */
const relu: Writer = (layer, [x]) => {
  const { settings } = layer;
  const [slope, threshold] = [settings.number('negative_slope', 0), settings.number('threshold', 0)];
  if (threshold !== 0) throw layer.unsupported('a threshold');
  const max = settings.has('max_value') ? settings.number('max_value', 0) : undefined;
  if (slope !== 0) {
    const leaky = layer.op('LeakyRelu', [x!.name], { alpha: attr.float(slope) });
    return { ...x!, name: max === undefined ? leaky : layer.op('Min', [leaky, layer.scalar(max)]) };
  }
  return { ...x!, name: max === undefined ? layer.op('Relu', [x!.name]) : clip(layer, x!.name, 0, max) };
};

const leakyRelu: Writer = (layer, [x]) => {
  const alpha = layer.settings.number(layer.settings.has('negative_slope') ? 'negative_slope' : 'alpha', 0.3);
  return { ...x!, name: layer.op('LeakyRelu', [x!.name], { alpha: attr.float(alpha) }) };
};

const elu: Writer = (layer, [x]) => {
  return { ...x!, name: layer.op('Elu', [x!.name], { alpha: attr.float(layer.settings.number('alpha', 1)) }) };
};

const prelu: Writer = (layer, [x]) => {
  const { shape, data } = layer.weight('alpha');
  if (shape.length !== 3) return { ...x!, name: layer.op('PRelu', [x!.name, layer.floats('alpha', shape, data)]) };
  const [h, w, c] = shape as [number, number, number];
  const planes = new Float32Array(data.length);
  for (let i = 0; i < h * w; i++) for (let k = 0; k < c; k++) planes[k * h * w + i] = data[i * c + k]!;
  return { ...x!, name: layer.op('PRelu', [x!.name, layer.floats('alpha', [c, h, w], planes)]) };
};

const softmax: Writer = (layer, [x]) => {
  const rank = x!.shape.length + 1;
  const [axis = -1] = layer.settings.numbers('axis');
  if (axis !== -1 && axis !== rank - 1) throw layer.unsupported(`a softmax over axis ${axis}`);
  return { ...x!, name: layer.op('Softmax', [x!.name], { axis: attr.int(lastAxis(x!.shape)) }) };
};

export const activationLayers: Readonly<Record<string, Writer>> = {
  Activation: (layer, [x]) => activated(layer, x!),
  ReLU: relu,
  LeakyReLU: leakyRelu,
  PReLU: prelu,
  ELU: elu,
  Softmax: softmax,
};
