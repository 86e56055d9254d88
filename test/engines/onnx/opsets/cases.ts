import {
  attr,
  type Constant,
  constant,
  DType,
  type Graph,
  type GraphBuilder,
} from '../../../../src/engines/onnx/graph/graph.ts';
import { weights } from '../fixtures.ts';

/** The operator on an image x, in the words of an opset; the tensors that it makes. */
export type Build = (b: GraphBuilder, x: string, opset: number) => string | readonly string[];

export interface OpsetCase {
  readonly build: Build;
  /** Dims of x. Default: [2, 4, 5, 6]. */
  readonly x?: readonly number[];
}

export const floats = (b: GraphBuilder, dims: readonly number[], scale = 0.5, label = 'w') =>
  b.constant(weights(label, dims, scale));
export const ints = (b: GraphBuilder, values: readonly number[]) => b.constant(constant.ints(values));
const whole = (b: GraphBuilder, value: number) => b.constant(constant.int64([], [value]));
const bytes = (dtype: number, values: readonly number[], dims: readonly number[] = [values.length]): Constant => ({
  dtype,
  dims,
  data: dtype === DType.int8 ? Int8Array.from(values) : Uint8Array.from(values),
});

/** The operator with nothing but x, and attributes. */
const plain =
  (op: string, attrs: Parameters<GraphBuilder['op']>[2] = {}): Build =>
  (b, x) =>
    b.op(op, [x], attrs);

/** The operator on positive values, or on values in −1…1. */
const positive =
  (op: string): Build =>
  (b, x) =>
    b.op(op, [b.op('Exp', [x])]);
const small =
  (op: string): Build =>
  (b, x) =>
    b.op(op, [b.op('Tanh', [x])]);
const above =
  (op: string): Build =>
  (b, x) =>
    b.op(op, [b.op('Add', [b.op('Exp', [x]), b.scalar(1)])]);

/** The operator on x and weights that are broadcast. */
const two =
  (op: string): Build =>
  (b, x) =>
    b.op(op, [x, floats(b, [5, 1])]);
const logic =
  (op: string): Build =>
  (b, x) =>
    b.op(op, [x, b.op('Neg', [x])]);

/** The operator on three tensors, broadcast where the opset has that. */
const several = (op: string): OpsetCase => ({
  build: (b, x, opset) => b.op(op, [x, opset < 8 ? b.op('Cos', [x]) : floats(b, [5, 1]), b.op('Neg', [x])]),
});

/** A list that was an attribute before opset `since`, and is an input from then on. */
function listed(
  op: string,
  key: string,
  values: readonly number[],
  since: number,
  attrs: Parameters<GraphBuilder['op']>[2] = {},
): (b: GraphBuilder, x: string, opset: number) => string {
  return (b, x, opset) =>
    opset < since ? b.op(op, [x], { ...attrs, [key]: attr.ints(values) }) : b.op(op, [x, ints(b, values)], attrs);
}

const reduce = (op: string, since = 18): OpsetCase => ({
  build: (b, x, opset): string[] => {
    const y = op.startsWith('ReduceLogSum') && op !== 'ReduceLogSumExp' ? b.op('Exp', [x]) : x;
    return [
      listed(op, 'axes', [1, opset < 11 ? 3 : -1], since, { keepdims: attr.int(0) })(b, y, opset),
      b.op(op, [y]),
      ...(opset >= since ? [b.op(op, [y], { noop_with_empty_axes: attr.int(1) })] : []),
    ];
  },
});

const pool = (op: string): OpsetCase => ({
  build: (b, x, opset) => {
    const found = [{ kernel_shape: attr.ints([3, 2]), strides: attr.ints([2, 2]), pads: attr.ints([1, 0, 1, 1]) }];
    const attrs = found[0]!;
    const same = { kernel_shape: attr.ints([3, 3]), strides: attr.ints([2, 2]), auto_pad: attr.string('SAME_UPPER') };
    const lower = { ...same, auto_pad: attr.string('SAME_LOWER') };
    const made = [attrs, same, lower].map(a => b.op(op, [x], a));
    if (op === 'AveragePool') made.push(b.op(op, [x], { ...attrs, count_include_pad: attr.int(1) }));
    const ceils = op === 'LpPool' ? 18 : 10;
    if (opset >= ceils) {
      const ceil = { ...attrs, ceil_mode: attr.int(1) };
      made.push(b.op(op, [x], ceil));
      if (op === 'AveragePool') made.push(b.op(op, [x], { ...ceil, count_include_pad: attr.int(1) }));
    }
    const dilates = { MaxPool: 10, AveragePool: 19, LpPool: 18 }[op]!;
    if (opset >= dilates) made.push(b.op(op, [x], { kernel_shape: attr.ints([2, 2]), dilations: attr.ints([2, 2]) }));
    if (op === 'MaxPool' && opset >= 8) {
      for (const order of [0, 1]) made.push(...b.ops(op, [x], 2, { ...attrs, storage_order: attr.int(order) }));
    }
    return made;
  },
});

const recurrent = (op: string, gates: number): OpsetCase => ({
  x: [2, 3, 6],
  build: (b, x, opset) => {
    const [w, r, bias] = [
      [2, gates * 4, 6],
      [2, gates * 4, 4],
      [2, gates * 8],
    ].map((dims, i) => floats(b, dims, 0.4, `${op}${i}`)) as [string, string, string];
    const attrs = { hidden_size: attr.int(4), direction: attr.string('bidirectional') };
    const made = [...b.ops(op, [x, w, r, bias], op === 'LSTM' ? 3 : 2, attrs)];
    if (opset >= 14) made.push(b.op(op, [x, w, r, bias], { ...attrs, layout: attr.int(0) }));
    return made;
  },
});

