import { extname } from 'node:path';
import sharp, { type Metadata, type Sharp } from 'sharp';
import { CtXaiError, messageOf } from '../../core/errors.ts';
import { type Tensor, tensor } from '../../core/tensor.ts';
import { readRegular } from '../../files/regular.ts';
import { type FileKind, KIND_NAMES, sniffKind } from '../files/sniff.ts';
import { bmpSize, decodeBmp } from './bmp.ts';
import { MOST_PIXELS, refuseLarge } from './limit.ts';
import type { MemoryGate } from './memory-gate.ts';
import { declareUnsigned } from './tiff-sign.ts';

/** File name endings that are taken for images. */
export const IMAGE_EXTENSIONS: readonly string[] = ['.png', '.jpg', '.jpeg', '.tif', '.tiff', '.bmp'];

export function isImageName(name: string): boolean {
  return IMAGE_EXTENSIONS.includes(extname(name).toLowerCase());
}

/** Which reader takes files that are no pictures. */
const READERS: Readonly<Partial<Record<FileKind, string>>> = {
  dicom: 'dicom',
  nifti: 'nifti',
  gzip: 'nifti',
  metaimage: 'metaimage',
};

/** Bytes that decoding takes for each value: as stored, copied, as float32 and as raw values. */
const BYTES_PER_VALUE = 14;

export interface DecodeOptions {
  /** Pixels that a picture may have. Default: 8192 × 8192. */
  readonly maxPixels?: number;
  /** Bounds the memory of pictures that are decoded at once. Default: nothing does. */
  readonly gate?: MemoryGate;
}

const ALWAYS: MemoryGate = { run: (_, work) => work() };

type RoomFor = <T>(width: number, height: number, channels: number, work: () => Promise<T>) => Promise<T>;

/** A picture as a file stores it. */
export interface Decoded {
  /** [h, w], in the file's own steps: 0…255, or 0…65535 for 16-bit files; signed and fractional ones as they are. */
  readonly stored: Tensor;
  /** [h, w, 3] in the same steps; absent where every pixel's channels are equal. */
  readonly colour?: Tensor;
  /** `unsigned`: grey levels. `signed`, `float`: TIFF files with whole numbers below 0, or fractions. */
  readonly type: 'unsigned' | 'signed' | 'float';
  /** The largest value the file could hold: 255 or 65535. The largest it has, for signed and float. */
  readonly maximum: number;
  readonly format: 'png' | 'jpeg' | 'tiff' | 'bmp';
}

/**
 * Decodes PNG, JPEG, TIFF (8 or 16 bits; grey, RGB, with or without alpha, palettes; grey also signed or float) or BMP
 * to one grey plane, and its colours where it has some.
 * Colour becomes grey by the Rec. 601 luma in integers, (19595 R + 38470 G + 7471 B + 32768) >> 16, as in Pillow's
 * `convert('L')`; at 16 bits without rounding. Alpha is ignored, and so are colour profiles and EXIF orientation.
 * @param where Said in errors: the file, and the row it comes from.
 * @throws CtXaiError IMAGE if the file is empty, cut off, not an image, has several pages, or is of another depth.
 */
export async function decodeImage(
  path: string,
  where: string = path,
  { maxPixels = MOST_PIXELS, gate = ALWAYS }: DecodeOptions = {},
): Promise<Decoded> {
  const fail = (what: string, cause?: unknown): CtXaiError =>
    new CtXaiError('IMAGE', `${where}: ${what}.`, {
      hint: 'PNG, JPEG, TIFF and BMP are read, with 8 or 16 bits a channel.',
      cause,
    });
  /** Waits for room. @throws CtXaiError IMAGE where the picture has more pixels than are read */
  const roomFor: RoomFor = (width, height, channels, work) => {
    refuseLarge([height, width], maxPixels, where);
    return gate.run(width * height * channels * BYTES_PER_VALUE, work);
  };
  let bytes: Buffer;
  try {
    bytes = await readRegular(path);
  } catch (cause) {
    throw fail(`the file can't be read (${messageOf(cause)})`, cause);
  }
  if (bytes.length === 0) throw fail('the file is empty');
  const kind = sniffKind(bytes);
  const other = KIND_NAMES[kind];
  if (other !== undefined) {
    const reader = READERS[kind];
    throw new CtXaiError(
      'IMAGE',
      `${where}: it is a ${other} file, whatever its name says; a picture is expected here.`,
      {
        hint: reader ? `Read such files by 'data: { use: ${reader}, path: … }'.` : 'PNG, JPEG, TIFF and BMP are read.',
      },
    );
  }
  if (kind === 'bmp') {
    try {
      const size = bmpSize(bytes);
      return await roomFor(size.width, size.height, 3, async (): Promise<Decoded> => {
        const { width, height, rgb } = decodeBmp(bytes);
        return { ...planesOf(rgb, [height, width], 3, 255), type: 'unsigned', maximum: 255, format: 'bmp' };
      });
    } catch (cause) {
      if (cause instanceof CtXaiError) throw cause;
      throw fail(`the BMP file can't be decoded: ${messageOf(cause)}`, cause);
    }
  }
  try {
    return await decodeBySharp(bytes, fail, roomFor);
  } catch (cause) {
    if (cause instanceof CtXaiError) throw cause;
    throw fail(`it can't be decoded: it is cut off, damaged or not an image (${messageOf(cause).trim()})`, cause);
  }
}

