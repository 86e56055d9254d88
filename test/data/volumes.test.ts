import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { Dataset, Sample } from '../../src/core/contracts/index.ts';
import { metaimage } from '../../src/data/readers/metaimage.ts';
import { nifti } from '../../src/data/readers/nifti.ts';
import { chooseCuts } from '../../src/data/volumes/choose-cuts.ts';
import { type CutPlace, maskOnCut } from '../../src/data/volumes/mask-volume.ts';
import { readNiftiVolume } from '../../src/data/volumes/nifti-file.ts';
import { temporaryFolder } from './images.ts';

const golden = resolve(import.meta.dirname, '../golden/volumes');
const base = temporaryFolder();

interface Reference {
  readonly axial: number[][][];
  readonly coronal: number[][][];
  readonly sagittal: number[][][];
  readonly places: readonly (readonly [[number, number, number], [number, number, number]])[];
}
const { files } = JSON.parse(readFileSync(join(golden, 'references.json'), 'utf8')) as {
  files: Record<string, Reference>;
};

/** Copies golden files to new places. */
function lay(folder: string, copies: Readonly<Record<string, string>>): string {
  for (const [to, from] of Object.entries(copies)) {
    const path = join(base, folder, to);
    mkdirSync(dirname(path), { recursive: true });
    copyFileSync(join(golden, from), path);
  }
  return folder;
}

async function list(dataset: Dataset): Promise<Sample[]> {
  const samples: Sample[] = [];
  for await (const sample of dataset.samples()) samples.push(sample);
  return samples;
}

const rowsOf = ({ shape, data }: { shape: readonly number[]; data: Float32Array }) =>
  Array.from({ length: shape[0]! }, (_, r) => [...data.subarray(r * shape[1]!, (r + 1) * shape[1]!)]);

describe('NIfTI against nibabel 5.4.2', () => {
  it.each(Object.keys(files))('%s: every voxel of every plane, and where voxels lie', async name => {
    const { places, ...planes } = files[name]!;
    for (const [plane, cuts] of Object.entries(planes)) {
      const dataset = await nifti.open({ path: join(golden, name), plane, unit: 'HU' }, { base });
      const samples = await list(dataset);
      expect(samples).toHaveLength(cuts.length);
      for (const [k, sample] of samples.entries()) {
        const { source } = await sample.load();
        const found = rowsOf(source.pixels);
        expect(found.map(row => row.length)).toEqual(cuts[k]!.map(row => row.length));
        found.flat().forEach((v, i) => {
          expect(v).toBeCloseTo(cuts[k]!.flat()[i]!, 3);
        });
      }
    }
    const axial = await list(await nifti.open({ path: join(golden, name), unit: 'HU' }, { base }));
    for (const [[r, c, k], world] of places) {
      const { spacing, placement } = (await axial[k]!.load()).source;
      [0, 1, 2].forEach(x => {
        const at =
          placement!.origin[x]! +
          r * spacing![0]! * placement!.axes[0]![x]! +
          c * spacing![1]! * placement!.axes[1]![x]!;
        expect(at).toBeCloseTo(world[x]!, 3);
      });
    }
  });
});

it.each<[string, { offset?: number; lean?: number; qform?: number }, string[]]>([
  ['two places that agree', {}, []],
  ['two places half a millimetre apart', { offset: 0.5 }, []],
  ['two places apart', { offset: 30 }, ['its sform and its qform place it up to 30 mm apart: the sform was taken']],
  ['one place', { offset: 30, qform: 0 }, []],
  [
    'leaning axes',
    { lean: 0.1, qform: 0 },
    [
      'its axes are not at right angles to each other (a tilted gantry, or a registration): slices are as they are stored',
    ],
  ],
])('a NIfTI file with %s', async (name, { offset = 0, lean = 0, qform = 1 }, told) => {
  const bytes = Buffer.from(readFileSync(join(golden, 'oblique-sform.nii')));
  const floats = (at: number, values: readonly number[]) =>
    values.forEach((v, i) => {
      bytes.writeFloatLE(v, at + 4 * i);
    });
  bytes.writeInt16LE(qform, 252);
  bytes.writeInt16LE(1, 254);
  // Voxels of 1 mm, no rotation: by the qform moved along the body.
  floats(76, [1, 1, 1, 1]);
  floats(256, [0, 0, 0, 0, 0, offset]);
  floats(280, [1, lean, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0]);
  mkdirSync(join(base, 'forms'), { recursive: true });
  const file = `${name.replaceAll(' ', '-')}.nii`;
  writeFileSync(join(base, 'forms', file), bytes);
  const { remarks = [] } = await nifti.open({ path: join(base, 'forms', file), unit: 'HU' }, { base });
  expect(remarks).toEqual(told.map(text => `${file}: ${text}`));
});

