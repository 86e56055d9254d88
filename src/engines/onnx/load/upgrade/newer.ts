import { attr, type Node, read } from '../../graph/graph.ts';
import { type UpgradeRule, type UpgradeRules, type Upgrading, without } from './upgrading.ts';

/** Operators newer than the internal opset, written with older ones, and attributes that came later. */

function swish(node: Node, u: Upgrading): void {
  const b = u.builder;
  const x = node.inputs[0]!;
  const alpha = read.float(node, 'alpha', 1);
  const scaled = alpha === 1 ? x : b.op('Mul', [x, b.scalar(alpha)]);
  u.finish(node, 'Mul', [x, b.op('Sigmoid', [scaled])]);
}

/** Scaled dot-product attention without cache, causality or soft cap: what exports of vision models hold. */
function attention(node: Node, u: Upgrading): void {
  const b = u.builder;
  const [q, k, v, mask, ...cache] = node.inputs as readonly [string, string, string, string?, ...string[]];
  const odd =
    read.int(node, 'is_causal', 0) !== 0 ||
    read.float(node, 'softcap', 0) !== 0 ||
    cache.some(name => name !== '') ||
    node.outputs.slice(1).some(name => u.used.has(name));
  if (odd) u.fail(node, 'attention with a cache, causal mask, soft cap or further outputs is not supported.');
  const heads = read.int(node, 'q_num_heads', 0);
  const kvHeads = read.int(node, 'kv_num_heads', heads);
  if (heads !== kvHeads) u.fail(node, `${heads} query heads over ${kvHeads} key heads are not supported.`);
  // [n, tokens, heads · d] → [n, heads, tokens, d]
  const split = (x: string) =>
    heads === 0
      ? x
      : b.op('Transpose', [b.op('Reshape', [x, b.ints([0, 0, heads, -1])])], { perm: attr.ints([0, 2, 1, 3]) });
  const qh = split(q);
  const kt = b.op('Transpose', [split(k)], { perm: attr.ints([0, 1, 3, 2]) });
  let scale = node.attrs.scale ? b.scalar(read.float(node, 'scale', 1)) : undefined;
  if (scale === undefined) {
    const d = b.op('Cast', [b.op('Shape', [qh], { start: attr.int(3), end: attr.int(4) })], { to: attr.int(1) });
    scale = b.op('Reciprocal', [b.op('Sqrt', [d])]);
  }
  let scores = b.op('Mul', [b.op('MatMul', [qh, kt]), scale]);
  if (mask) {
    if (u.stored(mask)?.dtype === 9) {
      const [zero, low] = [b.scalar(0), b.scalar(Number.NEGATIVE_INFINITY)];
      scores = b.op('Add', [scores, b.op('Where', [mask, zero, low])]);
    } else {
      scores = b.op('Add', [scores, mask]);
    }
  }
  const weights = b.op('Softmax', [scores], { axis: attr.int(-1) });
  if (heads === 0) {
    u.finish(node, 'MatMul', [weights, v]);
    return;
  }
  const y = b.op('Transpose', [b.op('MatMul', [weights, split(v)])], { perm: attr.ints([0, 2, 1, 3]) });
  u.finish(node, 'Reshape', [y, b.ints([0, 0, -1])]);
}

/** Attributes that the internal opset does not know, and the only values they may have. */
const LATER: Readonly<Record<string, Readonly<Record<string, readonly (number | string)[]>>>> = {
  Cast: { round_mode: ['up', 'nearest', 'down'] },
  QuantizeLinear: { block_size: [0], output_dtype: [0, 2, 3], precision: [0, 1] },
  DequantizeLinear: { block_size: [0], output_dtype: [0, 1] },
};

const dropLater: UpgradeRule = (node, u) => {
  const later = LATER[node.op]!;
  for (const [key, allowed] of Object.entries(later)) {
    const value = node.attrs[key]?.value;
    if (value !== undefined && !allowed.includes(value as number | string)) {
      u.fail(node, `attribute '${key}' = ${String(value)} is not supported.`);
    }
  }
  u.replace(node, { attrs: without(node, ...Object.keys(later)) });
};

const unknown: UpgradeRule = (node, u) =>
  u.fail(
    node,
    `the operator came after opset ${u.builder.opset} and has no equivalent there.`,
    'Export with opset 18.',
  );

export const newerRules: UpgradeRules = {
  Swish: swish,
  Attention: attention,
  Cast: dropLater,
  QuantizeLinear: dropLater,
  DequantizeLinear: dropLater,
  Scatter: (node, u) => u.replace(node, { op: 'ScatterElements' }),
  BitCast: unknown,
  CausalConvWithState: unknown,
  CumProd: unknown,
  LinearAttention: unknown,
  RotaryEmbedding: unknown,
  SwiGLU: unknown,
  TensorScatter: unknown,
};
