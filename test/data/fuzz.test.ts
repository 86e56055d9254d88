import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { builtinRegistry } from '../../src/builtin.ts';
import { CtXaiError } from '../../src/core/errors.ts';
import { createRng, type Rng } from '../../src/core/rng.ts';
import { temporaryFolder } from './images.ts';

const golden = resolve(import.meta.dirname, '../golden');
const base = temporaryFolder();
const { readers } = builtinRegistry();

const SOURCES = [
  ['dicom', ['dicom/syntax', 'dicom/frames', 'dicom/study/outlines'], /\.dcm$/, {}],
  ['nifti', ['volumes'], /\.nii(\.gz)?$/, { unit: 'HU' }],
  ['metaimage', ['volumes'], /\.mh[ad]$/, { unit: 'HU' }],
  ['npy', ['.'], /tiny.*\.npy$/, { unit: 'HU' }],
] as const;

/** Cut off, with flipped bits, with a length changed, or with bytes put in between. */
function damaged(bytes: Buffer, rng: Rng): Buffer {
  const out = Buffer.from(bytes);
  switch (rng.int(4)) {
    case 0:
      return out.subarray(0, rng.int(out.length));
    case 1:
      for (let k = rng.int(8); k >= 0; k--) out[rng.int(out.length)]! ^= 1 << rng.int(8);
      return out;
    case 2:
      out.writeUInt32LE(rng.int(2) ? 0xffffffff : rng.int(2 ** 30), rng.int(Math.min(out.length - 4, 900)));
      return out;
    default: {
      const at = rng.int(out.length);
      const extra = Buffer.from(Array.from({ length: 1 + rng.int(20) }, () => rng.int(256)));
      return Buffer.concat([out.subarray(0, at), extra, out.subarray(at)]);
    }
  }
}

// 1,500 files a format were tried by hand in the same way.
it.each(SOURCES)(
  '%s: 60 damaged files give an image or an error that says why, never anything else',
  async (name, folders, ending, options) => {
    const files = folders
      .flatMap(f => readdirSync(join(golden, f)).map(n => join(golden, f, n)))
      .filter(f => ending.test(f));
    expect(files.length).toBeGreaterThan(1);
    const rng = createRng(`fuzz ${name}`);
    mkdirSync(join(base, name));
    for (let i = 0; i < 60; i++) {
      const source = files[rng.int(files.length)]!;
      const path = join(base, name, `${i}${/(\.nii\.gz|\.\w+)$/.exec(source)![0]}`);
      writeFileSync(path, damaged(readFileSync(source), rng));
      try {
        const dataset = await readers.get(name)!.open({ path, ...options }, { base });
        for await (const sample of dataset.samples()) {
          const { pixels } = (await sample.load()).source;
          expect(pixels.data).toHaveLength(pixels.shape.reduce((a, b) => a * b, 1));
        }
      } catch (error) {
        expect(error, path).toBeInstanceOf(CtXaiError);
        expect((error as CtXaiError).message).not.toMatch(/undefined|\[object/);
      }
    }
  },
);
