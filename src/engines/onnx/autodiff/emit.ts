import { CtXaiError } from '../../../core/errors.ts';
import { type Attr, attr, type Constant, DType, type DTypeCode, type GraphBuilder } from '../graph/graph.ts';

export type Dims = readonly (number | null)[];

/** Beyond any dimension: "to the end" in Slice. */
const FAR = 2 ** 31 - 1;

/** A tensor's name, or a number that becomes a scalar constant. */
export type Operand = string | number;

/**
 * Writes ordinary ONNX operators. Each method adds nodes and returns the name of the tensor it makes; numbers among
 * the operands become scalars of the emitter's dtype.
 */
export class Emitter {
  readonly builder: GraphBuilder;
  readonly dtype: DTypeCode;

  constructor(builder: GraphBuilder, dtype: DTypeCode) {
    this.builder = builder;
    this.dtype = dtype;
  }

  op(op: string, inputs: readonly Operand[], attrs: Readonly<Record<string, Attr>> = {}): string {
    return this.builder.op(
      op,
      inputs.map(x => this.name(x)),
      attrs,
    );
  }

  name(x: Operand): string {
    return typeof x === 'number' ? this.constant([], [x]) : x;
  }

  /** A constant of the emitter's dtype. */
  constant(dims: readonly number[], values: ArrayLike<number>): string {
    return this.builder.constant(floats(this.dtype, dims, values));
  }

  ints(values: readonly number[]): string {
    return this.builder.ints(values);
  }

  /* -------------------------------------------------------------- arithmetic */

  add(a: Operand, b: Operand): string {
    return this.op('Add', [a, b]);
  }
  sub(a: Operand, b: Operand): string {
    return this.op('Sub', [a, b]);
  }
  mul(a: Operand, b: Operand): string {
    if (b === 1 && typeof a === 'string') return a;
    if (a === 1 && typeof b === 'string') return b;
    return this.op('Mul', [a, b]);
  }
  div(a: Operand, b: Operand): string {
    return this.op('Div', [a, b]);
  }
  pow(a: Operand, b: Operand): string {
    return this.op('Pow', [a, b]);
  }
  neg(a: Operand): string {
    return this.op('Neg', [a]);
  }
  exp(a: Operand): string {
    return this.op('Exp', [a]);
  }
  log(a: Operand): string {
    return this.op('Log', [a]);
  }
  sqrt(a: Operand): string {
    return this.op('Sqrt', [a]);
  }
  abs(a: Operand): string {
    return this.op('Abs', [a]);
  }
  sign(a: Operand): string {
    return this.op('Sign', [a]);
  }
  square(a: string): string {
    return this.mul(a, a);
  }
  greater(a: Operand, b: Operand): string {
    return this.op('Greater', [a, b]);
  }
  less(a: Operand, b: Operand): string {
    return this.op('Less', [a, b]);
  }
  equal(a: Operand, b: Operand): string {
    return this.op('Equal', [a, b]);
  }
  and(a: string, b: string): string {
    return this.op('And', [a, b]);
  }
  where(condition: string, a: Operand, b: Operand): string {
    return this.op('Where', [condition, a, b]);
  }
  /** 0 and 1 of the emitter's dtype from a bool (or any) tensor. */
  cast(a: string, to: DTypeCode = this.dtype): string {
    return this.op('Cast', [a], { to: attr.int(to) });
  }

  /** The sum of one or more tensors of equal shape. */
  total(terms: readonly string[]): string {
    if (terms.length === 0) throw new RangeError('nothing to add up');
    return terms.reduce((a, b) => this.add(a, b));
  }

  /* -------------------------------------------------------------- reductions */

  sum(x: string, axes: readonly number[], keepdims = true): string {
    return axes.length === 0 ? x : this.op('ReduceSum', [x, this.ints(axes)], { keepdims: attr.int(keepdims ? 1 : 0) });
  }

  mean(x: string, axes: readonly number[], keepdims = true): string {
    const attrs = { keepdims: attr.int(keepdims ? 1 : 0) };
    return axes.length === 0 ? x : this.op('ReduceMean', [x, this.ints(axes)], attrs);
  }

  /** Undoes broadcasting: sums `g` of dims `from` down to dims `to`. */
  reduceTo(g: string, from: Dims, to: Dims): string {
    const lead = from.length - to.length;
    const kept: number[] = [];
    to.forEach((d, i) => {
      if (d === 1 && from[lead + i] !== 1) kept.push(lead + i);
    });
    const dropped = Array.from({ length: lead }, (_, i) => i);
    const summed = this.sum(g, kept, true);
    return this.sum(summed, dropped, false);
  }

  /* -------------------------------------------------------------- shape */

  shapeOf(x: string): string {
    return this.op('Shape', [x]);
  }

  /** Zeros (or another value) in the shape of `x`. */
  filledLike(x: string, value = 0): string {
    return this.filled(this.shapeOf(x), value);
  }

  /** A tensor of one value whose shape is the int64 tensor `shape`. */
  filled(shape: string, value: number): string {
    return this.op('ConstantOfShape', [shape], { value: attr.tensor(floats(this.dtype, [1], [value])) });
  }

