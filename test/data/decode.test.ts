import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encode as encodeBmp } from 'fast-bmp';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { decodeImage } from '../../src/data/pixels/decode.ts';
import { encode, put, temporaryFolder } from './images.ts';

const folder = temporaryFolder();
let files = 0;

async function decode(bytes: Uint8Array, ending = 'png'): Promise<number[]> {
  const path = join(folder, `${files++}.${ending}`);
  writeFileSync(path, bytes);
  return [...(await decodeImage(path)).stored.data];
}

/** Pillow's `convert('L')`, from its documentation: (19595 R + 38470 G + 7471 B + 2¹⁵) / 2¹⁶. */
const luma = (r: number, g: number, b: number) => Math.floor((19595 * r + 38470 * g + 7471 * b + 32768) / 65536);

const colours = Uint8Array.from([255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30, 200, 100, 50, 255, 255, 255]);
const lumas = [0, 3, 6, 9, 12, 15].map(i => luma(colours[i]!, colours[i + 1]!, colours[i + 2]!));
const size = { width: 3, height: 2 };

describe('grey levels', () => {
  it.each(['png', 'tiff'] as const)('8-bit grey %s is as stored', async format => {
    const values = Uint8Array.from([0, 1, 2, 127, 254, 255]);
    expect(await decode(await encode(values, { ...size, channels: 1 }, format), format)).toEqual([...values]);
  });

  it.each(['png', 'tiff'] as const)('16-bit grey %s is as stored, all 16 bits', async format => {
    const values = Uint16Array.from([0, 1, 255, 256, 40001, 65535]);
    expect(await decode(await encode(values, { ...size, channels: 1 }, format), format)).toEqual([...values]);
  });

  it('8-bit colour becomes luma in integers', async () => {
    expect(await decode(await encode(colours, { ...size, channels: 3 }))).toEqual(lumas);
    expect(lumas.slice(0, 3)).toEqual([76, 150, 29]);
  });

  it('colours are kept beside the luma, where there are any', async () => {
    const read = async (bytes: Uint8Array) => {
      const path = join(folder, `${files++}.png`);
      writeFileSync(path, bytes);
      return (await decodeImage(path)).colour;
    };
    const coloured = await read(await encode(colours, { ...size, channels: 3 }));
    expect(coloured!.shape).toEqual([2, 3, 3]);
    expect([...coloured!.data]).toEqual([...colours]);
    const grey = Uint8Array.from(lumas.flatMap(v => [v, v, v]));
    expect(await read(await encode(grey, { ...size, channels: 3 }))).toBeUndefined();
    expect(await read(await encode(Uint8Array.from(lumas), { ...size, channels: 1 }))).toBeUndefined();
  });

  it('16-bit colour becomes luma without rounding', async () => {
    const values = Uint16Array.from([...colours].map(v => v * 257));
    const [red] = await decode(await encode(values, { ...size, channels: 3 }));
    expect(red).toBeCloseTo((19595 * 65535) / 65536, 2);
  });

  it('alpha is ignored, in colour and in grey', async () => {
    const rgba = Uint8Array.from({ length: 24 }, (_, i) =>
      i % 4 === 3 ? 17 * (i >> 2) : colours[(i >> 2) * 3 + (i % 4)]!,
    );
    expect(await decode(await encode(rgba, { ...size, channels: 4 }))).toEqual(lumas);
    const greyAlpha = Uint8Array.from([9, 0, 8, 255, 7, 128, 6, 1, 5, 2, 4, 3]);
    expect(await decode(await encode(greyAlpha, { ...size, channels: 2 }))).toEqual([9, 8, 7, 6, 5, 4]);
  });

  it('a palette PNG becomes its colours', async () => {
    const png = await sharp(colours, { raw: { ...size, channels: 3 } })
      .png({ palette: true, dither: 0 })
      .toBuffer();
    expect(await decode(png)).toEqual(lumas);
  });

  it('a colour profile changes nothing', async () => {
    const png = await sharp(colours, { raw: { ...size, channels: 3 } })
      .withIccProfile('p3')
      .png()
      .toBuffer();
    const { data } = await sharp(png, { ignoreIcc: true }).raw().toBuffer({ resolveWithObject: true });
    expect(await decode(png)).toEqual([0, 3, 6, 9, 12, 15].map(i => luma(data[i]!, data[i + 1]!, data[i + 2]!)));
  });

  it('EXIF orientation is ignored', async () => {
    const values = Uint8Array.from([10, 60, 110, 160, 210, 250]);
    const turned = await sharp(values, { raw: { ...size, channels: 1 } })
      .withMetadata({ orientation: 6 })
      .jpeg({ quality: 100 })
      .toBuffer();
    const decoded = await decodeImage(put(folder, 'turned.jpg', turned));
    expect(decoded.stored.shape).toEqual([2, 3]);
  });
});