describe('a folder of volumes', () => {
  it('is a patient and an exam a file; labels are folders; ids name plane and slice', async () => {
    const path = lay('classes', { 'yes/a.nii': 'straight.nii', 'yes/b.nii': 'lps.nii.gz', 'no/c.nii': 'permuted.nii' });
    // A .nii file that is compressed all the same.
    const dataset = await nifti.open({ path }, { base });
    const samples = await list(dataset);
    expect(dataset).toMatchObject({
      labels: ['no', 'yes'],
      remarks: [expect.stringMatching(/first folders: no, yes/)],
    });
    expect(samples[0]).toMatchObject({ id: 'no/c.nii/axial-0', patient: 'no/c', exam: 'no/c', label: 'no' });
    expect((await samples.at(-1)!.load()).source).toMatchObject({ unit: 'HU' });
  });

  it('takes labels, splits, patients and subgroups from a table by file or patient; says what no row is about', async () => {
    const path = lay('table', { 'a.nii': 'straight.nii', 'b.nii': 'straight.nii' });
    writeFileSync(
      join(base, path, 't.csv'),
      'file,label,split,patient,sex\na.nii,ill,test,P1,F\nb,well,train,P2,M\nc,ill,test,P3,F\n',
    );
    const dataset = await nifti.open({ path, index: 't.csv', groups: ['sex'], split: 'test' }, { base });
    expect((await list(dataset))[0]).toMatchObject({
      label: 'ill',
      split: 'test',
      patient: 'P1',
      groups: { sex: 'F' },
    });
    expect(dataset.count).toBe(3);
    expect(dataset.remarks!.join()).toMatch(/t\.csv: 1 rows are about no slice \(lines 4\)/);
    await expect(nifti.open({ path, index: 't.csv', split: 'val' }, { base })).rejects.toMatchObject({
      hint: 'There are: test, train.',
    });
  });

  it('finds masks in folders of several readers and beside the image; of another grid it says so', async () => {
    const path = lay('masked', {
      'a.nii': 'straight.nii',
      'b.nii': 'lps.nii.gz',
      'b_seg.nii': 'straight_mask.nii',
      'r1/a.nii': 'straight_mask.nii',
      'r2/a.nii': 'straight.nii',
    });
    const dataset = await nifti.open({ path, masks: { one: 'r1', two: 'r2' } }, { base });
    const samples = await list(dataset);
    expect(samples.map(s => s.id)).toHaveLength(6);
    const { source, mask, masks } = await samples[1]!.load();
    expect(Object.keys(masks!)).toEqual(['one', 'two']);
    expect([...masks!.one!.data]).toEqual([...source.pixels.data].map(v => Number(v > 700)));
    expect([...mask!.data]).toEqual([...source.pixels.data].map(v => Number(v > 0)));
    expect(dataset.remarks!.join()).toMatch(/b\.nii: its mask b_seg\.nii lies on another grid/);
    const lesions = await list(await nifti.open({ path, masks: 'r1', maskValues: [1], only: 'lesion' }, { base }));
    for (const sample of lesions) expect((await sample.load()).mask!.data.some(v => v > 0)).toBe(true);
    await expect(nifti.open({ path, masks: 'nowhere' }, { base })).rejects.toMatchObject({ code: 'DATA' });
  });

  it('a mask with voxels that are not a number is refused', async () => {
    const volume = await readNiftiVolume(join(golden, 'straight_mask.nii'));
    const { origin, axes, spacing } = volume;
    const place = { origin, axes: [axes[0], axes[1]], spacing: [spacing[0], spacing[1]], shape: [2, 2] };
    const cut = { ...place, placement: { origin, axes: [axes[0], axes[1]] } } as unknown as CutPlace;
    expect(maskOnCut(volume, cut).data).toHaveLength(4);
    expect(() => maskOnCut({ ...volume, slope: Number.NaN }, cut)).toThrowError(/not a number/);
  });

  it('goes on without damaged files, each named with its reason', async () => {
    const path = lay('damaged', { 'good.nii': 'straight.nii', 'notes.txt': 'make.py', 'x.dcm': 'make.py' });
    const plain = readFileSync(join(golden, 'straight.nii'));
    const zipped = readFileSync(join(golden, 'lps.nii.gz'));
    const edited = (at: number, value: number) => {
      const bytes = Buffer.from(plain);
      bytes.writeInt16LE(value, at);
      return bytes;
    };
    const bad = {
      'short.nii': plain.subarray(0, 100),
      'none.nii': Buffer.from('hello'.repeat(200)),
      'pair.nii': Buffer.concat([plain.subarray(0, 344), Buffer.from('ni1\0'), plain.subarray(348)]),
      'five.nii': Buffer.concat([
        plain.subarray(0, 40),
        new Uint8Array(new Int16Array([5, 2, 2, 2, 2, 2, 1, 1]).buffer),
        plain.subarray(56),
      ]),
      'empty.nii': edited(42, 0),
      'colour.nii': edited(70, 128),
      'start.nii': Buffer.concat([plain.subarray(0, 108), new Uint8Array(4), plain.subarray(112)]),
    };
    for (const [name, bytes] of Object.entries(bad)) writeFileSync(join(base, path, name), bytes);
    writeFileSync(join(base, path, 'late.nii'), plain.subarray(0, 400));
    writeFileSync(join(base, path, 'late2.nii.gz'), zipped.subarray(0, 200));
    const dataset = await nifti.open({ path }, { base });
    const reasons = Object.fromEntries(dataset.leftOut!.map(f => [f.path, f.reason]));
    expect(reasons).toEqual({
      'short.nii': 'it is no NIfTI file: it is too short',
      'none.nii': 'it is no NIfTI file: its header has another size',
      'pair.nii': expect.stringMatching(/file of their own/),
      'five.nii': expect.stringMatching(/5 dimensions \(2 × 2 × 2 × 2 × 2\)/),
      'empty.nii': expect.stringMatching(/0 × 4 × 3 voxels/),
      'colour.nii': expect.stringMatching(/type 128, which is not read/),
      'start.nii': 'its header says that its voxels begin at byte 0; the header alone has 348',
      'x.dcm': 'it is no NIfTI file by its name',
    });
    const samples = await list(dataset);
    const failures = await Promise.all(
      samples.map(s =>
        s.load().then(
          () => undefined,
          e => `${s.id} ${e.message}`,
        ),
      ),
    );
    expect(failures.filter(Boolean)).toHaveLength(6);
    expect(failures.join()).toMatch(/late\.nii\/axial-0 late\.nii: it ends early: 400 bytes of 472/);
    expect(failures.join()).toMatch(/late2\.nii\.gz: its compression is damaged or cut off/);
  });

  it('asks what values are that may be HU or grey levels', async () => {
    const path = lay('doubt', { 'a.nii': 'straight_mask.nii' });
    const [sample] = await list(await nifti.open({ path }, { base }));
    await expect(sample!.load()).rejects.toMatchObject({ code: 'IMAGE', hint: expect.stringMatching(/data\.unit/) });
    const [asked] = await list(
      await nifti.open({ path, unit: 'HU', rescale: { slope: 2, intercept: -1000 } }, { base }),
    );
    expect(new Set((await asked!.load()).source.pixels.data)).toEqual(new Set([-1000, -998]));
  });

  it('has another digest when a voxel, a mask or an option changes', async () => {
    const path = lay('digest', { 'a.nii': 'straight.nii' });
    const digest = async (more: object = {}) => (await nifti.open({ path, ...more }, { base })).digest;
    const before = await digest();
    expect(await digest()).toBe(before);
    expect(await digest({ every: 3 })).not.toBe(before);
    lay('digest', { 'a_seg.nii': 'straight_mask.nii' });
    expect(await digest()).not.toBe(before);
  });
});

