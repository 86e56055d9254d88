import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { builtinRegistry } from '../../src/builtin.ts';
import { writeNpy } from '../../src/core/npy.ts';
import { type OpenFileOptions, openFile } from '../../src/data/open-file.ts';
import { encode, put, temporaryFolder, tinyPng } from './images.ts';

const golden = resolve(import.meta.dirname, '../golden');
const base = temporaryFolder();
const { readers } = builtinRegistry();
const load = async (path: string, options?: OpenFileOptions) => {
  const sample = await openFile(path, readers, options);
  return { id: sample.id, ...(await sample.load()).source };
};

describe('one file of any kind', () => {
  it('is known by its first bytes, whatever its name', async () => {
    const { readFileSync } = await import('node:fs');
    const disguised = put(base, 'picture.png', readFileSync(join(golden, 'dicom/syntax/explicit.dcm')));
    expect(await load(disguised)).toMatchObject({ unit: 'HU', pixels: { shape: [10, 12] }, spacing: [0.8, 0.7] });
    expect(await load(put(base, 'a.dcm', await tinyPng()))).toMatchObject({ unit: 'grey', pixels: { shape: [3, 4] } });
    expect(await load(join(golden, 'dicom/study/Doe Jane/scout.dcm'))).toMatchObject({ unit: 'HU' });
  });

  it('of several slices is the middle one, or the one that is asked for', async () => {
    const nifti = join(golden, 'volumes/straight.nii');
    expect(await load(nifti)).toMatchObject({ id: 'straight.nii/axial-1', unit: 'HU', pixels: { shape: [4, 5] } });
    expect((await load(nifti, { slice: 2 })).id).toBe('straight.nii/axial-2');
    expect((await load(nifti, { plane: 'sagittal', slice: 0 })).pixels.shape).toEqual([3, 4]);
    await expect(load(nifti, { slice: 3 })).rejects.toMatchObject({
      code: 'DATA',
      hint: expect.stringMatching(/0 to 2/),
    });
    expect((await load(join(golden, 'dicom/frames/rle.dcm'))).id).toBe('rle.dcm/frame-1');
    expect((await load(join(golden, 'volumes/local.mha'))).id).toBe('local.mha/axial-1');
    const stack = put(base, 's.npy', writeNpy({ shape: [3, 2, 2], data: new Int16Array(12).fill(-1000) }));
    expect(await load(stack, { spacing: 2 })).toMatchObject({ id: 's.npy/1', unit: 'HU', spacing: [2, 2] });
  });

  it('as a picture takes rescale, bits and spacing, and asks what 12 bits are', async () => {
    const twelve = put(
      base,
      '12.png',
      await encode(Uint16Array.from([0, 1024, 4095, 7]), { width: 2, height: 2, channels: 1 }),
    );
    await expect(load(twelve)).rejects.toMatchObject({ code: 'IMAGE', hint: expect.stringMatching(/bits: 12/) });
    expect((await load(twelve, { bits: 12 })).pixels.data[2]).toBeCloseTo(255, 4);
    const hu = await load(twelve, { rescale: { slope: 1, intercept: -1024 }, spacing: 0.7 });
    expect(hu).toMatchObject({ unit: 'HU', spacing: [0.7, 0.7] });
    expect([...hu.pixels.data]).toEqual([-1024, 0, 3071, -1017]);
  });

  it('that is not there, or of no kind, is refused', async () => {
    await expect(load(join(base, 'none'))).rejects.toMatchObject({ code: 'IMAGE' });
    await expect(load(put(base, 'x.txt', 'hello'))).rejects.toMatchObject({ code: 'IMAGE' });
    await expect(load(put(base, 'y.png', await tinyPng()), { use: 'nothing' })).rejects.toMatchObject({
      code: 'USAGE',
    });
  });
});