describe('BMP', () => {
  it.each([1, 3, 4] as const)('%i channels, against another encoder', async channels => {
    const pixels = Uint8Array.from({ length: 6 * channels }, (_, i) => (i * 37) % 256);
    const bmp = encodeBmp({ ...size, data: pixels, channels, bitsPerPixel: channels * 8 });
    const expected = Array.from({ length: 6 }, (_, i) =>
      channels === 1 ? pixels[i]! : luma(pixels[i * channels]!, pixels[i * channels + 1]!, pixels[i * channels + 2]!),
    );
    expect(await decode(bmp, 'bmp')).toEqual(expected);
  });

  it('a palette that is not the identity, top-down rows', async () => {
    expect(await decode(handmadeBmp({ topDown: true }), 'bmp')).toEqual([100, 200, 200, 100]);
    expect(await decode(handmadeBmp({ topDown: false }), 'bmp')).toEqual([200, 100, 100, 200]);
  });

  it('refuses what is compressed or cut off', async () => {
    const bmp = handmadeBmp({ topDown: true });
    await expect(decode(bmp.subarray(0, bmp.length - 3), 'bmp')).rejects.toThrow(/it ends early/);
    await expect(decode(bmp.subarray(0, 20), 'bmp')).rejects.toThrow(/within its header/);
    bmp[30] = 1;
    await expect(decode(bmp, 'bmp')).rejects.toThrow(/compressed/);
  });
});

/** 2 × 2, 8 bits, palette [100, 200], indices 0 1 / 1 0 as stored. */
function handmadeBmp({ topDown }: { topDown: boolean }): Uint8Array {
  const bytes = new Uint8Array(54 + 8 + 8);
  const view = new DataView(bytes.buffer);
  bytes.set([0x42, 0x4d]);
  view.setUint32(10, 62, true);
  view.setUint32(14, 40, true);
  view.setInt32(18, 2, true);
  view.setInt32(22, topDown ? -2 : 2, true);
  view.setUint16(28, 8, true);
  view.setUint32(46, 2, true);
  bytes.set([100, 100, 100, 0, 200, 200, 200, 0], 54);
  bytes.set([0, 1, 0, 0, 1, 0, 0, 0], 62);
  return bytes;
}

describe('what is refused, naming the file', () => {
  const refuse = async (bytes: Uint8Array | string, message: RegExp, ending = 'png') => {
    const path = put(folder, `bad-${files++}.${ending}`, bytes);
    const error = await decodeImage(path, `index.csv, line 7: ${path}`).catch(e => e);
    expect(error).toMatchObject({ name: 'CtXaiError', code: 'IMAGE' });
    expect(error.message).toMatch(message);
    expect(error.message).toContain(`index.csv, line 7: ${path}`);
  };

  it('an empty file', () => refuse('', /is empty/));
  it('a file that is no image', () => refuse('file,label\na,b\n', /not an image/));
  it('a missing file', async () => {
    await expect(decodeImage(join(folder, 'none.png'))).rejects.toMatchObject({ code: 'IMAGE' });
  });

  it('PNG, JPEG and TIFF that are cut off', async () => {
    const noise = Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * i * 31) % 251);
    const image = () => sharp(noise, { raw: { width: 64, height: 64, channels: 3 } });
    for (const [ending, bytes] of Object.entries({
      png: await image().png().toBuffer(),
      jpg: await image().jpeg().toBuffer(),
      tif: await image().tiff({ compression: 'lzw' }).toBuffer(),
    })) {
      await refuse(bytes.subarray(0, Math.floor(bytes.length / 2)), /can't be decoded|cut off/, ending);
    }
  });

  it('several pages, other formats', async () => {
    const frame = { width: 2, height: 4, channels: 1 as const, pageHeight: 2 };
    const pages = await sharp(new Uint8Array(8), { raw: frame }).tiff().toBuffer();
    await refuse(pages, /2 pages/, 'tif');
    const webp = await sharp(new Uint8Array(12), { raw: { width: 2, height: 2, channels: 3 } })
      .webp()
      .toBuffer();
    await refuse(webp, /WEBP/);
  });
});