const scatter = (op: string): OpsetCase => ({
  x: [4, 5],
  build: (b, x, opset) => {
    const indices =
      op === 'ScatterND'
        ? b.constant(constant.int64([2, 1], [3, 1]))
        : b.constant(constant.int64([2, 2], [3, 1, 0, -1]));
    const updates = op === 'ScatterND' ? floats(b, [2, 5]) : floats(b, [2, 2]);
    const made = [b.op(op, [x, indices, updates], op === 'Scatter' && opset < 11 ? {} : {})];
    if (opset >= 16) made.push(b.op(op, [x, indices, updates], { reduction: attr.string('add') }));
    if (opset >= 18) made.push(b.op(op, [x, indices, updates], { reduction: attr.string('max') }));
    return made;
  },
});

/** A graph of one operator on an outer tensor. */
function inner(
  op: string,
  inputs: readonly string[],
  output: string,
  own: Graph['inputs'] = [],
  extra: Graph['nodes'] = [],
): Graph {
  return {
    opset: 0,
    nodes: [...extra, { op, domain: '', name: `${op} inside ${output}`, inputs, outputs: [output], attrs: {} }],
    constants: new Map(),
    inputs: own,
    outputs: [...extra.flatMap(n => n.outputs), output].map(name => ({ name, dtype: 0, dims: [] })),
  };
}

const region = (b: GraphBuilder) => [
  b.constant(constant.float([2, 4], [0, 0, 3, 4, 1, 0.5, 4, 3])),
  b.constant(constant.int64([2], [0, 1])),
];

const upsample: Build = (b, x, opset) => {
  const scales = [1, 1, 2, 1.5];
  const made: string[] = [];
  for (const mode of ['nearest', 'linear']) {
    const attrs = { mode: attr.string(mode) };
    if (opset < 9) made.push(b.op('Upsample', [x], { ...attrs, scales: attr.floats(scales) }));
    else made.push(b.op('Upsample', [x, b.constant(constant.float([4], scales))], attrs));
  }
  return made;
};

const resize: Build = (b, x, opset) => {
  const scales = b.constant(constant.float([4], [1, 1, 0.6, 2]));
  const none = opset < 13 ? b.constant(constant.float([0], [])) : '';
  const made: string[] = [];
  for (const mode of opset < 11 ? ['nearest', 'linear'] : ['nearest', 'linear', 'cubic']) {
    if (opset < 11) {
      made.push(b.op('Resize', [x, scales], { mode: attr.string(mode) }));
      continue;
    }
    made.push(b.op('Resize', [x, none, scales], { mode: attr.string(mode) }));
    const sizes = ints(b, [2, 4, 7, 4]);
    const places = ['half_pixel', 'pytorch_half_pixel', 'align_corners', 'asymmetric'];
    if (opset < 13 && mode === 'nearest') places.push('tf_half_pixel_for_nn');
    if (opset >= 19) places.push('half_pixel_symmetric');
    for (const place of places) {
      const attrs = { mode: attr.string(mode), coordinate_transformation_mode: attr.string(place) };
      made.push(b.op('Resize', [x, none, opset < 13 ? none : '', sizes], attrs));
    }
  }
  if (opset >= 18) {
    const attrs = { mode: attr.string('linear'), antialias: attr.int(1), axes: attr.ints([2, 3]) };
    made.push(b.op('Resize', [x, '', '', ints(b, [3, 3])], attrs));
    const aspect = { keep_aspect_ratio_policy: attr.string('not_larger'), axes: attr.ints([2, 3]) };
    made.push(b.op('Resize', [x, '', '', ints(b, [3, 3])], aspect));
  }
  return made;
};

const attention: Build = (b, x) => {
  // x: [2, 4, 5, 6] as [n, heads, tokens, d]; two heads of keys.
  const keys = b.op('Slice', [b.op('Tanh', [x]), ints(b, [0]), ints(b, [2]), ints(b, [1])]);
  const values = b.op('Slice', [x, ints(b, [1]), ints(b, [3]), ints(b, [1])]);
  const flat = (y: string, width: number) =>
    b.op('Reshape', [b.op('Transpose', [y], { perm: attr.ints([0, 2, 1, 3]) }), ints(b, [0, 0, width])]);
  const mask = b.constant({
    dtype: DType.bool,
    dims: [5, 5],
    data: Uint8Array.from({ length: 25 }, (_, i) => Number(i % 3 > 0 && i >= 5)),
  });
  const bias = floats(b, [4, 5, 5]);
  const heads = { q_num_heads: attr.int(4), kv_num_heads: attr.int(2) };
  const run = b.op('Greater', [b.op('ReduceMean', [x, ints(b, [1])], { keepdims: attr.int(1) }), b.scalar(-9)]);
  const seen = b.op('Slice', [run, ints(b, [0]), ints(b, [5]), ints(b, [3])]);
  const past = floats(b, [2, 2, 3, 6]);
  const made = [
    b.op('Attention', [x, b.op('Neg', [x]), x]),
    b.op('Attention', [x, keys, values], { is_causal: attr.int(1) }),
    b.op('Attention', [x, keys, values, bias], { softcap: attr.float(0.7), scale: attr.float(0.3) }),
    b.op('Attention', [x, keys, values, mask]),
    b.op('Attention', [x, keys, values, seen], { is_causal: attr.int(1) }),
    b.op('Attention', [flat(x, 24), flat(keys, 12), flat(values, 12), mask], heads),
    b.ops('Attention', [x, keys, values, '', past, past], 3)[0]!,
  ];
  return made;
};

const rotary: Build = (b, x) => {
  const cache = (label: string, width: number) => floats(b, [2, 5, width], 0.5, label);
  const table = (label: string) => floats(b, [9, 3], 0.5, label);
  const positions = b.constant(constant.int64([2, 5], [0, 1, 2, 3, 4, 4, 5, 6, 7, 8]));
  const flat = b.op('Reshape', [b.op('Transpose', [x], { perm: attr.ints([0, 2, 1, 3]) }), ints(b, [0, 0, 24])]);
  return [
    b.op('RotaryEmbedding', [x, cache('c', 3), cache('s', 3)]),
    b.op('RotaryEmbedding', [x, table('ct'), table('st'), positions], { interleaved: attr.int(1) }),
    b.op('RotaryEmbedding', [flat, cache('c', 3), cache('s', 3)], { num_heads: attr.int(4) }),
    b.op('RotaryEmbedding', [flat, cache('c2', 2), cache('s2', 2)], {
      num_heads: attr.int(4),
      rotary_embedding_dim: attr.int(4),
    }),
  ];
};