  /** `x`, of dims `from`, in other dims. At most one of them may be null; it takes what is left. */
  reshape(x: string, dims: Dims, from: Dims = []): string {
    const dynamic = dims.filter(d => d === null).length;
    if (dynamic > 1) {
      throw new CtXaiError('OPERATOR', `a tensor with several dynamic dims [${dims}] can't be reshaped here.`);
    }
    // 0 copies the batch, which lets ONNX Runtime see that it stays the same; -1 would not.
    const batch = dynamic === 1 && dims[0] === null && from[0] === null;
    const copied = batch && volume(dims.slice(1)) === volume(from.slice(1));
    return this.op('Reshape', [x, this.ints(dims.map(d => d ?? (copied ? 0 : -1)))]);
  }

  transpose(x: string, perm: readonly number[]): string {
    return perm.every((p, i) => p === i) ? x : this.op('Transpose', [x], { perm: attr.ints(perm) });
  }

  unsqueeze(x: string, axes: readonly number[]): string {
    return axes.length === 0 ? x : this.op('Unsqueeze', [x, this.ints(axes)]);
  }

  squeeze(x: string, axes: readonly number[]): string {
    return axes.length === 0 ? x : this.op('Squeeze', [x, this.ints(axes)]);
  }

  slice(x: string, axes: readonly number[], starts: readonly number[], ends: readonly number[], steps?: number[]) {
    const inputs = [x, this.ints(starts), this.ints(ends), this.ints(axes)];
    return this.op('Slice', steps ? [...inputs, this.ints(steps)] : inputs);
  }

  concat(parts: readonly string[], axis: number): string {
    return this.op('Concat', parts, { axis: attr.int(axis) });
  }

  /** Reverses an axis. */
  flip(x: string, axis: number): string {
    return this.slice(x, [axis], [-1], [-FAR], [-1]);
  }

  /** Pads with zeros; negative widths crop. */
  pad(x: string, begins: readonly number[], ends: readonly number[]): string {
    let out = x;
    const cropped = begins.flatMap((b, i) => (b < 0 || ends[i]! < 0 ? [i] : []));
    if (cropped.length > 0) {
      const starts = cropped.map(i => Math.max(0, -begins[i]!));
      const stops = cropped.map(i => (ends[i]! < 0 ? ends[i]! : FAR));
      out = this.slice(out, cropped, starts, stops);
    }
    const widths = [...begins, ...ends].map(w => Math.max(0, w));
    return widths.every(w => w === 0) ? out : this.op('Pad', [out, this.ints(widths)]);
  }

  /** Broadcasts `x` to dims; a null dim keeps what `x` has. */
  expand(x: string, dims: Dims): string {
    return this.op('Expand', [x, this.ints(dims.map(d => d ?? 1))]);
  }

  matmul(a: string, b: string): string {
    return this.op('MatMul', [a, b]);
  }

  /** Σ_o matrix[i, o] · x[…, o, …] along `axis`: any linear map that works on one axis. `matrix`: rows × cols. */
  along(x: string, rank: number, axis: number, matrix: Matrix): string {
    const { rows, cols, data } = matrix;
    if (axis === rank - 2) return this.matmul(this.constant([rows, cols], data), x);
    const transposed = new Float64Array(data.length);
    for (let r = 0; r < rows; r++) for (let c = 0; c < cols; c++) transposed[c * rows + r] = data[r * cols + c]!;
    const right = this.constant([cols, rows], transposed);
    if (axis === rank - 1) return this.matmul(x, right);
    const perm = Array.from({ length: rank }, (_, i) => (i === axis ? rank - 1 : i === rank - 1 ? axis : i));
    return this.transpose(this.matmul(this.transpose(x, perm), right), perm);
  }
}

/** Number of elements; NaN with dynamic dims, which nothing equals. */
function volume(dims: Dims): number {
  return dims.reduce<number>((a, d) => a * (d ?? Number.NaN), 1);
}

/** A dense row-major matrix. */
export interface Matrix {
  readonly rows: number;
  readonly cols: number;
  readonly data: Float64Array;
}

/** A constant of a floating dtype. @throws CtXaiError OPERATOR for other types. */
export function floats(dtype: DTypeCode, dims: readonly number[], values: ArrayLike<number>): Constant {
  if (dtype === DType.float) return { dtype, dims, data: Float32Array.from(values) };
  if (dtype === DType.double) return { dtype, dims, data: Float64Array.from(values) };
  if (dtype === DType.float16) return { dtype, dims, data: Uint16Array.from(values, half) };
  throw new CtXaiError('OPERATOR', `tensors of element type ${dtype} can't be differentiated.`, {
    hint: 'Export the model in float32.',
  });
}

/** The bits of the float16 nearest to `value`. */
function half(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(Math.fround(value));
  if (Number.isNaN(magnitude)) return sign | 0x7e00;
  if (magnitude >= 65520) return sign | 0x7c00;
  // Subnormals count in units of 2^-24, normal numbers in units of their exponent's last place.
  const exponent = Math.max(-14, Math.floor(Math.log2(magnitude || 1e-30)));
  const units = roundHalfEven(magnitude / 2 ** (exponent - 10));
  return sign | (units < 1024 ? units : ((exponent + 15) << 10) + (units - 1024));
}

function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