const VALUES = [-1000, -999, 5, 40, 300, 1200];
const voxels16 = () => Buffer.from(Int16Array.from(VALUES).buffer);

describe('MetaImage', () => {
  const voxels = JSON.parse(readFileSync(join(golden, 'metaimage.json'), 'utf8')) as number[][][];

  it('is read as ITK writes it: its own file or another, plain or compressed, LPS', async () => {
    const dataset = await metaimage.open({ path: golden }, { base });
    const samples = await list(dataset);
    // The second axis runs to the feet, the third to the back: rows are the third, slices the second from its end.
    expect(samples.map(s => s.id)).toEqual(
      ['local.mha', 'zipped.mhd'].flatMap(f => [0, 1, 2, 3].map(k => `${f}/axial-${k}`)),
    );
    for (const [s, sample] of samples.entries()) {
      const k = 3 - (s % 4);
      const { source } = await sample.load();
      expect(rowsOf(source.pixels)).toEqual([0, 1, 2].map(j => voxels.map(x => x[k]![j])));
      expect(source.spacing).toEqual([2, 0.7]);
      const { origin, axes } = source.placement!;
      expect(axes).toEqual([
        [0, 1, 0],
        [1, 0, 0],
      ]);
      expect(origin[2]).toBeCloseTo(-30.5 - 0.8 * k, 6);
      expect(origin.slice(0, 2)).toEqual([-10, 20]);
    }
  });

  it('goes on without damaged files, each named with its reason', async () => {
    const header = readFileSync(join(golden, 'zipped.mhd'), 'utf8');
    const path = lay('meta', { 'good.mha': 'local.mha' });
    const bad = {
      'a.mhd': header.replace('MET_SHORT', 'MET_STRING'),
      'b.mhd': header.replace('DimSize = 5 4 3', 'DimSize = 5 4'),
      'c.mhd': header.replace('zipped.zraw', '../zipped.zraw'),
      'd.mhd': header.replace('zipped.zraw', '%03d.raw 1 3'),
      'e.mhd': 'no header',
      'f.mhd': header.replace('0.7 0.8 2', '0 0.8 2'),
      'g.mhd': header.replace('5 4 3', '50000 40000 3000'),
      'h.mhd': header.replace('DimSize', 'HeaderSize = -1\nDimSize'),
    };
    for (const [name, text] of Object.entries(bad)) writeFileSync(join(base, path, name), text);
    const { leftOut } = await metaimage.open({ path }, { base });
    expect(leftOut!.map(f => f.path)).toEqual(Object.keys(bad));
    writeFileSync(join(base, path, 'i.mhd'), header.replace('zipped.zraw', 'gone.zraw'));
    const late = (await list(await metaimage.open({ path }, { base }))).find(s => s.id.startsWith('i.mhd'))!;
    await expect(late.load()).rejects.toMatchObject({ message: expect.stringMatching(/gone\.zraw, is not there/) });
  });
});

