import {
  type Attr,
  attr,
  type Constant,
  constant,
  DType,
  type GraphBuilder,
  type TensorInfo,
} from '../../graph/graph.ts';
import type { Dims } from '../emit.ts';

/** Writes operators on float32 tensors, and notes the shapes of what they make. */
export class DescribedBuilder {
  readonly #builder: GraphBuilder;
  readonly #infos: Map<string, TensorInfo>;
  readonly #values: Map<string, Constant>;

  constructor(builder: GraphBuilder, infos: Map<string, TensorInfo>, values: Map<string, Constant>) {
    this.#builder = builder;
    this.#infos = infos;
    this.#values = values;
  }

  dims(name: string): Dims {
    return this.#infos.get(name)!.dims;
  }

  constant(value: Constant): string {
    const name = this.#builder.constant(value);
    this.#infos.set(name, value);
    this.#values.set(name, value);
    return name;
  }

  ints(values: readonly number[]): string {
    return this.constant(constant.ints(values));
  }

  op(op: string, inputs: readonly string[], dims: Dims, attrs: Readonly<Record<string, Attr>> = {}): string {
    return this.#described(this.#builder.op(op, inputs, attrs), dims);
  }

  /** An operator of one element at a time, on tensors of one shape or of ones that are broadcast to the first's. */
  pointwise(op: string, ...inputs: readonly string[]): string {
    return this.op(op, inputs, this.dims(inputs[0]!));
  }

  /** Equal pieces along the last axis. */
  split(x: string, count: number): string[] {
    const dims = this.dims(x);
    const piece = [...dims.slice(0, -1), dims.at(-1)! / count];
    const names = this.#builder.ops('Split', [x], count, {
      axis: attr.int(dims.length - 1),
      num_outputs: attr.int(count),
    });
    return names.map(name => this.#described(name, piece));
  }

  /** x · matrix, for a constant matrix [rows, columns]. */
  times(x: string, matrix: Constant): string {
    const dims = [...this.dims(x).slice(0, -1), matrix.dims[1]!];
    return this.op('MatMul', [x, this.constant(matrix)], dims);
  }

  /** Entry `i` of the first axis. */
  at(x: string, i: number): string {
    const index = this.constant(constant.int64([], [i]));
    return this.op('Gather', [x, index], this.dims(x).slice(1), { axis: attr.int(0) });
  }

  /** Tensors of one shape behind each other on a new axis before all others. */
  stacked(parts: readonly string[]): string {
    const dims = this.dims(parts[0]!);
    const raised = parts.map(part => this.op('Unsqueeze', [part, this.ints([0])], [1, ...dims]));
    return raised.length === 1 ? raised[0]! : this.op('Concat', raised, [parts.length, ...dims], { axis: attr.int(0) });
  }

  transposed(x: string, perm: readonly number[]): string {
    const dims = this.dims(x);
    const turned = perm.map(axis => dims[axis]!);
    return this.op('Transpose', [x], turned, { perm: attr.ints(perm) });
  }

  #described(name: string, dims: Dims): string {
    this.#infos.set(name, { dtype: DType.float, dims });
    return name;
  }
}