const quantize: Build = (b, x, opset) => {
  const scale = b.constant(constant.float([], [0.05]));
  const point = b.constant(bytes(DType.uint8, [128], []));
  const signed = b.constant(bytes(DType.int8, [3], []));
  const made = [
    b.op('QuantizeLinear', [x, scale, point]),
    b.op('QuantizeLinear', [x, scale, signed]),
    b.op('QuantizeLinear', [x, scale]),
  ];
  if (opset >= 13) {
    const each = b.constant(constant.float([4], [0.02, 0.05, 0.1, 0.03]));
    made.push(b.op('QuantizeLinear', [x, each, b.constant(bytes(DType.int8, [0, 1, 2, 3]))], { axis: attr.int(1) }));
  }
  if (opset >= 21) {
    made.push(b.op('QuantizeLinear', [x, scale], { output_dtype: attr.int(DType.int8) }));
    const each = b.constant(constant.float([4], [0.02, 0.05, 0.1, 0.03]));
    made.push(b.op('QuantizeLinear', [x, each], { axis: attr.int(1), output_dtype: attr.int(DType.int8) }));
  }
  return made;
};

const dequantize: Build = (b, x, opset) => {
  const scale = b.constant(constant.float([], [0.05]));
  const q = b.op('QuantizeLinear', [x, scale, b.constant(bytes(DType.uint8, [120], []))]);
  const made = [
    b.op('DequantizeLinear', [q, scale]),
    b.op('DequantizeLinear', [q, scale, b.constant(bytes(DType.uint8, [7], []))]),
  ];
  if (opset >= 13) {
    const each = b.constant(constant.float([4], [0.02, 0.05, 0.1, 0.03]));
    made.push(b.op('DequantizeLinear', [q, each, b.constant(bytes(DType.uint8, [0, 1, 2, 3]))], { axis: attr.int(1) }));
  }
  if (opset >= 23) made.push(b.op('DequantizeLinear', [q, scale], { output_dtype: attr.int(1) }));
  return made;
};

const indices = (b: GraphBuilder) => b.constant(constant.int64([3], [1, 0, 2]));
const integer = (b: GraphBuilder, x: string) =>
  b.op('Cast', [b.op('Mul', [x, b.scalar(20)])], { to: attr.int(DType.int64) });
const unsigned = (b: GraphBuilder, x: string) =>
  b.op('Cast', [b.op('Abs', [b.op('Mul', [x, b.scalar(20)])])], { to: attr.int(DType.uint8) });

