import dicomParser from 'dicom-parser';
import sharp from 'sharp';
import { decodeExtended } from './codecs/jpeg-extended.ts';
import { decodeLossless } from './codecs/jpeg-lossless.ts';
import { decodeRle } from './codecs/rle.ts';
import { createWasmDecoders } from './codecs/wasm.ts';
import { type DicomFile, SYNTAX } from './dataset.ts';
import type { DicomHeader } from './header.ts';
import { term } from './terms.ts';

const JPEG = '1.2.840.10008.1.2.4.';
const NATIVE: readonly string[] = Object.values(SYNTAX);

/** Larger pictures than this a side are no CT slices, and a header that says so is damaged. */
const MOST_SIDE = 4608;

/** Turns frames into stored values. It keeps the codecs that it has opened. */
export interface FrameDecoder {
  /**
   * Stored values [rows · columns] of one frame, with their sign.
   * @throws Error where the frame is missing, damaged, coloured, or in a transfer syntax that is not read.
   */
  decode(file: DicomFile, header: DicomHeader, frame: number): Promise<Int32Array>;
}

export function createFrameDecoder(): FrameDecoder {
  const wasm = createWasmDecoders();
  return {
    async decode(file, header, frame) {
      if (!header.hasPixels) throw new Error('it has no pixels');
      refuse(header);
      const raw = frameBytes(file, header, frame);
      return bits(await uncompressed(raw, header), header);
    },
  };

  /** Pixels as the file would hold them without compression: `bitsAllocated` each, little end first. */
  async function uncompressed(raw: Uint8Array, header: DicomHeader): Promise<Uint8Array> {
    const { transferSyntax: syntax, bitsAllocated } = header;
    const bytes = (header.rows * header.columns * bitsAllocated) / 8;
    if (syntax.startsWith(JPEG)) refuseOtherSize(raw, header);
    if (NATIVE.includes(syntax)) return syntax === SYNTAX.explicitBig ? swapped(raw, bitsAllocated / 8) : raw;
    if (syntax === '1.2.840.10008.1.2.5') return decodeRle(raw, bytes, bitsAllocated / 8);
    switch (syntax.startsWith(JPEG) ? syntax.slice(JPEG.length) : '') {
      case '57':
      case '70':
        return fitted(ofSize(decodeLossless(raw), header), header);
      case '80':
      case '81':
        return fitted(ofSize(await wasm.decode('jpeg-ls', raw), header), header);
      case '90':
      case '91':
        return fitted(ofSize(await wasm.decode('jpeg-2000', raw), header), header);
      case '50':
      case '51':
        return await baseline(raw, header);
      default:
        throw new Error(`its transfer syntax ${term(syntax)} is not read`);
    }
  }
}

function refuse({ rows, columns, samples, photometric, bitsAllocated, bitsStored, highBit }: DicomHeader): void {
  if (samples !== 1) throw new Error(`it is coloured (${samples} samples a pixel, ${term(photometric)})`);
  if (!photometric.startsWith('MONOCHROME')) throw new Error(`its pixels are ${term(photometric)}, not grey values`);
  if (!(rows > 0 && columns > 0 && rows <= MOST_SIDE && columns <= MOST_SIDE)) {
    throw new Error(`it says that it has ${rows} × ${columns} pixels`);
  }
  if (![8, 16, 32].includes(bitsAllocated))
    throw new Error(`it has ${bitsAllocated} bits a pixel; 8, 16 and 32 are read`);
  if (!(bitsStored > 0 && bitsStored <= bitsAllocated && highBit >= bitsStored - 1 && highBit < bitsAllocated)) {
    throw new Error(`it says that ${bitsStored} of ${bitsAllocated} bits are used, up to bit ${highBit}`);
  }
}

/** One frame's bytes as the file holds them. */
function frameBytes({ set, bytes }: DicomFile, header: DicomHeader, frame: number): Uint8Array {
  const element = set.elements['x7fe00010'];
  if (!element) throw new Error('its pixels are floating-point numbers');
  const { rows, columns, bitsAllocated, frames, transferSyntax } = header;
  if (NATIVE.includes(transferSyntax)) {
    const length = (rows * columns * bitsAllocated) / 8;
    const start = element.dataOffset + frame * length;
    if (frame * length + length > element.length || start + length > bytes.length) {
      const found = Math.max(0, Math.min(element.length, bytes.length - element.dataOffset));
      throw new Error(`it ends early: ${found} bytes of pixels of ${length * frames.length}`);
    }
    return bytes.subarray(start, start + length);
  }
  const { fragments } = element;
  if (!element.encapsulatedPixelData || !fragments || fragments.length === 0) {
    throw new Error('its pixels are not compressed, though its transfer syntax says so');
  }
  if (fragments.some(f => f.position + f.length > bytes.length)) throw new Error('its compressed pixels are cut off');
  if (frames.length === 1) return dicomParser.readEncapsulatedPixelDataFromFragments(set, element, 0, fragments.length);
  if (fragments.length === frames.length)
    return dicomParser.readEncapsulatedPixelDataFromFragments(set, element, frame, 1);
  const table = element.basicOffsetTable?.length
    ? element.basicOffsetTable
    : dicomParser.createJPEGBasicOffsetTable(set, element);
  if (table.length !== frames.length)
    throw new Error(`${table.length} of ${frames.length} compressed frames were found`);
  return dicomParser.readEncapsulatedImageFrame(set, element, frame, table);
}

