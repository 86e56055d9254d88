import { basename, dirname } from 'node:path';
import { inflateSync } from 'node:zlib';
import { messageOf } from '../../core/errors.ts';
import { insideFolder } from '../../files/inside.ts';
import { openRegular, readRegular } from '../../files/regular.ts';
import { swap } from './nifti-file.ts';
import type { Stored, Triple, Volume, VolumeGrid } from './volume.ts';

/** A MetaImage's header (`.mhd`, or the first lines of `.mha`), as far as it is used here. */
export interface MetaHeader {
  readonly grid: VolumeGrid;
  readonly type: string;
  readonly bigEndian: boolean;
  readonly compressed: boolean;
  /** The file of the voxels; undefined: this one. */
  readonly dataFile?: string;
  /** Byte at which the header ends. */
  readonly end: number;
  /** Bytes before the voxels in their file; −1: the voxels are its last bytes. */
  readonly skip: number;
}

const TYPES: Readonly<Record<string, { bytes: number; make: (b: ArrayBuffer) => Stored }>> = {
  MET_CHAR: { bytes: 1, make: b => new Int8Array(b) },
  MET_UCHAR: { bytes: 1, make: b => new Uint8Array(b) },
  MET_SHORT: { bytes: 2, make: b => new Int16Array(b) },
  MET_USHORT: { bytes: 2, make: b => new Uint16Array(b) },
  MET_INT: { bytes: 4, make: b => new Int32Array(b) },
  MET_UINT: { bytes: 4, make: b => new Uint32Array(b) },
  MET_LONG: { bytes: 4, make: b => new Int32Array(b) },
  MET_ULONG: { bytes: 4, make: b => new Uint32Array(b) },
  MET_LONG_LONG: { bytes: 8, make: b => Float64Array.from(new BigInt64Array(b), Number) },
  MET_ULONG_LONG: { bytes: 8, make: b => Float64Array.from(new BigUint64Array(b), Number) },
  MET_FLOAT: { bytes: 4, make: b => new Float32Array(b) },
  MET_DOUBLE: { bytes: 8, make: b => new Float64Array(b) },
};

const HEAD = 16 * 1024;
const MOST_BYTES = 2 ** 30;

/** Reads the header of a `.mhd` or `.mha` file. @throws Error saying what is wrong with it. */
export async function readMetaHeader(path: string): Promise<MetaHeader> {
  const { handle } = await openRegular(path);
  try {
    const head = Buffer.alloc(HEAD);
    const { bytesRead } = await handle.read(head, 0, HEAD, 0);
    return parseHeader(head.subarray(0, bytesRead));
  } finally {
    await handle.close();
  }
}

/** Reads a volume. @throws Error saying what is wrong with the file. */
export async function readMetaVolume(path: string): Promise<Volume> {
  const header = await readMetaHeader(path);
  const { bytes: each, make } = TYPES[header.type]!;
  const source = header.dataFile === undefined ? path : insideFolder(dirname(path), header.dataFile);
  if (source === undefined) throw new Error('the file of its voxels lies in another folder');
  const all = await readRegular(source).catch(cause => {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const why = missing ? 'is not there' : `can't be read (${messageOf(cause)})`;
    throw new Error(`the file of its voxels, ${header.dataFile ?? path}, ${why}`, { cause });
  });
  const length = header.grid.shape.reduce((a, b) => a * b, 1) * each;
  const own = header.dataFile === undefined ? all.subarray(header.end) : all;
  const stored = own.subarray(header.skip < 0 ? Math.max(0, own.length - length) : header.skip);
  const bytes = header.compressed ? inflated(stored, length) : stored;
  if (bytes.length < length) throw new Error(`it ends early: ${bytes.length} bytes of voxels of ${length}`);
  const voxels = new Uint8Array(bytes.subarray(0, length));
  if (header.bigEndian) swap(voxels, each);
  const [ni, nj] = header.grid.shape;
  return { ...header.grid, data: make(voxels.buffer), offset: 0, strides: [1, ni, ni * nj], slope: 1, intercept: 0 };
}

function inflated(bytes: Uint8Array, length: number): Buffer {
  try {
    return inflateSync(bytes, { maxOutputLength: length + 1024 });
  } catch (cause) {
    throw new Error(`its compression is damaged or cut off (${(cause as Error).message})`, { cause });
  }
}

