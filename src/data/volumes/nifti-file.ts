import { constants, gunzipSync } from 'node:zlib';
import { openRegular, readRegular } from '../../files/regular.ts';
import type { Stored, Triple, Volume, VolumeGrid } from './volume.ts';

/** A NIfTI file's header, as far as it is used here. */
export interface NiftiHeader {
  readonly grid: VolumeGrid;
  /** NIfTI's number of the data type. */
  readonly type: number;
  readonly little: boolean;
  /** Byte at which the voxels begin. */
  readonly start: number;
  readonly slope: number;
  readonly intercept: number;
  /** What a user should know of where it lies: no orientation, no unit of length. */
  readonly notes: readonly string[];
}

interface Type {
  readonly bytes: number;
  readonly make: (buffer: ArrayBuffer) => Stored;
}

const TYPES: Readonly<Record<number, Type>> = {
  2: { bytes: 1, make: b => new Uint8Array(b) },
  4: { bytes: 2, make: b => new Int16Array(b) },
  8: { bytes: 4, make: b => new Int32Array(b) },
  16: { bytes: 4, make: b => new Float32Array(b) },
  64: { bytes: 8, make: b => new Float64Array(b) },
  256: { bytes: 1, make: b => new Int8Array(b) },
  512: { bytes: 2, make: b => new Uint16Array(b) },
  768: { bytes: 4, make: b => new Uint32Array(b) },
  1024: { bytes: 8, make: b => Float64Array.from(new BigInt64Array(b), Number) },
  1280: { bytes: 8, make: b => Float64Array.from(new BigUint64Array(b), Number) },
};

/** Bytes of the largest header (NIfTI-2) and some room. */
const HEAD = 1024;
/** Voxels of a volume may not take more bytes than this. */
const MOST_BYTES = 2 ** 30;

/** Reads the header of a `.nii` or `.nii.gz` file (NIfTI-1 or 2). @throws Error saying what is wrong with it. */
export async function readNiftiHeader(path: string): Promise<NiftiHeader> {
  const { handle } = await openRegular(path);
  try {
    const head = Buffer.alloc(64 * 1024);
    const { bytesRead } = await handle.read(head, 0, head.length, 0);
    const bytes = head.subarray(0, bytesRead);
    const plain = isGzip(bytes) ? inflateStart(bytes) : bytes;
    return parseHeader(plain.subarray(0, HEAD));
  } finally {
    await handle.close();
  }
}

/** Reads a volume. @throws Error saying what is wrong with the file. */
export async function readNiftiVolume(path: string): Promise<Volume> {
  const file = await readRegular(path);
  const zipped = isGzip(file);
  const header = parseHeader((zipped ? inflateStart(file.subarray(0, 64 * 1024)) : file).subarray(0, HEAD));
  const { bytes: each, make } = TYPES[header.type]!;
  const count = header.grid.shape.reduce((a, b) => a * b, 1);
  const end = header.start + count * each;
  const bytes = zipped ? inflateTo(file, end) : file;
  if (bytes.length < end) throw new Error(`it ends early: ${bytes.length} bytes of ${end}`);
  // A copy of its own is aligned.
  const voxels = new Uint8Array(bytes.subarray(header.start, end));
  if (header.little !== LITTLE_HERE) swap(voxels, each);
  const [ni, nj] = header.grid.shape;
  return {
    ...header.grid,
    data: make(voxels.buffer),
    offset: 0,
    strides: [1, ni, ni * nj],
    slope: header.slope,
    intercept: header.intercept,
  };
}

const LITTLE_HERE = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** The first bytes behind gzip; the stream may be cut off. */
function inflateStart(bytes: Uint8Array): Buffer {
  return gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: 2 ** 28 });
}

/** All bytes behind gzip, if they are hardly more than are needed. */
function inflateTo(bytes: Uint8Array, end: number): Buffer {
  try {
    return gunzipSync(bytes, { maxOutputLength: end + 2 ** 20 });
  } catch (cause) {
    const { code } = cause as { code?: string };
    if (code === 'ERR_BUFFER_TOO_LARGE') throw new Error('it holds more than its header says', { cause });
    throw new Error(`its compression is damaged or cut off (${(cause as Error).message})`, { cause });
  }
}

/** Reverses the bytes of numbers in place. */
export function swap(bytes: Uint8Array, size: number): void {
  if (size === 1) return;
  for (let i = 0; i + size <= bytes.length; i += size) bytes.subarray(i, i + size).reverse();
}