/** Little end first, from numbers of `size` bytes with the big end first. */
function swapped(raw: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) out[i] = raw[i - (i % size) + size - 1 - (i % size)]!;
  return out;
}

interface Samples {
  readonly pixels: Uint8Array;
  readonly info: { readonly width: number; readonly height: number; readonly componentCount: number };
}

function ofSize({ pixels, info }: Samples, { rows, columns }: DicomHeader): Uint8Array {
  if (info.width !== columns || info.height !== rows || info.componentCount !== 1) {
    throw new Error(
      `its compressed image is ${info.width} × ${info.height} with ${info.componentCount} components, the header says ` +
        `${columns} × ${rows} with one`,
    );
  }
  return pixels;
}

/** JPEG of 8 bits, or of 12 (process 4). */
async function baseline(raw: Uint8Array, header: DicomHeader): Promise<Uint8Array> {
  if (frameSize(raw)?.precision !== 8) return fitted(ofSize(decodeExtended(raw), header), header);
  const { data, info } = await sharp(raw, { failOn: 'error' })
    .toColourspace('b-w')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  return fitted(ofSize({ pixels: data, info: { width, height, componentCount: channels } }, header), header);
}

/** What a compressed frame says of itself before it is decoded. */
interface FrameSize {
  readonly width: number;
  readonly height: number;
  readonly precision: number;
}

/** Refuses a frame of another size than the header's, before a damaged one can ask for any amount of memory. */
function refuseOtherSize(raw: Uint8Array, { rows, columns }: DicomHeader): void {
  const size = frameSize(raw);
  if (size && (size.width !== columns || size.height !== rows)) {
    throw new Error(`its compressed image is ${size.width} × ${size.height}, the header says ${columns} × ${rows}`);
  }
}

/** From SOF0…3 or JPEG-LS's SOF55, or JPEG 2000's SIZ; undefined where neither is found. */
function frameSize(raw: Uint8Array): FrameSize | undefined {
  const u16 = (at: number) => raw[at]! * 256 + raw[at + 1]!;
  const u32 = (at: number) => u16(at) * 65536 + u16(at + 2);
  if (raw[0] === 0xff && raw[1] === 0x4f && raw[2] === 0xff && raw[3] === 0x51 && raw.length > 42) {
    return { width: u32(8) - u32(16), height: u32(12) - u32(20), precision: (raw[42]! & 127) + 1 };
  }
  for (let at = 2; at + 9 < raw.length && raw[at] === 0xff; at += 2 + u16(at + 2)) {
    const marker = raw[at + 1]!;
    if ((marker >= 0xc0 && marker <= 0xc3) || marker === 0xf7) {
      return { precision: raw[at + 4]!, height: u16(at + 5), width: u16(at + 7) };
    }
  }
  return undefined;
}

/** Decoded samples in the header's width: codecs give a byte where a sample has up to 8 bits. */
function fitted(pixels: Uint8Array, { rows, columns, bitsAllocated }: DicomHeader): Uint8Array {
  const count = rows * columns;
  const bytes = bitsAllocated / 8;
  if (pixels.length === count * bytes) return pixels;
  if (pixels.length !== count && pixels.length !== 2 * count) {
    throw new Error(`its compressed pixels are ${pixels.length} bytes for ${count} pixels`);
  }
  const out = new Uint8Array(count * bytes);
  const from = pixels.length / count;
  for (let i = 0; i < count; i++) {
    for (let b = 0; b < Math.min(from, bytes); b++) out[i * bytes + b] = pixels[i * from + b]!;
  }
  return out;
}

/** The bits that are used, with their sign. */
function bits(pixels: Uint8Array, { bitsAllocated, bitsStored, highBit, signed }: DicomHeader): Int32Array {
  const count = pixels.length / (bitsAllocated / 8);
  const out = new Int32Array(count);
  const view = new DataView(pixels.buffer, pixels.byteOffset, pixels.byteLength);
  const below = highBit + 1 - bitsStored;
  const above = 32 - bitsStored;
  for (let i = 0; i < count; i++) {
    const value =
      bitsAllocated === 16
        ? view.getUint16(2 * i, true)
        : bitsAllocated === 8
          ? pixels[i]!
          : view.getUint32(4 * i, true);
    const moved = (value >>> below) << above;
    // 32 bits without a sign do not occur in CT; their upper half would turn negative.
    out[i] = signed ? moved >> above : moved >>> above;
  }
  return out;
}
