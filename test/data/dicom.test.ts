import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Dataset, Sample } from '../../src/core/contracts/index.ts';
import { ageBand } from '../../src/data/dicom/header.ts';
import { createPseudonyms } from '../../src/data/dicom/identity.ts';
import { dicom } from '../../src/data/readers/dicom.ts';
import { put, temporaryFolder } from './images.ts';

const golden = resolve(import.meta.dirname, '../golden/dicom');
const base = temporaryFolder();
const reference = JSON.parse(readFileSync(join(golden, 'references.json'), 'utf8')) as {
  files: Record<string, number[][][]>;
  segmentation: Record<string, number[][]>;
  lung: Record<string, number[][]>;
  structures: Record<string, number[][]>;
  instances: Record<string, string>;
};

const open = (options: object): Promise<Dataset> => dicom.open(options, { base });

async function list(dataset: Dataset): Promise<Sample[]> {
  const samples: Sample[] = [];
  for await (const sample of dataset.samples()) samples.push(sample);
  return samples;
}

const one = async (name: string, more: object = {}) => list(await open({ path: join(golden, name), ...more }));

const flat = (rows: readonly (readonly number[])[]) => rows.flat();

describe('pixels against pydicom 3.0.2', () => {
  const names = Object.keys(reference.files).filter(n => !n.startsWith('study'));

  it('has a case for each kind of file', () => {
    expect(names.length).toBeGreaterThan(23);
  });

  it.each(names)('%s', async name => {
    const samples = await one(name);
    const frames = reference.files[name]!;
    expect(samples).toHaveLength(frames.length);
    for (const sample of samples) {
      const { source } = await sample.load();
      expect(source).toMatchObject({ unit: 'HU', pixels: { shape: [10, 12] } });
      // Frames are sorted along the normal, which this enhanced file's order runs against.
      const number = Number(/frame-(\d+)$/.exec(sample.id)?.[1] ?? 0);
      expect([...source.pixels.data]).toEqual(flat(frames[number]!).map(Math.fround));
    }
  });

  it.each([1, 7, 1000])('%i zeros behind the pixels change nothing, and other bytes there are damage', async count => {
    for (const name of ['syntax/explicit.dcm', 'syntax/rle.dcm']) {
      const bytes = readFileSync(join(golden, name));
      put(base, `behind/${count}.dcm`, Buffer.concat([bytes, Buffer.alloc(count)]));
      const [sample] = await list(await open({ path: join(base, 'behind', `${count}.dcm`) }));
      expect([...(await sample!.load()).source.pixels.data]).toEqual(flat(reference.files[name]![0]!).map(Math.fround));
      put(base, `behind/${count}.dcm`, Buffer.concat([bytes, Buffer.alloc(count, 0xa7)]));
      const [damaged] = await list(await open({ path: join(base, 'behind', `${count}.dcm`) }));
      await expect(damaged!.load()).rejects.toThrow(/ends early|invalid|unexpected/i);
    }
  });

  it('padding is as the file has it, but never brighter than air', async () => {
    const [sample] = await one('numbers/padded.dcm', { rescale: { intercept: 5000 } });
    const { data } = (await sample!.load()).source.pixels;
    expect([data[0], data[1]]).toEqual([-1000, -1000]);
    expect(data[5]).toBe(flat(reference.files['numbers/padded.dcm']![0]!)[5]! + 1024 + 5000);
  });
});