/** @throws Error */
function parseHeader(bytes: Uint8Array): NiftiHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 348) throw new Error('it is no NIfTI file: it is too short');
  const [first, swapped] = [view.getInt32(0, true), view.getInt32(0, false)];
  const little = first === 348 || first === 540;
  const size = little ? first : swapped;
  const two = size === 540;
  if (size !== 348 && !two) throw new Error('it is no NIfTI file: its header has another size');
  if (two && bytes.length < 540) throw new Error('its header is cut off');
  const magic = String.fromCharCode(...bytes.subarray(two ? 4 : 344, two ? 8 : 348));
  if (/^ni[12]\0/.test(magic))
    throw new Error('its voxels are in a file of their own (.img); .nii and .nii.gz are read');
  if (!/^n\+[12]\0/.test(magic)) throw new Error('it is no NIfTI file (perhaps ANALYZE, which is not read)');
  const read = two ? fields2(view, little) : fields1(view, little);
  return complete(read, little, two ? 540 : 348);
}

interface Fields {
  readonly dim: readonly number[];
  readonly pixdim: readonly number[];
  readonly type: number;
  readonly start: number;
  readonly slope: number;
  readonly intercept: number;
  readonly qform: number;
  readonly sform: number;
  readonly quaternion: Triple;
  readonly qoffset: Triple;
  readonly rows: readonly number[];
  readonly units: number;
}

function fields1(view: DataView, little: boolean): Fields {
  const i16 = (at: number) => view.getInt16(at, little);
  const f32 = (at: number) => view.getFloat32(at, little);
  const list = (count: number, at: number, step: number, read: (at: number) => number) =>
    Array.from({ length: count }, (_, i) => read(at + i * step));
  return {
    dim: list(8, 40, 2, i16),
    pixdim: list(8, 76, 4, f32),
    type: i16(70),
    start: f32(108),
    slope: f32(112),
    intercept: f32(116),
    qform: i16(252),
    sform: i16(254),
    quaternion: list(3, 256, 4, f32) as unknown as Triple,
    qoffset: list(3, 268, 4, f32) as unknown as Triple,
    rows: list(12, 280, 4, f32),
    units: view.getUint8(123),
  };
}

function fields2(view: DataView, little: boolean): Fields {
  const i64 = (at: number) => Number(view.getBigInt64(at, little));
  const f64 = (at: number) => view.getFloat64(at, little);
  const list = (count: number, at: number, read: (at: number) => number) =>
    Array.from({ length: count }, (_, i) => read(at + 8 * i));
  return {
    dim: list(8, 16, i64),
    pixdim: list(8, 104, f64),
    type: view.getInt16(12, little),
    start: i64(168),
    slope: f64(176),
    intercept: f64(184),
    qform: view.getInt32(344, little),
    sform: view.getInt32(348, little),
    quaternion: list(3, 352, f64) as unknown as Triple,
    qoffset: list(3, 376, f64) as unknown as Triple,
    rows: list(12, 400, f64),
    units: view.getInt32(500, little),
  };
}

function complete(f: Fields, little: boolean, header: number): NiftiHeader {
  const [rank = 0, ...sizes] = f.dim;
  if (!(rank >= 1 && rank <= 7)) throw new Error(`its header says that it has ${rank} dimensions`);
  const used = sizes.slice(0, rank);
  if (!used.every(n => Number.isInteger(n) && n > 0))
    throw new Error(`its header says that it has ${used.join(' × ')} voxels`);
  if (used.slice(3).some(n => n > 1))
    throw new Error(`it has ${rank} dimensions (${used.join(' × ')}); volumes of three are read`);
  const shape = [used[0]!, used[1] ?? 1, used[2] ?? 1] as const;
  const type = TYPES[f.type];
  if (!type)
    throw new Error(
      `its voxels are of NIfTI's type ${f.type}, which is not read (colours and complex numbers are not)`,
    );
  const bytes = shape[0] * shape[1] * shape[2] * type.bytes;
  if (!(bytes <= MOST_BYTES))
    throw new Error(`its header says that it has ${shape.join(' × ')} voxels, more than are read`);
  if (!(f.start >= header && f.start < 2 ** 31)) {
    throw new Error(`its header says that its voxels begin at byte ${f.start}; the header alone has ${header}`);
  }
  const scaled = f.slope !== 0 && Number.isFinite(f.slope) && Number.isFinite(f.intercept);
  const { affine, notes } = affineOf(f);
  return {
    grid: gridOf(shape, affine, millimetres(f.units)),
    type: f.type,
    little,
    start: f.start,
    slope: scaled ? f.slope : 1,
    intercept: scaled ? f.intercept : 0,
    notes,
  };
}

/** Three columns and the origin, in the file's unit of length, RAS: x to the right, y to the front, z to the head. */
type Affine = readonly [Triple, Triple, Triple, Triple];

