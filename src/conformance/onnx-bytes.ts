/**
 * Writes small ONNX files (opset 17), byte by byte, with nothing of the engines' own reading and writing: what they are
 * checked with must not share their faults.
 */

export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly output: string;
  /** Attributes of whole numbers, or of lists of them. */
  readonly attributes?: Readonly<Record<string, number | readonly number[]>>;
}

export interface OnnxWeights {
  readonly dims: readonly number[];
  readonly data: ArrayLike<number>;
}

export interface OnnxFile {
  readonly nodes: readonly OnnxNode[];
  readonly weights: Readonly<Record<string, OnnxWeights>>;
  /** Name and shape without the batch, whose size is free. */
  readonly input: { readonly name: string; readonly dims: readonly number[] };
  readonly output: { readonly name: string; readonly dims: readonly number[] };
}

const FLOAT = 1;
const INT = 2;
const INTS = 7;

export function onnxBytes({ nodes, weights, input, output }: OnnxFile): Uint8Array {
  const graph = [
    ...nodes.map(node => field(1, nodeBytes(node))),
    field(2, text('conformance')),
    ...Object.entries(weights).map(([name, { dims, data }]) =>
      field(5, [
        ...dims.map(d => number(1, d)),
        number(2, FLOAT),
        field(8, text(name)),
        field(9, [...new Uint8Array(Float32Array.from(data).buffer)]),
      ]),
    ),
    field(11, valueBytes(input)),
    field(12, valueBytes(output)),
  ];
  return Uint8Array.from([number(1, 8), field(7, graph), field(8, [number(2, 17)])].flat());
}

function nodeBytes({ op, inputs, output, attributes = {} }: OnnxNode): Bytes {
  return [
    ...inputs.map(name => field(1, text(name))),
    field(2, text(output)),
    field(3, text(`node of ${output}`)),
    field(4, text(op)),
    ...Object.entries(attributes).map(([name, value]) => field(5, attributeBytes(name, value))),
  ];
}

function attributeBytes(name: string, value: number | readonly number[]): Bytes {
  const own = typeof value === 'number' ? [number(3, value)] : value.map(v => number(8, v));
  return [field(1, text(name)), ...own, number(20, typeof value === 'number' ? INT : INTS)];
}

function valueBytes({ name, dims }: OnnxFile['input']): Bytes {
  const shape = [field(1, [field(2, text('n'))]), ...dims.map(d => field(1, [number(1, d)]))];
  return [field(1, text(name)), field(2, [field(1, [number(1, FLOAT), field(2, shape)])])];
}

/** Protocol buffers: parts of a message. */
type Bytes = readonly (number | readonly number[])[];

function field(tag: number, content: Bytes): number[] {
  const bytes = content.flat();
  return [...varint(tag * 8 + 2), ...varint(bytes.length), ...bytes];
}

function number(tag: number, value: number): number[] {
  return [...varint(tag * 8), ...varint(value)];
}

/** Whole numbers ≥ 0, seven bits a byte. */
function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}

function text(value: string): number[] {
  return [...new TextEncoder().encode(value)];
}