describe('what the header says', () => {
  it('spacing, place, acquisition and subgroups; never names, dates or places', async () => {
    const [sample] = await one('syntax/explicit.dcm');
    const { source } = await sample!.load();
    expect(source.spacing).toEqual([0.8, 0.7]);
    expect(source.placement).toEqual({
      origin: [-10, -20, 7.5],
      axes: [
        [0, 1, 0],
        [1, 0, 0],
      ],
    });
    expect(source.acquisition).toEqual({ kernel: 'B41s', thicknessMm: 2.5, kvp: 120, vendor: 'Maker' });
    expect(sample!.groups).toEqual({
      age: '50–59',
      sex: 'F',
      vendor: 'Maker',
      kernel: 'B41s',
      site: expect.stringMatching(/^site-\w{6}$/),
    });
    expect(sample!.patient).toMatch(/^patient-\w{10}$/);
    expect(sample!.exam).toMatch(/^series-\w{10}$/);
  });

  it('enhanced files say where each frame lies, sorted along the normal', async () => {
    const samples = await one('frames/enhanced.dcm');
    expect(samples.map(s => s.id)).toEqual([3, 2, 1, 0].map(k => `enhanced.dcm/frame-${k}`).reverse());
    const { source } = await samples[1]!.load();
    expect(source.spacing).toEqual([0.5, 0.6]);
    expect(source.placement).toEqual({
      origin: [6.5, 2, 3],
      axes: [
        [0, 0, -1],
        [0, 1, 0],
      ],
    });
    expect(source.acquisition).toMatchObject({ thicknessMm: 1.25 });
  });

  it.each([
    ['047Y', '40–49'],
    ['089Y', '80–89'],
    ['090Y', '90 and over'],
    ['011M', '0–9'],
    ['', undefined],
    ['1970', undefined],
  ])('age %s is the band %s', (age, band) => {
    expect(ageBand(age)).toBe(band);
  });
});

describe('a study as an archive gives it', () => {
  const path = join(golden, 'study');

  it('is sorted along the slice normal, and says what is odd and what was left out', async () => {
    const dataset = await open({ path });
    const samples = await list(dataset);
    expect(samples.map(s => s.id.split('/').at(-1))).toEqual([
      'IM1',
      'IM0007',
      'IM0004',
      'IM0001',
      'IM0008',
      'IM0002',
      'cut.dcm',
    ]);
    const reasons = Object.fromEntries(dataset.leftOut!.map(f => [f.path.split('/').at(-1), f.reason]));
    expect(reasons).toEqual({
      'scout.dcm': expect.stringMatching(/localiser/),
      'dose-report.dcm': expect.stringMatching(/secondary capture/),
      'mr.dcm': expect.stringMatching(/modality is MR/),
      report: expect.stringMatching(/no pixels \(modality SR\)/),
      'broken.dcm': expect.any(String),
      notes: 'it is no DICOM file',
    });
    expect(dataset.remarks!.join('\n')).toMatch(
      /5 slices.*: slices are missing, or lie unevenly: 1 gaps are wider than the usual 2\.5 mm/,
    );
    const cut = samples.find(s => s.id === 'cut.dcm')!;
    await expect(cut.load()).rejects.toMatchObject({
      code: 'IMAGE',
      message: expect.stringMatching(/cut\.dcm: .*(ends early|overrun)/),
    });
    for (const sample of samples.filter(s => s !== cut)) {
      const name = sample.id.split('/').at(-1)!;
      const file = Object.keys(reference.files).find(f => f.startsWith('study') && f.endsWith(`/${name}`))!;
      expect([...(await sample.load()).source.pixels.data]).toEqual(flat(reference.files[file]![0]!));
    }
  });

  it('takes localisers and others where it is asked to', async () => {
    const dataset = await open({ path, include: ['localisers', 'secondary-captures', 'other-modalities'] });
    expect(dataset.count).toBe(10);
    const mr = (await list(dataset)).find(s => s.id.endsWith('mr.dcm'))!;
    expect((await mr.load()).source.unit).toBe('grey');
  });

  it('says nowhere who the patients are, unless it is asked to', async () => {
    const secrets = /doe|jane|roe|richard|secret|4711|1970|house|gregory|general hospital/i;
    const dataset = await open({ path });
    const said = [dataset, ...(await list(dataset))].map(v => JSON.stringify(v));
    for (const sample of await list(dataset)) {
      said.push(
        await sample.load().then(
          s => JSON.stringify(s.source.acquisition),
          e => e.message,
        ),
      );
    }
    expect(said.join('\n')).not.toMatch(secrets);
    const samples = await list(dataset);
    expect(new Set(samples.map(s => s.patient)).size).toBe(2);
    const again = await list(await open({ path }));
    expect(again.map(s => s.patient)).toEqual(samples.map(s => s.patient));
    const keyed = await list(await open({ path, key: 'another key' }));
    expect(keyed.map(s => s.patient)).not.toEqual(samples.map(s => s.patient));
    const plain = await list(await open({ path, anonymise: false }));
    expect(plain.map(s => [s.patient, s.id])).toContainEqual(['SECRET-4711', 'Doe Jane/SECRET-4711/IM0007']);
  });

  it('takes labels and splits from a table by patient, series or slice', async () => {
    const folder = join(base, 'tabled');
    cpSync(join(path, 'Doe Jane/SECRET-4711'), join(folder, 'a'), { recursive: true });
    cpSync(join(path, '7'), join(folder, 'b'), { recursive: true });
    writeFileSync(join(folder, 'patients.csv'), 'patient,label,split\nSECRET-4711,ill,test\n7,well,train\n');
    const byPatient = await open({ path: folder, index: 'patients.csv' });
    expect((await list(byPatient)).map(s => s.label)).toEqual(['ill', 'ill', 'ill', 'ill', 'ill', 'well']);
    expect((await open({ path: folder, index: 'patients.csv', split: 'train' })).count).toBe(1);
    writeFileSync(join(folder, 'slices.csv'), 'patient,slice,label\nSECRET-4711,2,ill\nSECRET-4711,3,well\n');
    const bySlice = await list(await open({ path: folder, index: 'slices.csv' }));
    expect(bySlice.map(s => s.label)).toEqual([undefined, 'ill', 'well', undefined, undefined, undefined]);
    const every = await list(await open({ path: folder, every: 5, range: [0, 0.6] }));
    expect(every.map(s => s.id)).toEqual(['a/IM0007', 'a/IM0001', 'b/IM1']);
  });
});

