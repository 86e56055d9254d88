import { create } from '@bufbuild/protobuf';
import { StringStringEntryProtoSchema, type TensorProto, TensorProto_DataLocation, TensorProtoSchema } from 'onnx-buf';
import { CtXaiError } from '../../../core/errors.ts';
import { sizeOf } from '../../../core/tensor.ts';
import { type Constant, DType, type Stored, type StoredFile, typeName } from './graph.ts';

/** Bytes of a file beside the model, and which file it is. */
export interface ExternalBytes {
  readonly bytes: Uint8Array;
  readonly file?: StoredFile;
}

/** Reads `length` bytes of a file beside the model. */
export type ExternalReader = (location: string, offset: number, length: number) => ExternalBytes;

/** What tensors are read from. */
export interface TensorSource {
  readonly external?: ExternalReader | undefined;
  /** The file whose bytes are decoded, from the beginning of their buffer; they may be overwritten then. */
  readonly file?: StoredFile | undefined;
}

type Data = Constant['data'];

const BFLOAT16 = 16;

interface Layout {
  readonly bytes: number;
  /** Values that share a byte. Default: none do. */
  readonly perByte?: number;
  /** Over raw bytes that start at a multiple of `bytes`. */
  view(buffer: ArrayBufferLike, offset: number, length: number): Data;
  /** From the typed fields that protobuf has beside raw bytes. */
  fields(t: TensorProto): Data;
}

/** Two values to a byte, handed on as they are: only ONNX Runtime computes with them. */
const FOUR_BITS: Layout = {
  bytes: 1,
  perByte: 2,
  view: (b, o, n) => new Uint8Array(b, o, n),
  fields: t => Uint8Array.from(t.int32Data),
};

const LAYOUTS: ReadonlyMap<number, Layout> = new Map<number, Layout>([
  [
    DType.float,
    { bytes: 4, view: (b, o, n) => new Float32Array(b, o, n), fields: t => Float32Array.from(t.floatData) },
  ],
  [DType.uint8, { bytes: 1, view: (b, o, n) => new Uint8Array(b, o, n), fields: t => Uint8Array.from(t.int32Data) }],
  [DType.int8, { bytes: 1, view: (b, o, n) => new Int8Array(b, o, n), fields: t => Int8Array.from(t.int32Data) }],
  [DType.int32, { bytes: 4, view: (b, o, n) => new Int32Array(b, o, n), fields: t => Int32Array.from(t.int32Data) }],
  [
    DType.int64,
    { bytes: 8, view: (b, o, n) => new BigInt64Array(b, o, n), fields: t => BigInt64Array.from(t.int64Data) },
  ],
  [DType.bool, { bytes: 1, view: (b, o, n) => new Uint8Array(b, o, n), fields: t => Uint8Array.from(t.int32Data) }],
  [
    DType.float16,
    { bytes: 2, view: (b, o, n) => new Uint16Array(b, o, n), fields: t => Uint16Array.from(t.int32Data) },
  ],
  [BFLOAT16, { bytes: 2, view: (b, o, n) => new Uint16Array(b, o, n), fields: t => Uint16Array.from(t.int32Data) }],
  [
    DType.double,
    { bytes: 8, view: (b, o, n) => new Float64Array(b, o, n), fields: t => Float64Array.from(t.doubleData) },
  ],
  [DType.uint16, { bytes: 2, view: (b, o, n) => new Uint16Array(b, o, n), fields: t => Uint16Array.from(t.int32Data) }],
  [DType.int16, { bytes: 2, view: (b, o, n) => new Int16Array(b, o, n), fields: t => Int16Array.from(t.int32Data) }],
  [
    DType.uint32,
    { bytes: 4, view: (b, o, n) => new Uint32Array(b, o, n), fields: t => Uint32Array.from(t.uint64Data, Number) },
  ],
  [
    DType.uint64,
    { bytes: 8, view: (b, o, n) => new BigUint64Array(b, o, n), fields: t => BigUint64Array.from(t.uint64Data) },
  ],
  [DType.uint4, FOUR_BITS],
  [DType.int4, FOUR_BITS],
]);

/**
 * A stored tensor. bfloat16 becomes float32 (the values are the same).
 * @param what how messages call it
 * @throws CtXaiError MODEL for types that classifiers do not use, and for data that does not fit the dims.
 */
