import { CtXaiError } from '../../../core/errors.ts';
import { sizeOf } from '../../../core/tensor.ts';

/** ONNX element types that graphs here use, by their TensorProto numbers. */
export const DType = {
  ...{ float: 1, uint8: 2, int8: 3, uint16: 4, int16: 5, int32: 6, int64: 7, bool: 9, float16: 10, double: 11 },
  ...{ uint32: 12, uint64: 13, uint4: 21, int4: 22 },
} as const;
export type DTypeCode = number;

const TYPE_NAMES: Readonly<Record<number, string>> = {
  ...{ 1: 'float32', 2: 'uint8', 3: 'int8', 4: 'uint16', 5: 'int16', 6: 'int32', 7: 'int64', 8: 'string', 9: 'bool' },
  ...{ 10: 'float16', 11: 'float64', 12: 'uint32', 13: 'uint64', 14: 'complex64', 15: 'complex128', 16: 'bfloat16' },
  ...{ 17: 'float8', 18: 'float8', 19: 'float8', 20: 'float8', 21: 'uint4', 22: 'int4', 23: 'float4', 24: 'float8' },
  ...{ 25: 'uint2', 26: 'int2' },
};

/** What messages call an element type. */
export function typeName(dtype: DTypeCode): string {
  return TYPE_NAMES[dtype] ?? `number ${dtype}`;
}

/** The type code of an output that the file says is no tensor, such as a map or sequence; 0 where it says nothing. */
export const NO_TENSOR = -1;

/**
 * A constant: raw values as a typed array matching `dtype` (bool as Uint8Array, float16 as Uint16Array; of 4-bit
 * integers two to a byte, the first in the low bits).
 */
export interface Constant {
  readonly dtype: DTypeCode;
  readonly dims: readonly number[];
  readonly data:
    | (Float32Array | Float64Array | Int32Array | Uint32Array | BigInt64Array | BigUint64Array)
    | (Uint8Array | Int8Array | Uint16Array | Int16Array);
  /** Where the same values lie in a file of the model. */
  readonly stored?: Stored;
}

/** A place in a file where values lie as they are in memory. */
export interface Stored {
  readonly file: StoredFile;
  /** In bytes. */
  readonly offset: number;
  /** The values that lie there. A constant whose `data` is another array is not stored there. */
  readonly values: Constant['data'];
}

/** A file that weights were read from, and how it was then. */
export interface StoredFile {
  /** Without symbolic links. */
  readonly path: string;
  readonly version: string;
}

/** One operator call. An absent optional input is ''. */
export interface Node {
  readonly op: string;
  readonly domain: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attrs: Readonly<Record<string, Attr>>;
}

/** An attribute with its ONNX type, so that 1 (int) and 1.0 (float) stay apart. */
export type Attr =
  | { readonly type: 'int'; readonly value: number }
  | { readonly type: 'float'; readonly value: number }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'ints'; readonly value: readonly number[] }
  | { readonly type: 'floats'; readonly value: readonly number[] }
  | { readonly type: 'strings'; readonly value: readonly string[] }
  | { readonly type: 'tensor'; readonly value: Constant }
  | { readonly type: 'graph'; readonly value: Graph };

export interface ValueInfo {
  readonly name: string;
  readonly dtype: DTypeCode;
  /** null: a dynamic dimension. */
  readonly dims: readonly (number | null)[];
  /** Where the file says no shape, so that empty `dims` do not mean a single number. */
  readonly unshaped?: true;
}

/** A graph in one opset of the default domain, nodes in topological order. */
export interface Graph {
  readonly opset: number;
  readonly nodes: readonly Node[];
  readonly constants: ReadonlyMap<string, Constant>;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  /** The program that wrote the file, where the file says so. */
  readonly producer?: string;
  /** Shapes told to ONNX Runtime where its own inference would lose them. A null first dim is the batch. */
  readonly shapes?: ReadonlyMap<string, TensorInfo>;
}

export const attr = {
  int: (value: number): Attr => ({ type: 'int', value }),
  float: (value: number): Attr => ({ type: 'float', value }),
  string: (value: string): Attr => ({ type: 'string', value }),
  ints: (value: readonly number[]): Attr => ({ type: 'ints', value }),
  floats: (value: readonly number[]): Attr => ({ type: 'floats', value }),
  tensor: (value: Constant): Attr => ({ type: 'tensor', value }),
};

const INT64_MAX = 2n ** 63n - 1n;

/** Numbers can't hold 2⁶³ − 1, ONNX's "to the end"; what they round it to would wrap around. */
function int64(value: number): bigint {
  return value >= 2 ** 63 ? INT64_MAX : BigInt(value);
}

export const constant = {
  float: (dims: readonly number[], data: ArrayLike<number>): Constant => ({
    dtype: DType.float,
    dims,
    data: Float32Array.from(data),
  }),
  int64: (dims: readonly number[], data: readonly number[]): Constant => ({
    dtype: DType.int64,
    dims,
    data: BigInt64Array.from(data, int64),
  }),
  /** A float32 scalar. */
  scalar: (value: number): Constant => ({ dtype: DType.float, dims: [], data: Float32Array.of(value) }),
  /** A 1-D int64 list: axes, pads, shapes. */
  ints: (values: readonly number[]): Constant => constant.int64([values.length], values),
};