describe('outlines', () => {
  const path = join(golden, 'study');
  const expectMasks = async (options: object, name: string, masks: Readonly<Record<string, number[][]>>) => {
    for (const sample of await list(await open({ path, ...options }))) {
      const uid = reference.instances[sample.id.split('/').at(-1)!];
      if (uid === undefined) continue;
      const { mask, masks: several } = await sample.load();
      const found = several?.[name] ?? mask!;
      expect([...found.data]).toEqual((masks[uid] ?? Array.from({ length: 10 }, () => new Array(12).fill(0))).flat());
      expect(sample.hasMask).toBe(true);
    }
  };

  it('of a segmentation are the altered tissue, or the segments that are named', async () => {
    await expectMasks({}, 'segmentation 1', reference.segmentation);
    await expectMasks({ structures: ['lung'] }, 'segmentation 1', reference.lung);
    const { remarks } = await open({ path });
    expect(remarks).toContain('masks: segmentation 1 with Consolidation; passed by: Lung');
  });

  it('of a structure set are filled, with holes, by reference or by place', async () => {
    await expectMasks({}, 'structures 1', reference.structures);
  });

  it('of several readers are kept apart, and together they are the mask', async () => {
    const samples = await list(await open({ path, only: 'lesion' }));
    expect(samples.map(s => s.id.split('/').at(-1))).toEqual(['IM0007', 'IM0004', 'IM0001', 'IM0008']);
    const { mask, masks } = await samples[1]!.load();
    expect(Object.keys(masks!)).toEqual(['segmentation 1', 'structures 1']);
    const sum = Object.values(masks!).reduce((n, m) => n + m.data.reduce((a, b) => a + b, 0), 0);
    expect(mask!.data.reduce((a, b) => a + b, 0)).toBe(sum);
  });

  it('may be volumes, which lie where their own grid says', async () => {
    const folder = join(base, 'volume-masks');
    cpSync(join(path, 'Doe Jane/SECRET-4711'), join(folder, 'scans/case-1'), { recursive: true });
    mkdirSync(join(folder, 'masks'));
    // A MetaImage on the slices' own grid, LPS, with one voxel set: row 3, column 5 of the third slice.
    const voxels = new Uint8Array(12 * 10 * 6);
    voxels[2 * 120 + 3 * 12 + 5] = 1;
    const header = `NDims = 3\nBinaryData = True\nTransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = -10 -20 7.5\nElementSpacing = 0.7 0.8 2.5\nDimSize = 12 10 6\nElementType = MET_UCHAR\nElementDataFile = LOCAL\n`;
    writeFileSync(join(folder, 'masks/case-1.mha'), Buffer.concat([Buffer.from(header), voxels]));
    const samples = await list(await open({ path: folder, masks: 'masks' }));
    const at = await Promise.all(
      samples.map(async s => [...(await s.load()).mask!.data].flatMap((v, i) => (v ? [i] : []))),
    );
    expect(at).toEqual([[], [], [3 * 12 + 5], [], []]);
  });
});

