import { attr, constant, type Node, read } from '../../graph/graph.ts';
import type { UpgradeRules, Upgrading } from './upgrading.ts';

/** Attention and what belongs to it, which came with opset 23, written with older operators. */

/** Added to the scores of what a query may not see. */
const UNSEEN = Number.NEGATIVE_INFINITY;

/** Dimension `i` of a tensor, as a list of one integer. */
function size(u: Upgrading, x: string, i: number): string {
  return u.builder.op('Shape', [x], { start: attr.int(i), end: attr.int(i + 1) });
}

/** [n, tokens, heads · d] → [n, heads, tokens, d] */
function byHeads(u: Upgrading, x: string, heads: number): string {
  const split = u.builder.op('Reshape', [x, u.builder.ints([0, 0, heads, -1])]);
  return u.builder.op('Transpose', [split], { perm: attr.ints([0, 2, 1, 3]) });
}

/** Keys or values [n, heads, tokens, d], each head repeated for the queries' heads that share it. */
function repeated(u: Upgrading, x: string, queries: string): string {
  const b = u.builder;
  const [batch, tokens, width] = [0, 2, 3].map(i => size(u, x, i)) as [string, string, string];
  const heads = size(u, queries, 1);
  const share = b.op('Div', [heads, size(u, x, 1)]);
  const join = (...parts: string[]) => b.op('Concat', parts, { axis: attr.int(0) });
  const spread = b.op('Expand', [
    b.op('Unsqueeze', [x, b.ints([2])]),
    join(batch, size(u, x, 1), share, tokens, width),
  ]);
  return b.op('Reshape', [spread, join(batch, heads, tokens, width)]);
}

/** [queries, keys]: 0 where a query may see a key that does not come later, else −∞; `past` keys come before all. */
function causal(u: Upgrading, q: string, k: string, past: string | undefined): string {
  const b = u.builder;
  const number = (v: number) => b.constant(constant.int64([], [v]));
  const upTo = (x: string) => b.op('Range', [number(0), b.op('Squeeze', [size(u, x, 2), b.ints([0])]), number(1)]);
  let positions = upTo(q);
  if (past) positions = b.op('Add', [positions, size(u, past, 2)]);
  const rows = b.op('Unsqueeze', [positions, b.ints([1])]);
  const keys = b.op('Unsqueeze', [upTo(k), b.ints([0])]);
  return b.op('Where', [b.op('LessOrEqual', [keys, rows]), b.scalar(0), b.scalar(UNSEEN)]);
}

/** softmax over keys; a query that sees none gets 0 everywhere. */
function shares(u: Upgrading, scores: string, bias: string | undefined): string {
  const b = u.builder;
  const last = { axis: attr.int(-1) };
  if (!bias) return b.op('Softmax', [scores], last);
  const most = b.op('ReduceMax', [bias, b.ints([-1])], { keepdims: attr.int(1) });
  const blind = b.op('Equal', [most, b.scalar(UNSEEN)]);
  const zero = b.scalar(0);
  const weights = b.op('Softmax', [b.op('Where', [blind, zero, b.op('Add', [scores, bias])])], last);
  return b.op('Where', [blind, zero, weights]);
}

/**
 * softmax(cap(scale · QKᵀ) + masks) · V, with heads of keys and values that several heads of queries share, causal
 * masks, masks of booleans or numbers, and keys and values of earlier tokens. With further outputs, lengths of padding,
 * windows, or a mask of unknown kind the node stays as it is.
 */
