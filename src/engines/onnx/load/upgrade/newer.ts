import { DType, type Node, read } from '../../graph/graph.ts';
import { type UpgradeRule, type UpgradeRules, type Upgrading, without } from './upgrading.ts';

/** Operators newer than the internal opset, written with older ones, and attributes that came later. */

function swish(node: Node, u: Upgrading): void {
  const b = u.builder;
  const x = node.inputs[0]!;
  const alpha = read.float(node, 'alpha', 1);
  const scaled = alpha === 1 ? x : b.op('Mul', [x, b.scalar(alpha)]);
  u.finish(node, 'Mul', [x, b.op('Sigmoid', [scaled])]);
}

/** Attributes that the internal opset does not know, and the only values they may have. */
const LATER: Readonly<Record<string, Readonly<Record<string, readonly (number | string)[]>>>> = {
  Cast: { round_mode: ['up', 'nearest', 'down'] },
  CastLike: { round_mode: ['up', 'nearest', 'down'] },
  QuantizeLinear: { block_size: [0], output_dtype: [0, 2, 3], precision: [0, 1] },
  // Half precision becomes float32 throughout.
  DequantizeLinear: { block_size: [0], output_dtype: [0, 1, DType.float16, 16] },
};

/** Integers that quantise since opset 21. */
const WIDE_OR_NARROW: ReadonlySet<number> = new Set([DType.uint16, DType.int16, DType.uint4, DType.int4]);

const dropLater: UpgradeRule = (node, u) => {
  const later = LATER[node.op]!;
  if (node.inputs.some(name => WIDE_OR_NARROW.has(u.stored(name)?.dtype ?? 0))) {
    u.keep(node);
    return;
  }
  for (const [key, allowed] of Object.entries(later)) {
    const value = node.attrs[key]?.value;
    if (value !== undefined && !allowed.includes(value as number | string)) {
      // It has no equivalent in the internal opset.
      u.keep(node);
      return;
    }
  }
  u.replace(node, { attrs: without(node, ...Object.keys(later)) });
};

/** It has no equivalent: the model keeps its opset. */
const unknown: UpgradeRule = (node, u) => u.keep(node);

/** Without a zero point, `output_dtype` alone says what comes out; the internal opset knows zero points only. */
function quantizeLinear(node: Node, u: Upgrading): void {
  if (read.int(node, 'output_dtype', 0) !== DType.int8 || node.inputs[2]) {
    dropLater(node, u);
    return;
  }
  const [x, scale] = node.inputs as readonly [string, string];
  const zero = u.builder.constant({ dtype: DType.int8, dims: [1], data: Int8Array.of(0) });
  const point = u.builder.op('Expand', [zero, u.builder.op('Shape', [scale])]);
  const isScalar = u.stored(scale)?.dims.length === 0;
  const own = isScalar ? u.builder.constant({ dtype: DType.int8, dims: [], data: Int8Array.of(0) }) : point;
  dropLater({ ...node, inputs: [x, scale, own] }, u);
}

export const newerRules: UpgradeRules = {
  Swish: swish,
  Cast: dropLater,
  CastLike: dropLater,
  QuantizeLinear: quantizeLinear,
  DequantizeLinear: dropLater,
  Scatter: (node, u) => u.replace(node, { op: 'ScatterElements' }),
  BitCast: unknown,
  CausalConvWithState: unknown,
  CumProd: unknown,
  LinearAttention: unknown,
  SwiGLU: unknown,
  TensorScatter: unknown,
};