export function decodeTensor(t: TensorProto, what: string, source: TensorSource): Constant {
  const layout = LAYOUTS.get(t.dataType);
  if (!layout) {
    throw new CtXaiError('MODEL', `${what}: tensors of type ${typeName(t.dataType)} are not supported.`, {
      hint: 'Image classifiers use float, integer and bool tensors: export the network alone.',
    });
  }
  const dims = t.dims.map(Number);
  if (!dims.every(d => Number.isSafeInteger(d) && d >= 0) || !Number.isSafeInteger(sizeOf(dims) * layout.bytes)) {
    throw new CtXaiError('MODEL', `${what}: its dims [${dims.join(', ')}] are no sizes of a tensor.`);
  }
  const { data, stored } = readData(t, layout, what, source);
  const needed = places(dims, layout);
  if (data.length !== needed) {
    throw new CtXaiError('MODEL', `${what}: dims [${dims.join(', ')}] need ${needed} values, found ${data.length}.`);
  }
  if (t.dataType !== BFLOAT16) return { dtype: t.dataType, dims, data, ...(stored ? { stored } : {}) };
  const bits = Uint32Array.from(data as Uint16Array, half => half << 16);
  return { dtype: DType.float, dims, data: new Float32Array(bits.buffer) };
}

/** The length of an array that holds a tensor. */
function places(dims: readonly number[], { perByte = 1 }: Layout): number {
  return Math.ceil(sizeOf(dims) / perByte);
}

function readData(
  t: TensorProto,
  layout: Layout,
  what: string,
  { external, file: own }: TensorSource,
): { data: Data; stored?: Stored } {
  let raw: Uint8Array = t.rawData;
  let offset = raw.byteOffset;
  let file = own;
  if (t.dataLocation === TensorProto_DataLocation.EXTERNAL) {
    const entries = new Map(t.externalData.map(e => [e.key, e.value]));
    const location = entries.get('location');
    if (location === undefined) throw new CtXaiError('MODEL', `${what}: its external data has no location.`);
    if (!external) {
      throw new CtXaiError(
        'MODEL',
        `${what}: its values lie in another file, '${location}', and only bytes were given.`,
      );
    }
    const length = entries.get('length');
    const bytes = places(t.dims.map(Number), layout) * layout.bytes;
    if (length !== undefined && Number(length) !== bytes) {
      throw new CtXaiError('MODEL', `${what}: its external data has ${length} bytes; its dims need ${bytes}.`, {
        hint: 'Export or copy the model again.',
      });
    }
    offset = Number(entries.get('offset') ?? 0);
    ({ bytes: raw, file } = external(location, offset, bytes));
  } else if (raw.length === 0) {
    return { data: layout.fields(t) };
  }
  if (raw.length % layout.bytes !== 0) {
    throw new CtXaiError(
      'MODEL',
      `${what}: ${raw.length} bytes are not a whole number of ${layout.bytes}-byte values.`,
    );
  }
  const aligned = alignedTo(layout.bytes, raw, own !== undefined);
  const data = layout.view(aligned.buffer, aligned.byteOffset, raw.length / layout.bytes);
  return file ? { data, stored: { file, offset, values: data } } : { data };
}

/** Smaller tensors are copied: between the values of two tensors there may be no more bytes than these. */
const MOVED = { bytes: 4, size: 4096 };

/**
 * Typed arrays want aligned offsets. What is not aligned is copied, or, where the bytes around it may be overwritten,
 * moved down a little: weights of gigabytes are there once.
 */
function alignedTo(bytes: number, raw: Uint8Array, mayMove: boolean): Uint8Array {
  const by = raw.byteOffset % bytes;
  if (by === 0) return raw;
  if (!mayMove || bytes > MOVED.bytes || raw.length < MOVED.size) return new Uint8Array(raw);
  const moved = new Uint8Array(raw.buffer, raw.byteOffset - by, raw.length);
  moved.set(raw);
  return moved;
}

/**
 * A tensor as stored, its values as raw bytes.
 * @param location the file's name where the values are to be read from the file that they are stored in
 */
export function encodeTensor(c: Constant, name: string, location?: string): TensorProto {
  const { data } = c;
  if (location !== undefined) {
    const entries = { location, offset: String(c.stored!.offset), length: String(data.byteLength) };
    return create(TensorProtoSchema, {
      name,
      dims: c.dims.map(BigInt),
      dataType: c.dtype,
      dataLocation: TensorProto_DataLocation.EXTERNAL,
      externalData: Object.entries(entries).map(([key, value]) => create(StringStringEntryProtoSchema, { key, value })),
    });
  }
  return create(TensorProtoSchema, {
    name,
    dims: c.dims.map(BigInt),
    dataType: c.dtype,
    rawData: new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength),
  });
}