function attention(node: Node, u: Upgrading): void {
  const b = u.builder;
  const [q, k, v, mask, pastK, pastV, lengths] = node.inputs as readonly [string, string, string, ...string[]];
  const masked = mask ? u.isBool(mask) : false;
  const windows = Math.max(read.int(node, 'left_window_size', -1), read.int(node, 'right_window_size', -1)) >= 0;
  if (lengths || windows || masked === undefined || node.outputs.slice(1).some(name => u.used.has(name))) {
    u.keep(node);
    return;
  }
  const heads = read.int(node, 'q_num_heads', 0);
  const kvHeads = read.int(node, 'kv_num_heads', heads);
  const flat = heads !== 0;
  const queries = flat ? byHeads(u, q, heads) : q;
  const joined = (x: string, past: string | undefined) => {
    const own = flat ? byHeads(u, x, kvHeads) : x;
    const all = past ? b.op('Concat', [past, own], { axis: attr.int(2) }) : own;
    return flat && heads === kvHeads ? all : repeated(u, all, queries);
  };
  const keys = joined(k, pastK);
  let scale = node.attrs.scale ? b.scalar(read.float(node, 'scale', 1)) : undefined;
  if (scale === undefined) {
    const d = b.op('Cast', [size(u, queries, 3)], { to: attr.int(1) });
    scale = b.op('Reciprocal', [b.op('Sqrt', [d])]);
  }
  const turned = b.op('Transpose', [keys], { perm: attr.ints([0, 1, 3, 2]) });
  let scores = b.op('Mul', [b.op('MatMul', [queries, turned]), scale]);
  const cap = read.float(node, 'softcap', 0);
  if (cap !== 0) scores = b.op('Mul', [b.op('Tanh', [b.op('Div', [scores, b.scalar(cap)])]), b.scalar(cap)]);
  const biases = read.int(node, 'is_causal', 0) === 0 ? [] : [causal(u, queries, keys, pastK || undefined)];
  if (mask) biases.push(masked ? b.op('Where', [mask, b.scalar(0), b.scalar(UNSEEN)]) : mask);
  const weights = shares(u, scores, biases.length > 1 ? b.op('Add', biases) : biases[0]);
  const values = joined(v, pastV);
  if (!flat) {
    u.finish(node, 'MatMul', [weights, values]);
    return;
  }
  const y = b.op('Transpose', [b.op('MatMul', [weights, values])], { perm: attr.ints([0, 2, 1, 3]) });
  u.finish(node, 'Reshape', [y, b.ints([0, 0, -1])]);
}

/** Pairs of features turned by an angle that depends on the token: (c·x₁ − s·x₂, s·x₁ + c·x₂). */
function rotaryEmbedding(node: Node, u: Upgrading): void {
  const b = u.builder;
  const [x, cosines, sines, positions] = node.inputs as readonly [string, string, string, string?];
  const heads = read.int(node, 'num_heads', 0);
  const width = read.int(node, 'rotary_embedding_dim', 0);
  // [n, heads, tokens, d], or [n, tokens, heads, d] from [n, tokens, heads · d].
  const tokens = heads === 0 ? x : b.op('Reshape', [x, b.ints([0, 0, heads, -1])]);
  const angles = (cache: string) => {
    const own = positions ? b.op('Gather', [cache, positions], { axis: attr.int(0) }) : cache;
    return b.op('Unsqueeze', [own, b.ints([heads === 0 ? 1 : 2])]);
  };
  const [cos, sin] = [angles(cosines), angles(sines)];
  const part = (from: number, to: number) => b.op('Slice', [tokens, b.ints([from]), b.ints([to]), b.ints([3])]);
  const turned = width === 0 ? tokens : part(0, width);
  const interleaved = read.int(node, 'interleaved', 0) !== 0;
  const pairs = interleaved ? b.op('Reshape', [turned, b.ints([0, 0, 0, -1, 2])]) : turned;
  const halves = b.ops('Split', [pairs], 2, { axis: attr.int(-1), num_outputs: attr.int(2) });
  const last = b.ints([-1]);
  const [x1, x2] = halves.map(h => (interleaved ? b.op('Squeeze', [h, last]) : h)) as [string, string];
  const product = (f: string, y: string) => b.op('Mul', [f, y]);
  const real = b.op('Sub', [product(cos, x1), product(sin, x2)]);
  const imaginary = b.op('Add', [product(sin, x1), product(cos, x2)]);
  const both = [real, imaginary].map(y => (interleaved ? b.op('Unsqueeze', [y, last]) : y));
  let y = b.op('Concat', both, { axis: attr.int(-1) });
  if (interleaved) y = b.op('Reshape', [y, b.ints([0, 0, 0, -1])]);
  if (width !== 0) y = b.op('Concat', [y, part(width, 2 ** 31 - 1)], { axis: attr.int(-1) });
  if (heads === 0) u.finish(node, 'Identity', [y]);
  else u.finish(node, 'Reshape', [y, b.ints([0, 0, -1])]);
}

export const attentionRules: UpgradeRules = {
  Attention: attention,
  RotaryEmbedding: rotaryEmbedding,
};
