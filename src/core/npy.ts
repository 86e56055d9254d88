import { CtXaiError } from './errors.ts';
import { sizeOf, type Tensor } from './tensor.ts';

/** Element types of NPY files that are read here, by NumPy's names. */
export type NpyType =
  | 'float32'
  | 'float64'
  | 'int8'
  | 'uint8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'bool';

export type NpyData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array;

/** A dense array in C order; `bool` has one byte of 0 or 1 per value. */
export interface NpyArray {
  readonly shape: readonly number[];
  readonly data: NpyData;
  readonly dtype: NpyType;
}

/** What `writeNpy` takes: an array, or a float32 tensor. */
export type NpyInput = { readonly shape: readonly number[]; readonly data: NpyData; readonly dtype?: NpyType };

type Format = readonly [dtype: NpyType, bytes: number, make: (buffer: ArrayBuffer) => NpyData];

/** By NumPy's array-interface type string (https://numpy.org/doc/stable/reference/arrays.interface.html). */
const FORMATS: Readonly<Record<string, Format>> = {
  '<f4': ['float32', 4, b => new Float32Array(b)],
  '<f8': ['float64', 8, b => new Float64Array(b)],
  '|i1': ['int8', 1, b => new Int8Array(b)],
  '|u1': ['uint8', 1, b => new Uint8Array(b)],
  '<i2': ['int16', 2, b => new Int16Array(b)],
  '<u2': ['uint16', 2, b => new Uint16Array(b)],
  '<i4': ['int32', 4, b => new Int32Array(b)],
  '<u4': ['uint32', 4, b => new Uint32Array(b)],
  '<i8': ['int64', 8, b => new BigInt64Array(b)],
  '|b1': ['bool', 1, b => new Uint8Array(b)],
};

/** Types that are read, and never written. */
const READ_ONLY: Readonly<Record<string, Format>> = {
  '<f2': ['float32', 2, b => Float32Array.from(new Uint16Array(b), halfFloat)],
};

/** The value of IEEE 754 binary16. */
function halfFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

interface Header {
  readonly shape: readonly number[];
  readonly format: Format;
  /** Whether the first byte of a value is its greatest. */
  readonly big: boolean;
  /** Whether the first index is the one that runs fastest. */
  readonly fortran: boolean;
  /** Byte at which the values begin. */
  readonly start: number;
}

/** What the start of a file says. @throws CtXaiError DATA */
function readDescription(bytes: Uint8Array, name: string) {
  const fail = (what: string): never => {
    throw new CtXaiError('DATA', `${name}: ${what}`);
  };
  if (bytes.length < 10 || MAGIC.some((b, i) => bytes[i] !== b)) fail('not an NPY file: its first bytes differ.');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const long = bytes[6]! > 1;
  const start = long ? 12 : 10;
  if (bytes.length < start) fail('cut off inside its header.');
  const length = long ? view.getUint32(8, true) : view.getUint16(8, true);
  if (bytes.length < start + length) fail('cut off inside its header.');
  const header = new TextDecoder('latin1').decode(bytes.subarray(start, start + length));

  const descr = /'descr':\s*'([^']*)'/.exec(header)?.[1];
  const order = /'fortran_order':\s*(True|False)/.exec(header)?.[1];
  const dims = /'shape':\s*\(([\d,\s]*)\)/.exec(header)?.[1];
  if (descr === undefined || order === undefined || dims === undefined) {
    return fail('its header is not readable (one plain array is expected).');
  }
  const shape = dims
    .split(',')
    .filter(d => d.trim() !== '')
    .map(Number);
  return { descr, shape, fortran: order === 'True' && shape.length > 1, start: start + length };
}

/** @throws CtXaiError DATA */
function readHeader(bytes: Uint8Array, name: string): Header {
  const { descr, ...rest } = readDescription(bytes, name);
  const little = descr.replace('>', '<');
  const format = FORMATS[little] ?? READ_ONLY[little];
  if (!format) {
    const known = [...Object.keys(FORMATS), ...Object.keys(READ_ONLY)].join(', ');
    throw new CtXaiError('DATA', `${name}: values of type '${descr}' are not read; there are ${known}.`);
  }
  return { ...rest, format, big: descr.startsWith('>') };
}

/** Bytes that a whole NPY file has, by its beginning. @throws CtXaiError DATA if it is no such beginning */
export function npyLength(head: Uint8Array): number {
  const { shape, format, start } = readHeader(head, 'the array');
  return start + sizeOf(shape) * format[1];
}

