import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { afterAll } from 'vitest';

/** A fresh folder, removed after the file's tests. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'ct-xai-data-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes a file, its folders too. Returns its path. */
export function put(folder: string, name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 2 | 3 | 4;
}

/** A PNG or TIFF whose pixels are exactly `values`, 8 or 16 bits by their type. */
export function encode(values: Uint8Array | Uint16Array, raw: Pixels, format: 'png' | 'tiff' = 'png'): Promise<Buffer> {
  const wide = values instanceof Uint16Array;
  const space = raw.channels < 3 ? (wide ? 'grey16' : 'b-w') : wide ? 'rgb16' : 'srgb';
  const image = sharp(values, { raw }).toColourspace(space);
  return (format === 'png' ? image.png() : image.tiff({ compression: 'lzw' })).toBuffer();
}

/** A small grey PNG, different for each `n`. */
export function tinyPng(n = 0, width = 4, height = 3): Promise<Buffer> {
  return encode(
    Uint8Array.from({ length: width * height }, (_, i) => (i * 20 + n * 7) % 256),
    { width, height, channels: 1 },
  );
}
