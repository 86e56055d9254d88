import { attr, type Node, read } from '../../graph/graph.ts';
import type { UpgradeRule, UpgradeRules, Upgrading } from './upgrading.ts';

/** ONNX Runtime's own operators that have standard equivalents; its optimiser puts them into saved models. */

const ACTIVATIONS: ReadonlySet<string> = new Set(['Relu', 'Sigmoid', 'Tanh', 'LeakyRelu', 'HardSigmoid', 'Clip']);

/** Conv or Gemm with an activation behind it. */
const fused =
  (op: string): UpgradeRule =>
  (node, u) => {
    const name = read.string(node, 'activation', '');
    const params = read.floats(node, 'activation_params') ?? [];
    const addend = op === 'Conv' ? node.inputs[3] : undefined;
    if (name !== '' && !ACTIVATIONS.has(name)) u.fail(node, `a fused ${name} is not supported.`);
    const attrs = Object.fromEntries(Object.entries(node.attrs).filter(([key]) => !key.startsWith('activation')));
    const inputs = node.inputs.slice(0, 3);
    let y = u.builder.op(op, inputs, attrs);
    if (addend) y = u.builder.op('Add', [y, addend]);
    const bounds = name === 'Clip' ? params.map(p => u.builder.scalar(p)) : [];
    const keys = name === 'LeakyRelu' ? ['alpha'] : name === 'HardSigmoid' ? ['alpha', 'beta'] : [];
    const own = Object.fromEntries(keys.map((key, i) => [key, attr.float(params[i] ?? 0)]));
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

export const contribRules: UpgradeRules = {
  FusedConv: fused('Conv'),
  FusedGemm: fused('Gemm'),
  Gelu: gelu('none'),
  BiasGelu: gelu('none'),
  FastGelu: gelu('tanh'),
  QuickGelu: quickGelu,
  LayerNormalization: (node, u) => u.replace(node, { domain: '' }),
};