describe('what is refused, each with its reason', () => {
  it.each([['headers/no-rescale.dcm', /no Rescale Slope and Intercept/]])('%s', async (name, message) => {
    const [sample] = await one(name);
    await expect(sample!.load()).rejects.toMatchObject({
      code: 'IMAGE',
      message: expect.stringMatching(message),
      hint: expect.stringMatching(/data\.rescale/),
    });
    const [given] = await one(name, { rescale: { intercept: -1024 } });
    expect((await given!.load()).source.pixels.data[0]).toBe(reference.files['syntax/explicit.dcm']![0]![0]![0]);
  });

  it('a folder without an image of CT, and one that is not there', async () => {
    mkdirSync(join(base, 'none'));
    writeFileSync(join(base, 'none/x.dcm'), 'text');
    await expect(open({ path: 'none' })).rejects.toMatchObject({
      code: 'DATA',
      hint: expect.stringMatching(/x\.dcm: it is no DICOM file/),
    });
    await expect(open({ path: 'nowhere' })).rejects.toMatchObject({ code: 'DATA' });
  });

  const plain = readFileSync(join(golden, 'syntax/explicit.dcm'));
  const edit = (tag: readonly number[], value: number) => {
    const bytes = Buffer.from(plain);
    const start = Buffer.from([tag[0]!, 0, tag[1]! & 255, tag[1]! >> 8, 0x55, 0x53, 2, 0]);
    bytes.writeUInt16LE(value, bytes.indexOf(start) + start.length);
    return bytes;
  };

  it.each([
    ['more rows than pixels', edit([0x28, 0x10], 100), /ends early: 240 bytes of pixels of 2400/],
    ['no columns', edit([0x28, 0x11], 0), /10 × 0 pixels/],
    ['24 bits', edit([0x28, 0x100], 24), /24 bits a pixel/],
    ['more bits than there are', edit([0x28, 0x101], 20), /20 of 16 bits/],
    ['three samples', edit([0x28, 0x02], 3), /coloured/],
  ])('%s', async (name, bytes, message) => {
    const folder = join(base, name.replaceAll(' ', '-'));
    mkdirSync(folder);
    writeFileSync(join(folder, 'x.dcm'), bytes);
    const found = await open({ path: folder }).then(
      async d =>
        (await list(d))[0]!.load().then(
          () => 'read',
          e => e.message,
        ),
      e => `${e.message} ${e.hint}`,
    );
    expect(found).toMatch(message);
  });
});