function nibblesOf({ dims, data, dtype }: Constant): number[] {
  const count = dims.reduce((a, b) => a * b, 1);
  return Array.from({ length: count }, (_, i) => {
    const bits = (Number(data[i >> 1]) >> (4 * (i & 1))) & 15;
    return dtype === DType.int4 && bits > 7 ? bits - 16 : bits;
  });
}

/** Reads an integer-like constant as numbers. */
export function numbersOf(c: Constant): number[] {
  if (c.dtype === DType.uint4 || c.dtype === DType.int4) return nibblesOf(c);
  return Array.from(c.data as ArrayLike<number | bigint>, Number);
}

function checked(node: Node, key: string, type: Attr['type']): Attr['value'] | undefined {
  const a = node.attrs[key];
  if (a !== undefined && a.type !== type) {
    throw new CtXaiError('MODEL', `node '${node.name}' (${node.op}): attribute '${key}' is ${a.type}, not ${type}.`);
  }
  return a?.value;
}

/** Attribute readers with ONNX's defaults. @throws CtXaiError MODEL where the attribute has another type. */
export const read = {
  int: (node: Node, key: string, otherwise: number) => (checked(node, key, 'int') as number | undefined) ?? otherwise,
  float: (node: Node, key: string, otherwise: number) =>
    (checked(node, key, 'float') as number | undefined) ?? otherwise,
  string: (node: Node, key: string, otherwise: string) =>
    (checked(node, key, 'string') as string | undefined) ?? otherwise,
  ints: (node: Node, key: string) => checked(node, key, 'ints') as readonly number[] | undefined,
  floats: (node: Node, key: string) => checked(node, key, 'floats') as readonly number[] | undefined,
};

/** What is known of a tensor of a model whose image size is fixed: its type and dims; `null` marks the batch. */
export interface TensorInfo {
  readonly dtype: DTypeCode;
  /** Every dimension but those that vary with the batch size is a number. */
  readonly dims: readonly (number | null)[];
}

const INNER = 'ctxai/';

/** Whether the program made up a tensor's or node's name, which says nothing to a user. */
export function isInner(name: string): boolean {
  return name.startsWith(INNER);
}

/** Appends nodes and constants with fresh names; the differentiation rules write through it. */
export class GraphBuilder {
  readonly nodes: Node[] = [];
  readonly constants = new Map<string, Constant>();
  readonly #opset: number;
  readonly #taken: Set<string>;
  #counter = 0;

  constructor(base: { opset: number; taken?: Iterable<string> }) {
    this.#opset = base.opset;
    this.#taken = new Set(base.taken);
  }

  get opset(): number {
    return this.#opset;
  }

  /** A name no tensor or node has yet. */
  fresh(hint: string): string {
    let name: string;
    do name = `${INNER}${hint}_${this.#counter++}`;
    while (this.#taken.has(name));
    this.#taken.add(name);
    return name;
  }

  /** Adds a constant and returns its name; equal small constants are shared. */
  constant(c: Constant, hint = 'const'): string {
    // Not by its data, which may not have been computed yet.
    if (sizeOf(c.dims) <= 16) {
      for (const [name, other] of this.constants) {
        if (
          other.dtype === c.dtype &&
          other.dims.length === c.dims.length &&
          other.dims.every((d, i) => d === c.dims[i]) &&
          other.data.length === c.data.length &&
          (other.data as ArrayLike<number | bigint>)[0] === (c.data as ArrayLike<number | bigint>)[0] &&
          Array.from(other.data as ArrayLike<number | bigint>).every(
            (v, i) => v === (c.data as ArrayLike<number | bigint>)[i],
          )
        ) {
          return name;
        }
      }
    }
    const name = this.fresh(hint);
    this.constants.set(name, c);
    return name;
  }

  /** A float32 scalar constant. */
  scalar(value: number): string {
    return this.constant(constant.scalar(value));
  }

  /** A 1-D int64 constant. */
  ints(values: readonly number[]): string {
    return this.constant(constant.ints(values));
  }

  /** Adds a node with one output and returns that output's name. */
  op(op: string, inputs: readonly string[], attrs: Readonly<Record<string, Attr>> = {}, domain = ''): string {
    return this.ops(op, inputs, 1, attrs, domain)[0]!;
  }

  /** Adds a node with `count` outputs. */
  ops(
    op: string,
    inputs: readonly string[],
    count: number,
    attrs: Readonly<Record<string, Attr>> = {},
    domain = '',
  ): string[] {
    const outputs = Array.from({ length: count }, () => this.fresh(op.toLowerCase()));
    this.nodes.push({ op, domain, name: this.fresh(op), inputs, outputs, attrs });
    return outputs;
  }

  /** Adds a node as it is. */
  push(node: Node): void {
    for (const name of node.outputs) this.#taken.add(name);
    this.nodes.push(node);
  }
}
