import { type Node, read, type TensorInfo } from '../graph/graph.ts';

/** How one operator moves over rows or columns: cell `o` of its output reads cells `o·stride − before` … `+ extent − 1`. */
export interface Reach {
  readonly extent: number;
  readonly stride: number;
  readonly before: number;
}

/** Cells from `from` to `to`, both included, along one axis. */
export interface Cells {
  readonly from: number;
  readonly to: number;
}

const POINT: Reach = { extent: 1, stride: 1, before: 0 };

/** Operators that treat each value by itself, or with values at the same place of other tensors. */
const POINTWISE: ReadonlySet<string> = new Set(
  (
    'Abs Add Celu Clip Div Elu Erf Exp Gelu HardSigmoid HardSwish Identity LeakyRelu Log Max Min Mish Mul Neg PRelu ' +
    'Pow Reciprocal Relu Selu Sigmoid Sign Softplus Softsign Sqrt Sub Sum Tanh ThresholdedRelu'
  ).split(' '),
);

/**
 * How far an operator on [n, channels, rows, columns] reaches along rows and columns; undefined where it is not known
 * to be local.
 * @param varying tensors that follow from the image; all others are the same for every image
 */
export function reachOf(
  node: Node,
  infos: ReadonlyMap<string, TensorInfo>,
  varying: ReadonlySet<string>,
): readonly [Reach, Reach] | undefined {
  if (node.domain !== '') return undefined;
  const dims = (name: string) => infos.get(name)?.dims ?? [];
  const out = dims(node.outputs[0]!);
  const planes = [...node.inputs.filter(name => varying.has(name)).map(dims), out];
  if (planes.some(d => d.length !== 4 || d.slice(1).some(v => v === null))) return undefined;
  const size = planes[0]!.slice(2);
  const sameSize = planes.every(d => d[2] === size[0] && d[3] === size[1]);
  switch (node.op) {
    case 'Conv':
      return varying.has(node.inputs[1]!)
        ? undefined
        : windows(node, dims(node.inputs[1]!).slice(2) as number[], size, out);
    case 'MaxPool':
    case 'AveragePool':
      if (node.outputs.filter(name => name !== '').length > 1) return undefined;
      return windows(node, read.ints(node, 'kernel_shape')!, size, out);
    case 'BatchNormalization':
      return node.inputs.slice(1).some(name => varying.has(name)) ? undefined : [POINT, POINT];
    case 'Concat':
      return read.int(node, 'axis', 0) === 1 && sameSize && node.inputs.every(name => varying.has(name))
        ? [POINT, POINT]
        : undefined;
    default: {
      const fixed = node.inputs.filter(name => name !== '' && !varying.has(name)).map(dims);
      // What is the same for every image must not differ from pixel to pixel, for a crop would read the wrong ones.
      const alike = fixed.every(d => d.slice(-2).every(v => v === 1) && d.length <= 4);
      return POINTWISE.has(node.op) && alike && sameSize ? [POINT, POINT] : undefined;
    }
  }
}

function windows(
  node: Node,
  kernel: readonly number[],
  size: readonly (number | null)[],
  out: readonly (number | null)[],
): readonly [Reach, Reach] | undefined {
  if (kernel.length !== 2) return undefined;
  const of = (key: string) => read.ints(node, key) ?? [1, 1];
  const auto = read.string(node, 'auto_pad', 'NOTSET');
  return [0, 1].map((axis): Reach => {
    const stride = of('strides')[axis]!;
    const extent = (kernel[axis]! - 1) * of('dilations')[axis]! + 1;
    const missing = Math.max(0, (out[axis + 2]! - 1) * stride + extent - size[axis]!);
    const same = auto === 'SAME_LOWER' ? Math.ceil(missing / 2) : Math.floor(missing / 2);
    const before = auto === 'VALID' ? 0 : auto === 'NOTSET' ? (read.ints(node, 'pads')?.[axis] ?? 0) : same;
    return { extent, stride, before };
  }) as [Reach, Reach];
}

/** The cells of the output that change where those of the input do; one at least. */
export function changedBy({ extent, stride, before }: Reach, { from, to }: Cells): Cells {
  const first = Math.ceil((from - extent + 1 + before) / stride);
  return { from: first, to: Math.max(first, Math.floor((to + before) / stride)) };
}

/** The cells of the input that those of the output are made from. */
export function neededBy({ extent, stride, before }: Reach, { from, to }: Cells): Cells {
  return { from: from * stride - before, to: to * stride - before + extent - 1 };
}

/** The least stretch of cells that holds both. */
export function hull(a: Cells | undefined, b: Cells): Cells {
  return a ? { from: Math.min(a.from, b.from), to: Math.max(a.to, b.to) } : b;
}

/** What of the cells lies on an axis of that length; one cell at least. */
export function within({ from, to }: Cells, length: number): Cells {
  const clip = (v: number) => Math.min(length - 1, Math.max(0, v));
  return { from: clip(from), to: clip(to) };
}
