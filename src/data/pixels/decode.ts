import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import sharp from 'sharp';
import { CtXaiError, messageOf } from '../../core/errors.ts';
import { type Tensor, tensor } from '../../core/tensor.ts';
import { decodeBmp } from './bmp.ts';

/** File name endings that are taken for images. */
export const IMAGE_EXTENSIONS: readonly string[] = ['.png', '.jpg', '.jpeg', '.tif', '.tiff', '.bmp'];

export function isImageName(name: string): boolean {
  return IMAGE_EXTENSIONS.includes(extname(name).toLowerCase());
}

/** A picture as a file stores it. */
export interface Decoded {
  /** [h, w], in the file's own steps: 0…255, or 0…65535 for 16-bit files. */
  readonly stored: Tensor;
  /** [h, w, 3] in the same steps; absent where every pixel's channels are equal. */
  readonly colour?: Tensor;
  /** The largest value the file could hold: 255 or 65535. */
  readonly maximum: 255 | 65535;
}

/**
 * Decodes PNG, JPEG, TIFF (8 or 16 bits; grey, RGB, with or without alpha, palettes) or BMP to one grey plane, and
 * its colours where it has some.
 * Colour becomes grey by the Rec. 601 luma in integers, (19595 R + 38470 G + 7471 B + 32768) >> 16, as in Pillow's
 * `convert('L')`; at 16 bits without rounding. Alpha is ignored, and so are colour profiles and EXIF orientation.
 * @param where Said in errors: the file, and the row it comes from.
 * @throws CtXaiError IMAGE if the file is empty, cut off, not an image, has several pages, or is of another depth.
 */
export async function decodeImage(path: string, where: string = path): Promise<Decoded> {
  const fail = (what: string, cause?: unknown): CtXaiError =>
    new CtXaiError('IMAGE', `${where}: ${what}.`, {
      hint: 'PNG, JPEG, TIFF and BMP are read, with 8 or 16 bits a channel.',
      cause,
    });
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw fail(`the file can't be read (${messageOf(cause)})`, cause);
  }
  if (bytes.length === 0) throw fail('the file is empty');
  if (bytes[0] === 0x42 && bytes[1] === 0x4d) {
    try {
      const { width, height, rgb } = decodeBmp(bytes);
      return asDecoded(rgb, [height, width], 3, 255);
    } catch (cause) {
      throw fail(`the BMP file can't be decoded: ${messageOf(cause)}`, cause);
    }
  }
  try {
    return await decodeBySharp(bytes, fail);
  } catch (cause) {
    if (cause instanceof CtXaiError) throw cause;
    throw fail(`it can't be decoded: it is cut off, damaged or not an image (${messageOf(cause).trim()})`, cause);
  }
}

const FORMATS = ['png', 'jpeg', 'tiff'];

async function decodeBySharp(bytes: Buffer, fail: (what: string) => CtXaiError): Promise<Decoded> {
  // 'warning', sharp's default, would refuse sound files for their metadata.
  const image = sharp(bytes, { failOn: 'error', ignoreIcc: true });
  const { format, depth, pages = 1, channels } = await image.metadata();
  if (!FORMATS.includes(format)) throw fail(`it is a ${format.toUpperCase()} file`);
  if (pages > 1) throw fail(`it has ${pages} pages; one image a file is read`);
  if (depth !== 'uchar' && depth !== 'ushort') {
    throw fail(`its pixels are of type '${depth}'; unsigned 8 or 16 bits are read (HU: add 1024, and set 'rescale')`);
  }
  const wide = depth === 'ushort';
  const space = channels < 3 ? (wide ? 'grey16' : 'b-w') : wide ? 'rgb16' : 'srgb';
  const { data, info } = await image.toColourspace(space).raw({ depth }).toBuffer({ resolveWithObject: true });
  // A copy, since a view of 16-bit numbers must start at an even byte.
  const values = wide ? new Uint16Array(new Uint8Array(data).buffer) : data;
  const maximum = wide ? 65535 : 255;
  return asDecoded(values, [info.height, info.width], info.channels, maximum);
}

/** From interleaved channels: 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha. */
function asDecoded(
  values: Uint8Array | Uint16Array,
  shape: readonly [number, number],
  channels: number,
  maximum: 255 | 65535,
): Decoded {
  const grey = new Float32Array(shape[0] * shape[1]);
  if (channels < 3) {
    for (let i = 0; i < grey.length; i++) grey[i] = values[i * channels]!;
    return { stored: tensor(shape, grey), maximum };
  }
  let coloured = false;
  for (let i = 0, v = 0; i < grey.length; i++, v += channels) {
    const [r, g, b] = [values[v]!, values[v + 1]!, values[v + 2]!];
    const luma = 19595 * r + 38470 * g + 7471 * b;
    grey[i] = maximum === 255 ? (luma + 32768) >> 16 : luma / 65536;
    coloured ||= r !== g || g !== b;
  }
  const stored = tensor(shape, grey);
  if (!coloured) return { stored, maximum };
  const rgb = Float32Array.from({ length: grey.length * 3 }, (_, i) => values[Math.floor(i / 3) * channels + (i % 3)]!);
  return { stored, maximum, colour: tensor([...shape, 3], rgb) };
}