it('an extended offset table, whose VR is newer than the parser, is passed by', async () => {
  const bytes = readFileSync(join(golden, 'syntax/jpeg-ls.dcm'));
  const pixels = bytes.indexOf(Buffer.from('e07f10004f', 'hex'));
  const long = (tag: string, value: bigint) => {
    const element = Buffer.alloc(20);
    Buffer.from(`e07f${tag}00`, 'hex').copy(element);
    element.write('OV', 4, 'latin1');
    element.writeUInt32LE(8, 8);
    element.writeBigUInt64LE(value, 12);
    return element;
  };
  const length = BigInt(bytes.length - pixels);
  const table = [long('01', 0n), long('02', length)];
  put(base, 'offsets/x.dcm', Buffer.concat([bytes.subarray(0, pixels), ...table, bytes.subarray(pixels)]));
  const [found] = await list(await open({ path: 'offsets' }));
  const [whole] = await one('syntax/jpeg-ls.dcm');
  expect((await found!.load()).source.pixels).toEqual((await whole!.load()).source.pixels);
});

describe('what gives a patient away in a path', () => {
  const names = createPseudonyms(
    [
      { patientId: '12', numbers: [], names: [['meier']] },
      { patientId: '100012', numbers: ['ACC-77-1234'], names: [] },
      { patientId: 'x', numbers: [], names: [['li', 'wu']] },
      {
        patientId: 'y',
        numbers: [],
        names: [
          ['muller', 'jurgen'],
          ['山田', '太郎'],
        ],
      },
    ],
    ['1.2.840.113619.2.55'],
    undefined,
  );
  const of = (id: string) => names.patient(id);

  it('patients keep their names apart; short numbers are found as whole names only', () => {
    expect(of('12')).not.toBe(of('100012'));
    expect(names.path('a12/slice12.dcm')).toBe('a12/slice12.dcm');
    expect(names.path('12/slice.dcm')).toBe(`${of('12')}/slice.dcm`);
    expect(names.path('10-00-12/slice.dcm')).toBe(`${of('100012')}/slice.dcm`);
    expect(names.path('x/CT_100012_a.dcm')).toMatch(new RegExp(`^x/${of('100012')}-\\w{10}$`));
    expect(names.path('Liwan/Wuhan/Jura/1.dcm')).toBe('Liwan/Wuhan/Jura/1.dcm');
  });

  it.each([
    ['MEIER, H', '12'],
    ['MeierHans', '12'],
    ['meierhans_ct', '12'],
    ['acc771234', '100012'],
    ['Li Wu 42', 'x'],
    ['WuLi', 'x'],
    ['Müller', 'y'],
    ['Mu\u0308ller', 'y'],
    ['MULLER_JURGEN', 'y'],
    ['山田太郎', 'y'],
  ])('a folder called %s is of its patient', (folder, patient) => {
    expect(names.path(`${folder}/1.dcm`)).toMatch(new RegExp(`^${of(patient)}-\\w{4}/1\\.dcm$`));
  });

  it('folders of one patient stay apart', () => {
    expect(names.path('Meier a/1.dcm')).not.toBe(names.path('Meier b/1.dcm'));
  });

  it.each(['19540312', '1954-03-12', '12.03.1954', '3_12_1954', '20200315101010', '31121999'])(
    'the date in CT_%s_a is not said',
    date => {
      expect(names.path(`CT_${date}_a/IM_${date}.dcm`)).toMatch(/^CT_date-\w{6}_a\/IM_date-\w{6}\.dcm$/);
    },
  );

  it('numbers that are no dates stay', () => {
    for (const path of [
      'IM0001.dcm',
      '00012345/30001301.dcm',
      '1954/03.dcm',
      'v1.2.3/1.dcm',
      'JPEG_1.2.840.10008.1.2.4.90.dcm',
    ])
      expect(names.path(path)).toBe(path);
  });

  it('UIDs are hashes, that of a series its name', () => {
    expect(names.path('1.2.840.113619.2.55/CT.1.2.840.113619.2.55.1.dcm')).toMatch(
      new RegExp(`^${names.series('1.2.840.113619.2.55')}/CT\\.uid-\\w{10}\\.dcm$`),
    );
  });
});