/**
 * Reads an NPY file (format 1, 2 or 3), whichever its order of bytes and of indices.
 * @param name how messages call it, usually the file's path
 * @throws CtXaiError DATA if it is no such file, is cut off, or has another type.
 */
export function readNpy(bytes: Uint8Array, name = 'the array'): NpyArray {
  const { shape, format, big, fortran, start } = readHeader(bytes, name);
  const [dtype, size, make] = format;
  const want = sizeOf(shape) * size;
  const have = bytes.length - start;
  if (have !== want) {
    throw new CtXaiError(
      'DATA',
      `${name}: shape [${shape.join(', ')}] of ${dtype} needs ${want} bytes, the file has ${have}.`,
    );
  }
  // Copied: typed arrays want aligned offsets.
  const body = new Uint8Array(want);
  body.set(bytes.subarray(start));
  if (big) for (let at = 0; at < want; at += size) body.subarray(at, at + size).reverse();
  const data = make(body.buffer);
  return { shape, data: fortran ? inCOrder(data, shape) : data, dtype };
}

/** Values whose first index runs fastest, so that the last one does. */
function inCOrder(data: NpyData, shape: readonly number[]): NpyData {
  const out = data.slice() as NpyData;
  const index = new Array<number>(shape.length).fill(0);
  const strides = shape.map((_, axis) => sizeOf(shape.slice(0, axis)));
  let from = 0;
  for (let i = 0; i < out.length; i++) {
    out[i] = data[from]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      index[axis]!++;
      if (index[axis]! < shape[axis]!) break;
      from -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return out;
}

/** The texts of an array of them (types U and S of NumPy); undefined for other types. @throws CtXaiError DATA */
export function npyTexts(bytes: Uint8Array, name = 'the array'): string[] | undefined {
  const { descr, shape, start } = readDescription(bytes, name);
  const [, order, kind, width] = /^([<>|])([US])(\d+)$/.exec(descr) ?? [];
  if (kind === undefined) return undefined;
  const [each, size] = [Number(width), kind === 'U' ? 4 : 1];
  const count = sizeOf(shape);
  if (bytes.length - start !== count * each * size) {
    throw new CtXaiError('DATA', `${name}: shape [${shape.join(', ')}] of '${descr}' has another length.`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset + start);
  return Array.from({ length: count }, (_, i) => {
    let text = '';
    for (let k = 0; k < each; k++) {
      const at = (i * each + k) * size;
      const point = size === 4 ? view.getUint32(at, order !== '>') : view.getUint8(at);
      if (point === 0 || point > 0x10ffff) break;
      text += String.fromCodePoint(point);
    }
    return text;
  });
}

/** An NPY array as a float32 tensor; other types are converted. */
export function npyTensor(array: NpyArray): Tensor {
  const { shape, data } = array;
  return { shape, data: data instanceof Float32Array ? data : Float32Array.from(data as ArrayLike<number>, Number) };
}

/** The start of an NPY file, format 1.0: the values follow it, in C order. */
export function npyHeader(shape: readonly number[], dtype: NpyType): Uint8Array {
  const descr = Object.keys(FORMATS).find(d => FORMATS[d]![0] === dtype);
  if (descr === undefined) throw new RangeError(`no NPY type for ${dtype}`);
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${tuple}, }`;
  // The data starts at a multiple of 64 bytes, as NumPy writes it.
  const length = Math.ceil((10 + text.length + 1) / 64) * 64 - 10;
  const out = new Uint8Array(10 + length);
  out.set(MAGIC);
  out.set([1, 0, length & 255, length >> 8], 6);
  out.set(new TextEncoder().encode(`${text.padEnd(length - 1)}\n`), 10);
  return out;
}

/** An NPY file, format 1.0. The type follows from the data's; a Uint8Array is `uint8` unless `dtype` says `bool`. */
export function writeNpy(array: NpyInput): Uint8Array {
  const { shape, data } = array;
  if (data.length !== sizeOf(shape)) {
    throw new RangeError(`an array of shape [${shape.join(', ')}] has ${sizeOf(shape)} values, not ${data.length}`);
  }
  const dtype = array.dtype ?? (data.constructor.name.replace('Array', '').replace('Big', '').toLowerCase() as NpyType);
  const header = npyHeader(shape, dtype);
  const out = new Uint8Array(header.length + data.byteLength);
  out.set(header);
  out.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), header.length);
  return out;
}