const FORMATS: readonly string[] = ['png', 'jpeg', 'tiff'];

// 'warning', sharp's default, would refuse sound files for their metadata. The limit on pixels is our own.
const open = (file: Uint8Array) => sharp(file, { failOn: 'error', ignoreIcc: true, limitInputPixels: false });

async function decodeBySharp(bytes: Buffer, fail: (what: string) => CtXaiError, roomFor: RoomFor): Promise<Decoded> {
  const metadata = await open(bytes).metadata();
  return roomFor(metadata.width, metadata.height, metadata.channels, () => pixelsBySharp(bytes, metadata, fail));
}

async function pixelsBySharp(
  bytes: Buffer,
  { format: name, depth, pages = 1, channels }: Metadata,
  fail: (what: string) => CtXaiError,
): Promise<Decoded> {
  if (!FORMATS.includes(name)) throw fail(`it is a ${name.toUpperCase()} file`);
  const format = name as Decoded['format'];
  if (pages > 1) throw fail(`it has ${pages} pages; one image a file is read`);
  if (depth === 'uchar' || depth === 'ushort') {
    const wide = depth === 'ushort';
    const space = channels < 3 ? (wide ? 'grey16' : 'b-w') : wide ? 'rgb16' : 'srgb';
    const { data, info } = await rawOf(open(bytes).toColourspace(space), depth);
    // A copy, since a view of 16-bit numbers must start at an even byte.
    const values = wide ? new Uint16Array(new Uint8Array(data).buffer) : data;
    const maximum = wide ? 65535 : 255;
    return {
      ...planesOf(values, [info.height, info.width], info.channels, maximum),
      type: 'unsigned',
      maximum,
      format,
    };
  }
  if (channels > 1) throw fail(`its ${channels} channels are of type '${depth}'; colours are read with 8 or 16 bits`);
  if (depth === 'short') {
    const { data, info } = await rawOf(open(declareUnsigned(bytes)).toColourspace('grey16'), 'ushort');
    return numbers(new Int16Array(new Uint8Array(data).buffer), [info.height, info.width], 'signed', format);
  }
  if (depth === 'float' || depth === 'int') {
    const { data, info } = await rawOf(open(bytes).toColourspace('b-w'), 'float');
    const type = depth === 'int' ? 'signed' : 'float';
    return numbers(new Float32Array(new Uint8Array(data).buffer), [info.height, info.width], type, format);
  }
  throw fail(`its pixels are of type '${depth}'; 8 and 16 bits, 32-bit integers and floats are read`);
}

function rawOf(image: Sharp, depth: 'uchar' | 'ushort' | 'float') {
  return image.raw({ depth }).toBuffer({ resolveWithObject: true });
}

function numbers(
  values: Int16Array | Float32Array,
  shape: readonly [number, number],
  type: 'signed' | 'float',
  format: Decoded['format'],
): Decoded {
  const stored = tensor(shape, Float32Array.from(values));
  return { stored, type, maximum: greatestOf(stored.data), format };
}

/** The greatest value, 0 where all are below it. */
export function greatestOf(values: Float32Array): number {
  let most = 0;
  for (let i = 0; i < values.length; i++) if (values[i]! > most) most = values[i]!;
  return most;
}

/** From interleaved channels: 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha. */
function planesOf(
  values: Uint8Array | Uint16Array,
  shape: readonly [number, number],
  channels: number,
  maximum: 255 | 65535,
): Pick<Decoded, 'stored' | 'colour'> {
  const grey = new Float32Array(shape[0] * shape[1]);
  if (channels < 3) {
    for (let i = 0; i < grey.length; i++) grey[i] = values[i * channels]!;
    return { stored: tensor(shape, grey) };
  }
  let coloured = false;
  for (let i = 0, v = 0; i < grey.length; i++, v += channels) {
    const [r, g, b] = [values[v]!, values[v + 1]!, values[v + 2]!];
    const luma = 19595 * r + 38470 * g + 7471 * b;
    grey[i] = maximum === 255 ? (luma + 32768) >> 16 : luma / 65536;
    coloured ||= r !== g || g !== b;
  }
  const stored = tensor(shape, grey);
  if (!coloured) return { stored };
  const rgb = new Float32Array(grey.length * 3);
  for (let i = 0, v = 0; i < rgb.length; i += 3, v += channels) {
    rgb[i] = values[v]!;
    rgb[i + 1] = values[v + 1]!;
    rgb[i + 2] = values[v + 2]!;
  }
  return { stored, colour: tensor([...shape, 3], rgb) };
}
