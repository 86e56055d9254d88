import { attr, type Node, read } from '../../graph/graph.ts';
import type { UpgradeRule, UpgradeRules, Upgrading } from './upgrading.ts';

/** ONNX Runtime's own operators that have standard equivalents; its optimiser puts them into saved models. */

/** Activations that are fused into others, and their numbers: the attributes' names, in the order in which Conv lists them. */
const ACTIVATIONS: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ...['Relu', 'Sigmoid', 'Tanh', 'Softplus', 'Softsign', 'Clip'].map(op => [op, []] as const),
  ...['LeakyRelu', 'Elu', 'ThresholdedRelu'].map(op => [op, ['alpha']] as const),
  ['HardSigmoid', ['alpha', 'beta']],
  ['Selu', ['alpha', 'gamma']],
]);

/** Conv or Gemm with an activation behind it, whose numbers Conv has as a list, and Gemm by name. */
const fused =
  (op: string): UpgradeRule =>
  (node, u) => {
    const name = read.string(node, 'activation', '');
    const keys = ACTIVATIONS.get(name) ?? [];
    const params = read.floats(node, 'activation_params') ?? [];
    const addend = op === 'Conv' ? node.inputs[3] : undefined;
    if (name !== '' && !ACTIVATIONS.has(name)) u.fail(node, `a fused ${name} is not supported.`);
    const attrs = Object.fromEntries(Object.entries(node.attrs).filter(([key]) => !key.startsWith('activation')));
    const inputs = node.inputs.slice(0, 3);
    let y = u.builder.op(op, inputs, attrs);
    if (addend) y = u.builder.op('Add', [y, addend]);
    const bounds = name === 'Clip' ? params.map(p => u.builder.scalar(p)) : [];
    const own = Object.fromEntries(
      keys.map((key, i) => [key, attr.float(params[i] ?? read.float(node, `activation_${key}`, 0))]),
    );
    u.finish(node, name === '' ? 'Identity' : name, [y, ...bounds], own);
  };

const gelu =
  (approximate: 'none' | 'tanh'): UpgradeRule =>
  (node, u) => {
    const [x, bias] = node.inputs as readonly [string, string?];
    const input = bias ? u.builder.op('Add', [x, bias]) : x;
    u.finish(node, 'Gelu', [input], { approximate: attr.string(approximate) });
  };

function quickGelu(node: Node, u: Upgrading): void {
  const x = node.inputs[0]!;
  const scaled = u.builder.op('Mul', [x, u.builder.scalar(read.float(node, 'alpha', 1.702))]);
  u.finish(node, 'Mul', [x, u.builder.op('Sigmoid', [scaled])]);
}

/** A product of matrices, one of them or both turned over, times a number. */
function fusedMatMul(node: Node, u: Upgrading): void {
  const flag = (key: string) => read.int(node, key, 0) !== 0;
  // Which axes it turns over depends on the ranks of its inputs then.
  if (flag('transBatchA') || flag('transBatchB')) {
    u.builder.push(node);
    return;
  }
  const [a, b] = node.inputs as readonly [string, string];
  const alpha = read.float(node, 'alpha', 1);
  const left = flag('transA') ? u.builder.op('Einsum', [a], TURNED) : a;
  const right = flag('transB') ? u.builder.op('Einsum', [b], TURNED) : b;
  if (alpha === 1) u.finish(node, 'MatMul', [left, right]);
  else u.finish(node, 'Mul', [u.builder.op('MatMul', [left, right]), u.builder.scalar(alpha)]);
}

/** The last two axes of a tensor of any rank, turned over. */
const TURNED = { equation: attr.string('...ij->...ji') };

/** Two tensors (and a bias) added up, and normalised; the sum may be read too. */
function skipLayerNormalization(node: Node, u: Upgrading): void {
  const [x, skip, scale, shift = '', bias = ''] = node.inputs as readonly string[];
  const added = u.builder.op('Add', [x!, skip!]);
  const sum = bias === '' ? added : u.builder.op('Add', [added, bias]);
  const [, mean = '', deviation = '', kept = ''] = node.outputs;
  if ([mean, deviation].some(name => name !== '' && u.used.has(name))) {
    u.fail(node, 'its mean or deviation is read, which is not supported.');
  }
  if (kept !== '')
    u.builder.push({
      ...node,
      op: 'Identity',
      domain: '',
      name: u.builder.fresh('Identity'),
      inputs: [sum],
      outputs: [kept],
      attrs: {},
    });
  const attrs = { axis: attr.int(-1), epsilon: attr.float(read.float(node, 'epsilon', 1e-12)) };
  u.finish(node, 'LayerNormalization', shift === '' ? [sum, scale!] : [sum, scale!, shift], attrs);
}

export const contribRules: UpgradeRules = {
  FusedConv: fused('Conv'),
  FusedGemm: fused('Gemm'),
  Gelu: gelu('none'),
  BiasGelu: gelu('none'),
  FastGelu: gelu('tanh'),
  QuickGelu: quickGelu,
  FusedMatMul: fusedMatMul,
  SkipLayerNormalization: skipLayerNormalization,
  LayerNormalization: (node, u) => u.replace(node, { domain: '' }),
};