describe('numbers with a sign and fractions', () => {
  const values = [-1024, 0, 40, 3071];

  it.each([
    ['16-bit integers', 16, 2, 'signed'],
    ['32-bit integers', 32, 2, 'signed'],
    ['32-bit floats', 32, 3, 'float'],
  ] as const)('TIFF of %s is as stored', async (_, bits, sampleFormat, type) => {
    const path = put(folder, `numbers-${files++}.tif`, handmadeTiff(bits, sampleFormat, values));
    const decoded = await decodeImage(path);
    expect([...decoded.stored.data]).toEqual(values);
    expect(decoded).toMatchObject({ type, maximum: 3071, format: 'tiff' });
  });

  it('64-bit floats are refused', async () => {
    const path = put(folder, `numbers-${files++}.tif`, handmadeTiff(64, 3, [0, 0, 0, 0]));
    await expect(decodeImage(path)).rejects.toMatchObject({ code: 'IMAGE' });
  });
});

it.each([
  ['DICOM', () => Buffer.concat([Buffer.alloc(128), Buffer.from('DICM'), Buffer.alloc(300)])],
  ['DICOM', () => Buffer.from([8, 0, 5, 0, 0x43, 0x53, 10, 0, ...Buffer.from('ISO_IR 100')])],
  ['NIfTI', () => Buffer.concat([Buffer.alloc(344), Buffer.from('n+1\0'), Buffer.alloc(8)])],
  ['NumPy', () => Buffer.from('\x93NUMPY\x01\x00', 'latin1')],
  ['MetaImage', () => Buffer.from('ObjectType = Image\nNDims = 3\n')],
  ['zip', () => Buffer.from('PK\x03\x04')],
])('a %s file is named as such, whatever its name', async (name, bytes) => {
  const path = put(folder, `other-${files++}.png`, bytes());
  await expect(decodeImage(path)).rejects.toMatchObject({
    code: 'IMAGE',
    message: expect.stringContaining(`it is a ${name} file, whatever its name says`),
  });
});

/** 2 × 2, uncompressed. `sampleFormat`: 1 unsigned, 2 signed, 3 float. */
function handmadeTiff(bits: number, sampleFormat: number, values: readonly number[]): Uint8Array {
  const tags = { 256: 2, 257: 2, 258: bits, 259: 1, 262: 1, 273: 8, 278: 2, 279: bits / 2, 339: sampleFormat };
  const directory = 8 + bits / 2;
  const view = new DataView(new ArrayBuffer(directory + 2 + 12 * 9 + 4));
  view.setUint32(0, 0x2a4949, true);
  view.setUint32(4, directory, true);
  for (const [i, value] of values.entries()) {
    const at = 8 + (i * bits) / 8;
    if (bits === 16) view.setInt16(at, value, true);
    else if (sampleFormat === 2) view.setInt32(at, value, true);
    else if (bits === 32) view.setFloat32(at, value, true);
  }
  view.setUint16(directory, 9, true);
  Object.entries(tags).forEach(([tag, value], i) => {
    const at = directory + 2 + 12 * i;
    view.setUint16(at, Number(tag), true);
    view.setUint16(at + 2, 3, true);
    view.setUint32(at + 4, 1, true);
    view.setUint16(at + 8, value, true);
  });
  return new Uint8Array(view.buffer);
}

it.each(['png', 'bmp'] as const)('a %s of more pixels than are read is refused by its header', async kind => {
  const path = join(folder, `large.${kind}`);
  if (kind === 'png') {
    const image = sharp({ create: { width: 9000, height: 9000, channels: 3, background: '#204060' } });
    await image.png({ palette: true, compressionLevel: 9 }).toFile(path);
  } else {
    const header = Buffer.alloc(54);
    header.write('BM');
    header.writeUInt32LE(54, 10);
    header.writeUInt32LE(40, 14);
    header.writeInt32LE(2 ** 30, 18);
    header.writeInt32LE(-(2 ** 30), 22);
    header.writeUInt16LE(24, 28);
    writeFileSync(path, header);
  }
  await expect(decodeImage(path)).rejects.toMatchObject({
    code: 'IMAGE',
    message: expect.stringMatching(/at most 67,108,864/),
  });
  if (kind === 'png') await expect(decodeImage(path, path, { maxPixels: 1e5 })).rejects.toThrow('at most 100,000');
});