/** A call of each operator that changed, in the words of each of its opsets. */
export const OPSET_CASES: Readonly<Record<string, OpsetCase>> = {
  Abs: { build: plain('Abs') },
  Acos: { build: small('Acos') },
  Acosh: { build: above('Acosh') },
  Add: { build: two('Add') },
  AffineGrid: {
    x: [2, 2, 3],
    build: (b, x) => [0, 1].map(a => b.op('AffineGrid', [x, ints(b, [2, 1, 4, 5])], { align_corners: attr.int(a) })),
  },
  ArgMax: { build: (b, x) => b.op('ArgMax', [b.op('Ceil', [x])], { axis: attr.int(2), keepdims: attr.int(0) }) },
  ArgMin: { build: (b, x) => b.op('ArgMin', [b.op('Ceil', [x])], { axis: attr.int(2) }) },
  Asin: { build: small('Asin') },
  Asinh: { build: plain('Asinh') },
  Atan: { build: plain('Atan') },
  Atanh: { build: small('Atanh') },
  Attention: { build: attention },
  AveragePool: pool('AveragePool'),
  BatchNormalization: {
    build: (b, x, opset) => {
      const four = (dims: number[]) => ['g', 'b', 'm'].map(n => floats(b, dims, 0.5, n));
      const variance = (dims: number[]) => b.op('Exp', [floats(b, dims, 0.5, 'v')]);
      const made = [b.op('BatchNormalization', [x, ...four([4]), variance([4])], { epsilon: attr.float(0.01) })];
      if (opset < 9)
        made.push(b.op('BatchNormalization', [x, ...four([4, 5, 6]), variance([4, 5, 6])], { spatial: attr.int(0) }));
      return made;
    },
  },
  BitShift: {
    build: (b, x) =>
      b.op('BitShift', [unsigned(b, x), b.constant(bytes(DType.uint8, [2]))], { direction: attr.string('LEFT') }),
  },
  BitwiseAnd: { build: (b, x) => b.op('BitwiseAnd', [integer(b, x), whole(b, 5)]) },
  BitwiseNot: { build: (b, x) => b.op('BitwiseNot', [integer(b, x)]) },
  BitwiseOr: { build: (b, x) => b.op('BitwiseOr', [integer(b, x), whole(b, 5)]) },
  BitwiseXor: { build: (b, x) => b.op('BitwiseXor', [integer(b, x), whole(b, 5)]) },
  BlackmanWindow: { build: (b, x) => b.op('Mul', [x, b.op('BlackmanWindow', [whole(b, 6)])]) },
  Cast: {
    build: (b, x) =>
      [DType.int64, DType.bool, DType.uint8].map(to => b.op('Cast', [b.op('Abs', [x])], { to: attr.int(to) })),
  },
  CastLike: { build: (b, x) => b.op('CastLike', [x, ints(b, [1])]) },
  Ceil: { build: plain('Ceil') },
  Celu: { build: plain('Celu', { alpha: attr.float(0.7) }) },
  CenterCropPad: { build: (b, x) => b.op('CenterCropPad', [x, ints(b, [3, 8])], { axes: attr.ints([2, 3]) }) },
  Clip: {
    build: (b, x, opset) => {
      if (opset < 11) {
        return [
          b.op('Clip', [x], { min: attr.float(-0.2), max: attr.float(0.4) }),
          b.op('Clip', [x], { max: attr.float(0.1) }),
          b.op('Clip', [x]),
        ];
      }
      return [
        b.op('Clip', [x, b.scalar(-0.2), b.scalar(0.4)]),
        b.op('Clip', [x, '', b.scalar(0.1)]),
        b.op('Clip', [x]),
      ];
    },
  },
  Col2Im: {
    x: [2, 8, 12],
    build: (b, x) => b.op('Col2Im', [x, ints(b, [4, 5]), ints(b, [2, 2])]),
  },
  Compress: {
    build: (b, x) =>
      b.op('Compress', [x, b.constant({ dtype: DType.bool, dims: [4], data: Uint8Array.of(1, 0, 0, 1) })], {
        axis: attr.int(1),
      }),
  },
  Concat: { build: (b, x, opset) => b.op('Concat', [x, b.op('Neg', [x])], { axis: attr.int(opset < 11 ? 1 : -3) }) },
  ConcatFromSequence: {
    build: (b, x) =>
      b.op('ConcatFromSequence', [b.op('SequenceConstruct', [x, b.op('Neg', [x])])], { axis: attr.int(1) }),
  },
  Constant: { build: (b, x) => b.op('Add', [x, floats(b, [6])]) },
  ConstantOfShape: {
    build: (b, x) => b.op('ConstantOfShape', [b.op('Shape', [x])], { value: attr.tensor(constant.float([1], [1.5])) }),
  },
  Conv: {
    build: (b, x) => [
      b.op('Conv', [x, floats(b, [3, 4, 3, 2]), floats(b, [3])], {
        pads: attr.ints([1, 0, 1, 1]),
        strides: attr.ints([2, 1]),
      }),
      b.op('Conv', [x, floats(b, [4, 2, 3, 3])], {
        group: attr.int(2),
        auto_pad: attr.string('SAME_LOWER'),
        strides: attr.ints([2, 2]),
      }),
    ],
  },
  ConvInteger: {
    build: (b, x) =>
      b.op('ConvInteger', [
        unsigned(b, x),
        b.constant(
          bytes(
            DType.uint8,
            Array.from({ length: 32 }, (_, i) => i),
            [2, 4, 2, 2],
          ),
        ),
      ]),
  },
  ConvTranspose: {
    build: (b, x) => {
      const w = floats(b, [4, 2, 3, 3]);
      const strides = attr.ints([2, 2]);
      return [
        b.op('ConvTranspose', [x, w], { strides, pads: attr.ints([1, 0, 1, 1]), output_padding: attr.ints([1, 0]) }),
        b.op('ConvTranspose', [x, w], { strides, auto_pad: attr.string('SAME_UPPER') }),
        b.op('ConvTranspose', [x, w], { strides, auto_pad: attr.string('SAME_LOWER') }),
        b.op('ConvTranspose', [x, w], { strides, output_shape: attr.ints([10, 12]) }),
      ];
    },
  },
  Cos: { build: plain('Cos') },
  Cosh: { build: plain('Cosh') },
  CumSum: { build: (b, x) => b.op('CumSum', [x, whole(b, -1)], { exclusive: attr.int(1), reverse: attr.int(1) }) },
  DFT: {
    x: [2, 5, 6, 1],
    build: (b, x, opset) => {
      const along = (axis: number | undefined, attrs: Parameters<GraphBuilder['op']>[2] = {}, length = '') => {
        if (opset < 20)
          return b.op('DFT', [x, length].slice(0, length ? 2 : 1), {
            ...attrs,
            ...(axis === undefined ? {} : { axis: attr.int(axis) }),
          });
        return b.op(
          'DFT',
          axis === undefined ? [x, length].slice(0, length ? 2 : 1) : [x, length, whole(b, axis)],
          attrs,
        );
      };
      return [along(undefined), along(2), along(1, { onesided: attr.int(1) }), along(2, {}, whole(b, 8))];
    },
  },
  DeformConv: {
    build: (b, x) =>
      b.op('DeformConv', [x, floats(b, [3, 4, 2, 2]), floats(b, [2, 8, 4, 5], 0.4, 'offsets'), floats(b, [3])]),
  },
  DepthToSpace: {
    build: (b, x, opset) => [
      b.op('DepthToSpace', [x], { blocksize: attr.int(2) }),
      ...(opset >= 11 ? [b.op('DepthToSpace', [x], { blocksize: attr.int(2), mode: attr.string('CRD') })] : []),
    ],
  },
  DequantizeLinear: { build: dequantize },
  Det: { x: [2, 3, 4, 4], build: plain('Det') },
  Div: { build: two('Div') },
  Dropout: {
    build: (b, x, opset) => [
      b.op('Dropout', [x]),
      b.op('Dropout', [x], opset < 12 ? { ratio: attr.float(0.3) } : {}),
      ...(opset >= 12
        ? [b.op('Dropout', [x, b.scalar(0.3), b.constant({ dtype: DType.bool, dims: [], data: Uint8Array.of(0) })])]
        : []),
    ],
  },
  DynamicQuantizeLinear: { build: (b, x) => b.ops('DynamicQuantizeLinear', [x], 3) },
  Einsum: { build: (b, x) => b.op('Einsum', [x, floats(b, [6, 3])], { equation: attr.string('nchw,wk->nkch') }) },
  Elu: { build: plain('Elu', { alpha: attr.float(0.7) }) },
  Equal: { build: (b, x) => b.op('Equal', [integer(b, x), whole(b, 0)]) },
  Erf: { build: plain('Erf') },
  Exp: { build: plain('Exp') },
  Expand: { build: (b, x) => b.op('Expand', [x, ints(b, [3, 1, 4, 1, 1])]) },
  EyeLike: { x: [5, 6], build: (b, x) => b.op('EyeLike', [x], { k: attr.int(1), dtype: attr.int(DType.float) }) },
  Flatten: { build: (b, x, opset) => b.op('Flatten', [x], { axis: attr.int(opset < 11 ? 2 : -2) }) },
  Floor: { build: plain('Floor') },
  GRU: recurrent('GRU', 3),
  Gather: {
    build: (b, x, opset) => b.op('Gather', [x, opset < 11 ? indices(b) : ints(b, [-1, 0])], { axis: attr.int(1) }),
  },
  GatherElements: {
    x: [4, 5],
    build: (b, x) =>
      b.op('GatherElements', [x, b.constant(constant.int64([2, 2], [1, -1, 0, 3]))], { axis: attr.int(0) }),
  },
  GatherND: { build: (b, x) => b.op('GatherND', [x, b.constant(constant.int64([2, 2], [1, 3, 0, 0]))]) },
  Gelu: {
    build: (b, x) => ['none', 'tanh'].map(approximate => b.op('Gelu', [x], { approximate: attr.string(approximate) })),
  },
  Gemm: {
    x: [4, 5],
    build: (b, x, opset) => [
      b.op('Gemm', [x, floats(b, [3, 5]), floats(b, [3])], {
        transB: attr.int(1),
        alpha: attr.float(0.5),
        beta: attr.float(2),
      }),
      ...(opset >= 11 ? [b.op('Gemm', [x, floats(b, [4, 3])], { transA: attr.int(1) })] : []),
    ],
  },
  GlobalAveragePool: { build: plain('GlobalAveragePool') },
  GlobalLpPool: { build: plain('GlobalLpPool') },
  GlobalMaxPool: { build: plain('GlobalMaxPool') },
  Greater: { build: logic('Greater') },
  GreaterOrEqual: { build: logic('GreaterOrEqual') },
  GridSample: {
    build: (b, x, opset) => {
      const grid = floats(b, [2, 3, 4, 2], 0.8, 'grid');
      const modes = opset < 20 ? ['bilinear', 'nearest', 'bicubic'] : ['linear', 'nearest', 'cubic'];
      const made = [b.op('GridSample', [x, grid])];
      for (const mode of modes) {
        for (const padding of ['zeros', 'border', 'reflection']) {
          for (const align of [0, 1]) {
            made.push(
              b.op('GridSample', [x, grid], {
                mode: attr.string(mode),
                padding_mode: attr.string(padding),
                align_corners: attr.int(align),
              }),
            );
          }
        }
      }
      return made;
    },
  },
  GroupNormalization: {
    build: (b, x, opset) => {
      const size = opset < 21 ? 2 : 4;
      return b.op('GroupNormalization', [x, floats(b, [size]), floats(b, [size], 0.5, 'bias')], {
        num_groups: attr.int(2),
      });
    },
  },
  HammingWindow: { build: (b, x) => b.op('Mul', [x, b.op('HammingWindow', [whole(b, 6)], { periodic: attr.int(0) })]) },
  HannWindow: { build: (b, x) => b.op('Mul', [x, b.op('HannWindow', [whole(b, 6)])]) },
  HardSigmoid: {
    build: (b, x) => [
      b.op('HardSigmoid', [x]),
      b.op('HardSigmoid', [x], { alpha: attr.float(0.4), beta: attr.float(0.3) }),
    ],
  },
  HardSwish: { build: plain('HardSwish') },
  Hardmax: { build: (b, x) => [b.op('Hardmax', [x]), b.op('Hardmax', [x], { axis: attr.int(2) })] },
  Identity: { build: plain('Identity') },
  If: {
    build: (b, x) => {
      b.push({
        op: 'If',
        domain: '',
        name: 'if',
        inputs: [
          b.op('Greater', [
            b.op('Reshape', [b.op('ReduceMean', [x], { keepdims: attr.int(0) }), ints(b, [1])]),
            b.constant(constant.float([1], [-9])),
          ]),
        ],
        outputs: ['chosen'],
        attrs: {
          then_branch: { type: 'graph', value: inner('Relu', [x], 'relu') },
          else_branch: { type: 'graph', value: inner('Neg', [x], 'neg') },
        },
      });
      return 'chosen';
    },
  },
  InstanceNormalization: {
    build: (b, x) => b.op('InstanceNormalization', [x, floats(b, [4]), floats(b, [4], 0.5, 'bias')]),
  },
  IsInf: { build: (b, x) => b.op('IsInf', [b.op('Div', [x, b.op('Relu', [x])])], { detect_negative: attr.int(0) }) },
  IsNaN: { build: (b, x) => b.op('IsNaN', [b.op('Sqrt', [x])]) },
  LRN: {
    build: plain('LRN', { size: attr.int(3), alpha: attr.float(0.2), beta: attr.float(0.5), bias: attr.float(1.5) }),
  },
  LSTM: recurrent('LSTM', 4),
  LayerNormalization: { build: (b, x) => b.op('LayerNormalization', [x, floats(b, [6]), floats(b, [6], 0.5, 'bias')]) },
  LeakyRelu: { build: (b, x) => [b.op('LeakyRelu', [x]), b.op('LeakyRelu', [x], { alpha: attr.float(0.3) })] },
  Less: { build: logic('Less') },
  LessOrEqual: { build: logic('LessOrEqual') },
  Log: { build: positive('Log') },
  LogSoftmax: { build: (b, x) => [b.op('LogSoftmax', [x]), b.op('LogSoftmax', [x], { axis: attr.int(2) })] },
  Loop: {
    build: (b, x) => {
      const body: Graph = {
        opset: 0,
        nodes: [
          { op: 'Identity', domain: '', name: 'go on', inputs: ['going'], outputs: ['on'], attrs: {} },
          { op: 'Mul', domain: '', name: 'grow', inputs: ['state', 'factor'], outputs: ['grown'], attrs: {} },
        ],
        constants: new Map([['factor', constant.scalar(1.5)]]),
        inputs: [
          { name: 'turn', dtype: DType.int64, dims: [] },
          { name: 'going', dtype: DType.bool, dims: [] },
          { name: 'state', dtype: DType.float, dims: [null, null, null, null] },
        ],
        outputs: ['on', 'grown'].map(name => ({ name, dtype: 0, dims: [] })),
      };
      b.push({
        op: 'Loop',
        domain: '',
        name: 'loop',
        inputs: [whole(b, 3), b.constant({ dtype: DType.bool, dims: [], data: Uint8Array.of(1) }), x],
        outputs: ['looped'],
        attrs: { body: { type: 'graph', value: body } },
      });
      return 'looped';
    },
  },
  LpNormalization: {
    build: (b, x) => [1, 2].map(p => b.op('LpNormalization', [x], { axis: attr.int(1), p: attr.int(p) })),
  },
  LpPool: pool('LpPool'),
  MatMul: { build: (b, x) => b.op('MatMul', [x, floats(b, [6, 3])]) },
  MatMulInteger: {
    build: (b, x) =>
      b.op('MatMulInteger', [
        unsigned(b, x),
        b.constant(
          bytes(
            DType.uint8,
            Array.from({ length: 12 }, (_, i) => 7 * i),
            [6, 2],
          ),
        ),
        b.constant(bytes(DType.uint8, [3], [])),
      ]),
  },
  Max: several('Max'),
  MaxPool: pool('MaxPool'),
  MaxRoiPool: {
    build: (b, x) =>
      b.op('MaxRoiPool', [x, b.constant(constant.float([2, 5], [0, 0, 0, 3, 4, 1, 1, 0, 4, 3]))], {
        pooled_shape: attr.ints([2, 2]),
        spatial_scale: attr.float(1),
      }),
  },
  MaxUnpool: {
    x: [2, 4, 4, 6],
    build: (b, x) => {
      const kernel = { kernel_shape: attr.ints([2, 2]), strides: attr.ints([2, 2]) };
      return b.op('MaxUnpool', [...b.ops('MaxPool', [x], 2, kernel)], kernel);
    },
  },
  Mean: several('Mean'),
  MeanVarianceNormalization: {
    build: (b, x) => [
      b.op('MeanVarianceNormalization', [x]),
      b.op('MeanVarianceNormalization', [x], { axes: attr.ints([1, 2, 3]) }),
    ],
  },
  MelWeightMatrix: {
    build: (b, x) => {
      const mel = b.op('MelWeightMatrix', [whole(b, 3), whole(b, 10), whole(b, 8000), b.scalar(0), b.scalar(4000)]);
      return b.op('MatMul', [x, mel]);
    },
  },
  Min: several('Min'),
  Mish: { build: plain('Mish') },
  Mod: {
    build: (b, x) => [
      b.op('Mod', [x, b.scalar(0.3)], { fmod: attr.int(1) }),
      b.op('Mod', [integer(b, x), whole(b, 3)]),
    ],
  },
  Mul: { build: two('Mul') },
  Neg: { build: plain('Neg') },
  NonMaxSuppression: {
    x: [1, 6, 4],
    build: (b, x) => {
      const scores = b.op('Transpose', [b.op('ReduceSum', [x, ...[]], { keepdims: attr.int(1) })], {
        perm: attr.ints([0, 2, 1]),
      });
      const each = b.op('Add', [floats(b, [1, 1, 6]), b.op('Mul', [scores, b.scalar(0)])]);
      return b.op('NonMaxSuppression', [
        x,
        each,
        b.constant(constant.int64([1], [4])),
        b.constant(constant.float([1], [0.5])),
      ]);
    },
  },
  NonZero: { x: [4, 5], build: (b, x) => b.op('NonZero', [b.op('Relu', [x])]) },
  OneHot: {
    x: [4, 5],
    build: (b, x) =>
      b.op('OneHot', [integer(b, x), whole(b, 4), b.constant(constant.float([2], [-1, 2]))], { axis: attr.int(1) }),
  },
  PRelu: { build: (b, x) => b.op('PRelu', [x, floats(b, [4, 1, 1])]) },
  Pad: {
    build: (b, x, opset) => {
      const pads = [0, 0, 1, 2, 0, 0, 2, -1];
      const made: string[] = [];
      for (const mode of ['constant', 'reflect', 'edge']) {
        const attrs = { mode: attr.string(mode) };
        const list = mode === 'constant' ? pads : pads.map(p => Math.max(0, p));
        if (opset < 11) made.push(b.op('Pad', [x], { ...attrs, pads: attr.ints(list), value: attr.float(0.4) }));
        else made.push(b.op('Pad', [x, ints(b, list), b.scalar(0.4)], attrs));
      }
      if (opset >= 18) made.push(b.op('Pad', [x, ints(b, [1, 2]), '', ints(b, [-1])]));
      if (opset >= 19) made.push(b.op('Pad', [x, ints(b, [0, 0, 1, 2, 0, 0, 2, 1])], { mode: attr.string('wrap') }));
      return made;
    },
  },
  Pow: { build: (b, x) => [b.op('Pow', [b.op('Abs', [x]), floats(b, [5, 1])]), b.op('Pow', [x, b.scalar(3)])] },
  QLinearConv: {
    build: (b, x) => {
      const [scale, zero] = [b.scalar(0.1), b.constant(bytes(DType.uint8, [10], []))];
      const w = b.constant(
        bytes(
          DType.uint8,
          Array.from({ length: 32 }, (_, i) => i),
          [2, 4, 2, 2],
        ),
      );
      return b.op('QLinearConv', [unsigned(b, x), scale, zero, w, scale, zero, b.scalar(3), zero]);
    },
  },
  QLinearMatMul: {
    build: (b, x) => {
      const [scale, zero] = [b.scalar(0.1), b.constant(bytes(DType.uint8, [10], []))];
      const w = b.constant(
        bytes(
          DType.uint8,
          Array.from({ length: 12 }, (_, i) => 9 * i),
          [6, 2],
        ),
      );
      return b.op('QLinearMatMul', [unsigned(b, x), scale, zero, w, scale, zero, b.scalar(3), zero]);
    },
  },
  QuantizeLinear: { build: quantize },
  RMSNormalization: {
    build: (b, x) => [
      b.op('RMSNormalization', [x, floats(b, [6])]),
      b.op('RMSNormalization', [x, floats(b, [5, 6])], { axis: attr.int(2), epsilon: attr.float(0.01) }),
    ],
  },
  RNN: recurrent('RNN', 1),
  Range: { build: (b, x) => b.op('Mul', [x, b.op('Range', [b.scalar(1), b.scalar(7), b.scalar(1)])]) },
  Reciprocal: { build: plain('Reciprocal') },
  ReduceL1: reduce('ReduceL1'),
  ReduceL2: reduce('ReduceL2'),
  ReduceLogSum: reduce('ReduceLogSum'),
  ReduceLogSumExp: reduce('ReduceLogSumExp'),
  ReduceMax: reduce('ReduceMax'),
  ReduceMean: reduce('ReduceMean'),
  ReduceMin: reduce('ReduceMin'),
  ReduceProd: reduce('ReduceProd'),
  ReduceSum: reduce('ReduceSum', 13),
  ReduceSumSquare: reduce('ReduceSumSquare'),
  Relu: { build: plain('Relu') },
  Reshape: {
    build: (b, x, opset) => [
      b.op('Reshape', [x, ints(b, [0, -1, 6])]),
      ...(opset >= 14 ? [b.op('Reshape', [x, ints(b, [2, 20, 6])], { allowzero: attr.int(1) })] : []),
    ],
  },
  Resize: { build: resize },
  ReverseSequence: {
    x: [5, 3, 2],
    build: (b, x) => b.op('ReverseSequence', [x, b.constant(constant.int64([3], [1, 4, 5]))]),
  },
  RoiAlign: {
    build: (b, x, opset) => {
      const attrs = {
        output_height: attr.int(2),
        output_width: attr.int(3),
        sampling_ratio: attr.int(2),
        spatial_scale: attr.float(0.9),
      };
      const made = ['avg', 'max'].map(mode =>
        b.op('RoiAlign', [x, ...region(b)], { ...attrs, mode: attr.string(mode) }),
      );
      for (const place of opset >= 16 ? ['half_pixel', 'output_half_pixel'] : []) {
        made.push(
          b.op('RoiAlign', [x, ...region(b)], { ...attrs, coordinate_transformation_mode: attr.string(place) }),
        );
      }
      return made;
    },
  },
  RotaryEmbedding: { build: rotary },
  Round: {
    build: (b, x) => b.op('Round', [b.op('Mul', [b.op('Ceil', [b.op('Mul', [x, b.scalar(4)])]), b.scalar(0.5)])]),
  },
  STFT: {
    x: [2, 32, 1],
    build: (b, x) => b.op('STFT', [x, whole(b, 4), '', whole(b, 8)], { onesided: attr.int(1) }),
  },
  Scan: {
    x: [4, 5],
    build: (b, x) => {
      const body = inner(
        'Identity',
        ['sum'],
        'out',
        [
          { name: 'state', dtype: DType.float, dims: [5] },
          { name: 'row', dtype: DType.float, dims: [5] },
        ],
        [{ op: 'Add', domain: '', name: 'sum up', inputs: ['state', 'row'], outputs: ['sum'], attrs: {} }],
      );
      const start = b.constant(constant.float([5], [0, 0, 0, 0, 0]));
      b.push({
        op: 'Scan',
        domain: '',
        name: 'scan',
        inputs: [start, x],
        outputs: ['last', 'all'],
        attrs: { body: { type: 'graph', value: body }, num_scan_inputs: attr.int(1) },
      });
      return ['last', 'all'];
    },
  },
  Scatter: scatter('Scatter'),
  ScatterElements: scatter('ScatterElements'),
  ScatterND: scatter('ScatterND'),
  Selu: { build: plain('Selu') },
  SequenceAt: { build: (b, x) => b.op('SequenceAt', [b.op('SequenceConstruct', [x, b.op('Neg', [x])]), whole(b, 1)]) },
  SequenceConstruct: { build: (b, x) => b.op('SequenceAt', [b.op('SequenceConstruct', [x]), whole(b, 0)]) },
  SequenceEmpty: {
    build: (b, x) => b.op('SequenceAt', [b.op('SequenceInsert', [b.op('SequenceEmpty', []), x]), whole(b, 0)]),
  },
  SequenceErase: {
    build: (b, x) =>
      b.op('SequenceAt', [
        b.op('SequenceErase', [b.op('SequenceConstruct', [x, b.op('Neg', [x])]), whole(b, 0)]),
        whole(b, 0),
      ]),
  },
  SequenceInsert: {
    build: (b, x) =>
      b.op('SequenceAt', [b.op('SequenceInsert', [b.op('SequenceConstruct', [x]), b.op('Neg', [x])]), whole(b, 1)]),
  },
  SequenceLength: { build: (b, x) => b.op('SequenceLength', [b.op('SequenceConstruct', [x, x])]) },
  Shape: {
    build: (b, x, opset) => [
      b.op('Shape', [x]),
      ...(opset >= 15 ? [b.op('Shape', [x], { start: attr.int(1), end: attr.int(-1) })] : []),
    ],
  },
  Shrink: {
    build: (b, x) => [b.op('Shrink', [x]), b.op('Shrink', [x], { lambd: attr.float(0.2), bias: attr.float(0.1) })],
  },
  Sigmoid: { build: plain('Sigmoid') },
  Sign: { build: plain('Sign') },
  Sin: { build: plain('Sin') },
  Sinh: { build: plain('Sinh') },
  Size: { build: plain('Size') },
  Slice: {
    build: (b, x, opset) => {
      if (opset < 10) {
        return [
          b.op('Slice', [x], { starts: attr.ints([1, -3]), ends: attr.ints([2 ** 40, -1]), axes: attr.ints([2, 3]) }),
          b.op('Slice', [x], { starts: attr.ints([0, 1]), ends: attr.ints([1, 3]) }),
        ];
      }
      return [
        b.op('Slice', [x, ints(b, [1, -3]), ints(b, [2 ** 40, -1]), ints(b, [2, 3])]),
        b.op('Slice', [x, ints(b, [0, 1]), ints(b, [1, 3])]),
        b.op('Slice', [x, ints(b, [-1]), ints(b, [-99]), ints(b, [3]), ints(b, [-2])]),
      ];
    },
  },
  Softmax: { build: (b, x) => [b.op('Softmax', [x]), b.op('Softmax', [x], { axis: attr.int(2) })] },
  Softplus: { build: plain('Softplus') },
  Softsign: { build: plain('Softsign') },
  SpaceToDepth: { x: [2, 3, 4, 6], build: plain('SpaceToDepth', { blocksize: attr.int(2) }) },
  Split: {
    build: (b, x, opset) => [
      ...b.ops('Split', [x], 2, { axis: attr.int(3), ...(opset >= 18 ? { num_outputs: attr.int(2) } : {}) }),
      ...(opset < 13
        ? b.ops('Split', [x], 2, { axis: attr.int(1), split: attr.ints([1, 3]) })
        : b.ops('Split', [x, ints(b, [1, 3])], 2, { axis: attr.int(1) })),
      ...(opset >= 18 ? b.ops('Split', [x], 2, { axis: attr.int(2), num_outputs: attr.int(2) }) : []),
    ],
  },
  SplitToSequence: {
    build: (b, x) =>
      b.op('SequenceAt', [b.op('SplitToSequence', [x, ints(b, [1, 3])], { axis: attr.int(1) }), whole(b, 1)]),
  },
  Sqrt: { build: positive('Sqrt') },
  Squeeze: {
    x: [2, 1, 5, 1],
    build: (b, x, opset) => [listed('Squeeze', 'axes', [1], 13)(b, x, opset), b.op('Squeeze', [x])],
  },
  Sub: { build: two('Sub') },
  Sum: several('Sum'),
  Swish: { build: (b, x) => [b.op('Swish', [x]), b.op('Swish', [x], { alpha: attr.float(1.5) })] },
  Tan: { build: plain('Tan') },
  Tanh: { build: plain('Tanh') },
  ThresholdedRelu: {
    build: (b, x) => [b.op('ThresholdedRelu', [x]), b.op('ThresholdedRelu', [x], { alpha: attr.float(0.3) })],
  },
  Tile: { build: (b, x) => b.op('Tile', [x, ints(b, [1, 2, 1, 3])]) },
  TopK: {
    build: (b, x, opset) => {
      if (opset < 10) return b.ops('TopK', [x], 2, { k: attr.int(3), axis: attr.int(3) });
      const made = [...b.ops('TopK', [x, ints(b, [3])], 2, { axis: attr.int(3) })];
      if (opset >= 11) made.push(...b.ops('TopK', [x, ints(b, [2])], 2, { axis: attr.int(1), largest: attr.int(0) }));
      return made;
    },
  },
  Transpose: { build: (b, x) => [b.op('Transpose', [x]), b.op('Transpose', [x], { perm: attr.ints([0, 2, 3, 1]) })] },
  Trilu: { build: (b, x) => [b.op('Trilu', [x]), b.op('Trilu', [x, whole(b, -1)], { upper: attr.int(0) })] },
  Unique: { x: [20], build: (b, x) => b.ops('Unique', [b.op('Ceil', [x])], 4) },
  Unsqueeze: { build: listed('Unsqueeze', 'axes', [0, 3], 13) },
  Upsample: { build: upsample },
  Where: { build: (b, x) => b.op('Where', [b.op('Greater', [x, b.scalar(0)]), x, floats(b, [5, 1])]) },
};