function affineOf(f: Fields): { affine: Affine; notes: string[] } {
  if (f.sform > 0) {
    const column = (c: number): Triple => [f.rows[c]!, f.rows[4 + c]!, f.rows[8 + c]!];
    const affine = [column(0), column(1), column(2), column(3)] as const;
    if (affine.flat().every(Number.isFinite)) return { affine, notes: [...apartNote(affine, f), ...shearNote(affine)] };
  }
  if (f.qform > 0) {
    const affine = quaternionAffine(f);
    if (affine.flat().every(Number.isFinite)) return { affine, notes: [] };
  }
  const [dx = 1, dy = 1, dz = 1] = f.pixdim.slice(1).map(v => (v > 0 && Number.isFinite(v) ? v : 1));
  const centre = [1, 2, 3].map(i => -((f.dim[i]! - 1) / 2));
  const affine: Affine = [
    [-dx, 0, 0],
    [0, dy, 0],
    [0, 0, dz],
    [-centre[0]! * dx, centre[1]! * dy, centre[2]! * dz],
  ];
  return {
    affine,
    notes: ['it does not say how it lies in the patient (no sform, no qform): taken as a standard axial scan'],
  };
}

/** Corners that lie farther apart than that, mm, are told: other programs may take the other of the two. */
const APART_MM = 1;

/** That a file's two places differ, which some programs settle by the one and some by the other. */
function apartNote(sform: Affine, f: Fields): string[] {
  if (f.qform <= 0) return [];
  const qform = quaternionAffine(f);
  const [ni, nj, nk] = [1, 2, 3].map(i => f.dim[i]! - 1) as unknown as Triple;
  const at = (a: Affine, n: Triple, x: number) => a[0][x]! * n[0] + a[1][x]! * n[1] + a[2][x]! * n[2] + a[3][x]!;
  const corners = [0, ni].flatMap(i => [0, nj].flatMap(j => [0, nk].map((k): Triple => [i, j, k])));
  const apart = corners.map(n => Math.hypot(...[0, 1, 2].map(x => at(sform, n, x) - at(qform, n, x))));
  const most = Math.max(...apart) * millimetres(f.units);
  return most > APART_MM
    ? [`its sform and its qform place it up to ${most.toFixed(0)} mm apart: the sform was taken`]
    : [];
}

function shearNote(affine: Affine): string[] {
  const angle = (a: Triple, b: Triple) =>
    (a[0] * b[0] + a[1] * b[1] + a[2] * b[2]) / (Math.hypot(...a) * Math.hypot(...b));
  const [x, y, z] = affine;
  // Of the cosine: about a degree.
  return [angle(x, y), angle(x, z), angle(y, z)].some(c => Math.abs(c) > 0.02)
    ? [
        'its axes are not at right angles to each other (a tilted gantry, or a registration): slices are as they are stored',
      ]
    : [];
}

/** The rotation of the quaternion (NIfTI-1, method 2), times the spacing; `pixdim[0]` is the third axis's sign. */
function quaternionAffine({ quaternion: [b, c, d], qoffset, pixdim }: Fields): Affine {
  const a = Math.sqrt(Math.max(0, 1 - (b * b + c * c + d * d)));
  const [sign, dx, dy, dz] = pixdim as [number, number, number, number];
  const turn = sign < 0 ? -1 : 1;
  const scaled = (v: Triple, s: number): Triple => [v[0] * s, v[1] * s, v[2] * s];
  return [
    scaled([a * a + b * b - c * c - d * d, 2 * (b * c + a * d), 2 * (b * d - a * c)], dx),
    scaled([2 * (b * c - a * d), a * a + c * c - b * b - d * d, 2 * (c * d + a * b)], dy),
    scaled([2 * (b * d + a * c), 2 * (c * d - a * b), a * a + d * d - b * b - c * c], dz * turn),
    qoffset,
  ];
}

/** xyzt_units: metres, millimetres or micrometres; unknown is taken for millimetres. */
function millimetres(units: number): number {
  const length = units & 7;
  return length === 1 ? 1000 : length === 3 ? 0.001 : 1;
}

function gridOf(shape: Triple, affine: Affine, mm: number): VolumeGrid {
  // NIfTI's x points to the patient's right and y to the front; here, as in DICOM, to the left and the back.
  const lps = (v: Triple): Triple => [-v[0] * mm, -v[1] * mm, v[2] * mm];
  const columns = affine.slice(0, 3).map(v => lps(v as Triple));
  const spacing = columns.map(v => Math.hypot(...v)) as unknown as Triple;
  if (!spacing.every(s => s > 0 && Number.isFinite(s)))
    throw new Error(`its voxels have a size of ${spacing.join(' × ')} mm`);
  const axes = columns.map((v, i) => v.map(x => x / spacing[i]!)) as unknown as VolumeGrid['axes'];
  return { shape, spacing, axes, origin: lps(affine[3]) };
}
