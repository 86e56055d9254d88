import { extname } from 'node:path';
import { unzipSync } from 'fflate';
import { messageOf } from '../../core/errors.ts';
import { type NpyArray, readNpy } from '../../core/npy.ts';
import { type Tensor, tensor } from '../../core/tensor.ts';
import { readRegular } from '../../files/regular.ts';
import { unitOf } from './volume.ts';

/** An archive's array, and a file itself, may not take more bytes than this. */
const MOST_BYTES = 2 ** 30;

/**
 * Reads arrays of a `.npy` file (under the name '') or of a `.npz` archive, of it only those that are wanted.
 * @throws Error saying what is wrong with the file.
 */
export async function readArrays(
  path: string,
  wanted: (name: string) => boolean = () => true,
): Promise<Map<string, NpyArray>> {
  const files = await readArrayFiles(path, wanted);
  return new Map([...files].map(([name, bytes]) => [name, readNpy(bytes, calledIn(name))]));
}

/** How messages call an array of a file. */
export function calledIn(name: string): string {
  return name === '' ? 'the array' : `its array ${name}.npy`;
}

/** The NPY files in an archive, by name, or the one file under the name ''. @throws Error */
export async function readArrayFiles(
  path: string,
  wanted: (name: string) => boolean = () => true,
): Promise<Map<string, Uint8Array>> {
  const bytes = await readRegular(path, { limit: MOST_BYTES });
  if (extname(path).toLowerCase() === '.npy') return new Map([['', bytes]]);
  const large: string[] = [];
  let entries: Record<string, Uint8Array>;
  try {
    entries = unzipSync(bytes, {
      filter({ name, originalSize }) {
        const take = name.endsWith('.npy') && wanted(name.slice(0, -4));
        if (take && originalSize > MOST_BYTES) large.push(name);
        return take && originalSize <= MOST_BYTES;
      },
    });
  } catch (cause) {
    throw new Error(`it is no sound .npz archive (${messageOf(cause)})`, { cause });
  }
  if (large.length > 0) throw new Error(`its array ${large[0]} is larger than ${MOST_BYTES} bytes`);
  return new Map(Object.entries(entries).map(([name, content]) => [name.slice(0, -4), content]));
}

/** How the axes of an array of images are meant. */
export interface ImageStack {
  readonly count: number;
  readonly rows: number;
  readonly columns: number;
  readonly channels: number;
  /** Whether it has an axis of images; false: it is one. */
  readonly stacked: boolean;
}

/**
 * [h, w], [n, h, w], [h, w, 3 or 4 (or 1)] or [n, h, w, c].
 * @throws Error for other shapes.
 */
export function stackOf({ shape, dtype }: Pick<NpyArray, 'shape' | 'dtype'>): ImageStack {
  if (shape.length === 2) return { count: 1, rows: shape[0]!, columns: shape[1]!, channels: 1, stacked: false };
  const last = shape.at(-1)!;
  if (shape.length === 3 && (last === 1 || ((last === 3 || last === 4) && dtype === 'uint8'))) {
    return { count: 1, rows: shape[0]!, columns: shape[1]!, channels: last, stacked: false };
  }
  if (shape.length === 3) return { count: shape[0]!, rows: shape[1]!, columns: shape[2]!, channels: 1, stacked: true };
  if (shape.length === 4 && [1, 3].includes(last)) {
    return { count: shape[0]!, rows: shape[1]!, columns: shape[2]!, channels: last, stacked: true };
  }
  throw new Error(
    `its shape [${shape.join(', ')}] is none of [h, w], [n, h, w], [h, w, channels], [n, h, w, channels]`,
  );
}

/** The values of image `k`, [h, w], and of coloured ones [h, w, 3] as well. */
export function imageAt(array: NpyArray, k: number): { pixels: Tensor; colour?: Tensor } {
  const { rows, columns, channels } = stackOf(array);
  const count = rows * columns;
  const first = k * count * channels;
  const { data } = array;
  const pixels = new Float32Array(count);
  if (channels < 3) {
    for (let i = 0, v = first; i < count; i++, v += channels) pixels[i] = Number(data[v]);
    return { pixels: tensor([rows, columns], pixels) };
  }
  const colour = new Float32Array(count * 3);
  let grey = true;
  for (let i = 0, v = first; i < count; i++, v += channels) {
    const [r, g, b] = [Number(data[v]), Number(data[v + 1]), Number(data[v + 2])];
    colour.set([r, g, b], 3 * i);
    pixels[i] = (19595 * r + 38470 * g + 7471 * b + 32768) >> 16;
    grey &&= r === g && r === b;
  }
  return { pixels: tensor([rows, columns], pixels), ...(grey ? {} : { colour: tensor([rows, columns, 3], colour) }) };
}

/** The unit of an array's values: bytes are grey levels, others by their range; undefined where it may be either. */
export function arrayUnit({ dtype, data }: NpyArray): 'HU' | 'grey' | undefined {
  if (dtype === 'uint8') return 'grey';
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const v of data) {
    const n = Number(v);
    if (n < low) low = n;
    if (n > high) high = n;
  }
  return unitOf([low, high]);
}

/** Remembers what was read of the file asked for last: images of one file are asked for one after the other. */
export function keepLast<T>(read: (path: string) => Promise<T>): (path: string) => Promise<T> {
  let kept: { readonly path: string; readonly value: Promise<T> } | undefined;
  return path => {
    if (kept?.path !== path) kept = { path, value: read(path) };
    return kept.value;
  };
}