it.each<[string, string, Buffer]>([
  ['bytes before its voxels', 'HeaderSize = 7\n', Buffer.concat([Buffer.alloc(7, 9), voxels16()])],
  ['its voxels at the end', 'HeaderSize = -1\n', Buffer.concat([Buffer.alloc(33, 9), voxels16()])],
  ['whole numbers of eight bytes', 'MET_LONG_LONG', Buffer.from(BigInt64Array.from(VALUES, BigInt).buffer)],
  ['whole numbers of four bytes', 'MET_LONG', Buffer.from(Int32Array.from(VALUES).buffer)],
])('a MetaImage with %s is read as SimpleITK 2.5.7 reads it', async (name, line, voxels) => {
  const folder = `meta-${name.replaceAll(' ', '-')}`;
  mkdirSync(join(base, folder));
  const type = line.startsWith('MET') ? line : 'MET_SHORT';
  const header = `ObjectType = Image\nNDims = 3\nDimSize = 3 2 1\n${line.startsWith('MET') ? '' : line}ElementType = ${type}\n`;
  writeFileSync(join(base, folder, 'ä.raw'), voxels);
  // No end of the last line, and letters that are not ASCII.
  writeFileSync(join(base, folder, 'ä.mhd'), `${header}ElementDataFile = ä.raw`);
  const [sample] = await list(await metaimage.open({ path: folder, unit: 'HU' }, { base }));
  expect([...(await sample!.load()).source.pixels.data]).toEqual(VALUES);
});

describe('which slices', () => {
  const positions = Array.from({ length: 11 }, (_, k) => k * 2.5);

  it.each([
    [{}, 11],
    [{ every: 5 }, 6],
    [{ every: 5.1 }, 4],
    [{ every: 1 }, 11],
    [{ range: [0.5, 1] as const }, 6],
    [{ range: [0.4, 0.6] as const, every: 5 }, 2],
  ])('%j takes %i of 11 at 2.5 mm', (choice, count) => {
    expect(chooseCuts(positions, choice)).toHaveLength(count);
  });
});

it('a stream that inflates to more than its header says is refused', async () => {
  const { gzipSync } = await import('node:zlib');
  const bomb = Buffer.concat([gunzipSync(readFileSync(join(golden, 'lps.nii.gz'))), Buffer.alloc(2 ** 22)]);
  const path = join(base, 'bomb.nii.gz');
  writeFileSync(path, gzipSync(bomb));
  await expect(readNiftiVolume(path)).rejects.toThrow(/more than its header says/);
});