/** Definitions that ONNX Runtime 1.30 has no implementation of, or that only say that an operator is no more. */
export const NOT_RUN: Readonly<Record<string, readonly number[]>> = {
  GlobalLpPool: [22],
  MaxRoiPool: [22],
  RoiAlign: [22],
  Scatter: [11],
  Upsample: [10],
};

/** Operators without a case, and why. */
export const WITHOUT_CASE: Readonly<Record<string, string>> = {
  Bernoulli: 'draws at random',
  Multinomial: 'draws at random',
  RandomNormal: 'draws at random',
  RandomNormalLike: 'draws at random',
  RandomUniform: 'draws at random',
  RandomUniformLike: 'draws at random',
  BitCast: 'ONNX Runtime 1.30 does not run it',
  CumProd: 'ONNX Runtime 1.30 does not run it',
  ImageDecoder: 'ONNX Runtime 1.30 does not run it',
  NegativeLogLikelihoodLoss: 'for training',
  SoftmaxCrossEntropyLoss: 'for training',
  Optional: 'no tensor goes in or comes out',
  OptionalGetElement: 'no tensor goes in or comes out',
  OptionalHasElement: 'no tensor goes in or comes out',
  RegexFullMatch: 'strings',
  StringConcat: 'strings',
  StringNormalizer: 'strings',
  StringSplit: 'strings',
  TfIdfVectorizer: 'strings',
  SequenceMap: 'a function that ONNX Runtime unfolds before it runs',
  TensorScatter: 'a cache of a language model; it came after the internal opset and stays as it is',
};