/** @throws Error */
function parseHeader(bytes: Uint8Array): MetaHeader {
  const fields = new Map<string, string>();
  let at = 0;
  while (!fields.has('ElementDataFile')) {
    const next = bytes.indexOf(10, at);
    // The last line of a .mhd file may have no end.
    const end = next < 0 && bytes.length < HEAD ? bytes.length : next;
    const line = end < 0 ? '' : Buffer.from(bytes.subarray(at, end)).toString('utf8');
    const found = /^\s*(\w+)\s*=\s*(.*?)\s*$/.exec(line);
    if (!found) throw new Error('it is no MetaImage: a line of its header is not "key = value"');
    fields.set(found[1]!, found[2]!);
    at = end + 1;
  }
  const numbers = (key: string): number[] | undefined => fields.get(key)?.split(/\s+/).map(Number);
  const rank = Number(fields.get('NDims'));
  const sizes = numbers('DimSize') ?? [];
  if (!(sizes.length === rank && (rank === 2 || rank === 3) && sizes.every(n => Number.isInteger(n) && n > 0))) {
    throw new Error(`its header says that it has ${sizes.join(' × ')} voxels in ${fields.get('NDims')} dimensions`);
  }
  const type = fields.get('ElementType') ?? '';
  if (!TYPES[type]) throw new Error(`its voxels are of the type '${type}', which is not read`);
  if (Number(fields.get('ElementNumberOfChannels') ?? 1) !== 1) throw new Error('its voxels have several channels');
  const shape = [sizes[0]!, sizes[1]!, sizes[2] ?? 1] as const;
  if (!(shape[0] * shape[1] * shape[2] * TYPES[type].bytes <= MOST_BYTES)) {
    throw new Error(`its header says that it has ${shape.join(' × ')} voxels, more than are read`);
  }
  const dataFile = fields.get('ElementDataFile')!;
  if (/^LIST\b|%/.test(dataFile)) throw new Error('its voxels are in a list of files, which is not read');
  const local = dataFile === 'LOCAL';
  if (!local && basename(dataFile) !== dataFile) throw new Error('the file of its voxels lies in another folder');
  const yes = (key: string) => /^true$/i.test(fields.get(key) ?? '');
  if (!yes('BinaryData') && fields.has('BinaryData')) throw new Error('its voxels are written as text');
  const skip = Number(fields.get('HeaderSize') ?? 0);
  const compressed = yes('CompressedData');
  if (!(Number.isInteger(skip) && skip >= -1) || (compressed && skip < 0)) {
    throw new Error(
      `its HeaderSize is ${fields.get('HeaderSize')}; a number of bytes is, or −1 where nothing is compressed`,
    );
  }
  return {
    grid: gridOf(shape, rank, numbers),
    type,
    bigEndian: yes('BinaryDataByteOrderMSB') || yes('ElementByteOrderMSB'),
    compressed,
    ...(local ? {} : { dataFile }),
    end: at,
    skip,
  };
}

/** As ITK reads it: LPS millimetres; the matrix holds each axis's direction, one after the other. */
function gridOf(shape: Triple, rank: number, numbers: (key: string) => number[] | undefined): VolumeGrid {
  const fitted = (values: number[] | undefined, count: number) =>
    values?.length === count && values.every(Number.isFinite) ? values : undefined;
  const s = fitted(numbers('ElementSpacing') ?? numbers('ElementSize'), rank) ?? [1, 1, 1];
  const o = fitted(numbers('Offset') ?? numbers('Position') ?? numbers('Origin'), rank) ?? [0, 0, 0];
  const m =
    rank === 3 ? fitted(numbers('TransformMatrix') ?? numbers('Rotation') ?? numbers('Orientation'), 9) : undefined;
  const spacing = [s[0]!, s[1]!, s[2] ?? 1] as const;
  if (!spacing.every(v => v > 0)) throw new Error(`its voxels have a size of ${spacing.join(' × ')} mm`);
  const matrix = m ?? [1, 0, 0, 0, 1, 0, 0, 0, 1];
  const axes = [0, 3, 6].map(i => {
    const axis = matrix.slice(i, i + 3);
    const length = Math.hypot(...axis);
    if (!(Math.abs(length - 1) < 0.01)) throw new Error(`its TransformMatrix has an axis of length ${length}`);
    return axis.map(v => v / length);
  });
  return { shape, spacing, axes: axes as unknown as VolumeGrid['axes'], origin: [o[0]!, o[1]!, o[2] ?? 0] };
}
