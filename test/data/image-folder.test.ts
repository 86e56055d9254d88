import { rmSync, symlinkSync, utimesSync } from 'node:fs';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Dataset, Sample } from '../../src/core/contracts/index.ts';
import { imageFolder } from '../../src/data/readers/image-folder.ts';
import { encode, put, temporaryFolder, tinyPng } from './images.ts';

const base = temporaryFolder();
const LONG = `${'a very long name, as journals make them_'.repeat(4)}-p3-89%0.png`;
const FILES = ['COVID/50%3.png', `COVID/${LONG}`, 'NonCOVID/Größe 大小.png', 'NonCOVID/b.png'];
const ROWS = FILES.map((file, i) => `"${file}",${file.split('/')[0]},${i === 3 ? 'val' : 'test'},P${i >> 1}`);
const INDEX = ['file,label,split,patient', ...ROWS].join('\n');

async function folder(name: string, index?: string, files: readonly string[] = FILES): Promise<string> {
  for (const [i, file] of files.entries()) put(base, `${name}/${file}`, await tinyPng(i));
  if (index !== undefined) put(base, `${name}/index.csv`, index);
  return name;
}

const open = (options: object): Promise<Dataset> => imageFolder.open(options, { base });

async function list(dataset: Dataset): Promise<Sample[]> {
  const samples: Sample[] = [];
  for await (const sample of dataset.samples()) samples.push(sample);
  return samples;
}

async function refusal(options: object): Promise<{ code: string; message: string; hint?: string }> {
  return open(options).then(
    () => expect.unreachable('it was accepted'),
    e => e,
  );
}

beforeAll(async () => {
  await folder('indexed', INDEX);
});

describe('with index.csv', () => {
  it('gives ids, labels and patients in the order of the rows, names as they are', async () => {
    const dataset = await open({ path: 'indexed' });
    const samples = await list(dataset);
    expect(samples.map(s => s.id)).toEqual(FILES);
    expect(samples.map(s => s.label)).toEqual(['COVID', 'COVID', 'NonCOVID', 'NonCOVID']);
    expect(samples.map(s => s.patient)).toEqual(['P0', 'P0', 'P1', 'P1']);
    expect(samples.map(s => s.hasMask)).toEqual([false, false, false, false]);
    expect(dataset).toMatchObject({ name: 'indexed', labels: ['COVID', 'NonCOVID'], count: 4 });
    expect(LONG.length).toBeGreaterThan(160);
    for (const sample of samples) {
      const { source } = await sample.load();
      expect(source.pixels.shape).toEqual([3, 4]);
      expect(source.unit).toBe('grey');
    }
  });

  it('filters by split', async () => {
    expect((await list(await open({ path: 'indexed', split: 'val' }))).map(s => s.id)).toEqual(['NonCOVID/b.png']);
    expect((await open({ path: 'indexed', split: ['val', 'test'] })).count).toBe(4);
    const error = await refusal({ path: 'indexed', split: 'train' });
    expect(error).toMatchObject({ code: 'DATA', hint: 'There are: test, val.' });
  });

  it('takes other column names, another index, another delimiter, a BOM and spacing', async () => {
    const rows = '\ufeffimage;diagnosis;subject;mm\nb.png;sick;7;0.5x0.75\n';
    await folder('renamed', undefined, ['NonCOVID/b.png']);
    put(base, 'renamed/list.csv', rows);
    const options = {
      path: 'renamed',
      index: 'list.csv',
      images: 'NonCOVID',
      columns: { file: 'image', label: 'diagnosis', patient: 'subject', spacing: 'mm' },
    };
    const [sample] = await list(await open(options));
    expect(sample).toMatchObject({ id: 'b.png', label: 'sick', patient: '7' });
    expect((await sample!.load()).source.spacing).toEqual([0.5, 0.75]);
  });

  it('says where the files lie, if they lie one folder deeper', async () => {
    await folder('deeper', 'file\nb.png\n', ['ct/b.png', 'infection/b.png']);
    const { hint } = await refusal({ path: 'deeper' });
    expect(hint).toMatch(/lie in 'ct', 'infection'.*images: .*masks: /);
    expect((await open({ path: 'deeper', images: 'ct', masks: 'infection' })).count).toBe(1);
  });

  it('finds a file in the other Unicode form; the id is composed', async () => {
    await folder('decomposed', 'file\nu\u0308.png\n', ['\u00fc.png']);
    const [sample] = await list(await open({ path: 'decomposed' }));
    expect(sample!.id).toBe('\u00fc.png');
    await expect(sample!.load()).resolves.toBeDefined();
  });

  it('reads masks: a column, or a folder of the same names; of few values those above 0 are inside', async () => {
    await folder('masked', 'file,mask\na.png,m/x.png\nb.png,\n', ['a.png', 'b.png']);
    const mask = Uint8Array.from([0, 1, 255, 0, 0, 0, 0, 0, 0, 0, 0, 9]);
    put(base, 'masked/m/x.png', await encode(mask, { width: 4, height: 3, channels: 1 }));
    put(base, 'masked/other/b.png', await encode(mask, { width: 4, height: 3, channels: 1 }));
    const [a, b] = await list(await open({ path: 'masked' }));
    expect([a!.hasMask, b!.hasMask]).toEqual([true, false]);
    expect([...(await a!.load()).mask!.data]).toEqual([0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    const both = await list(await open({ path: 'masked', masks: 'other' }));
    expect(both.map(s => s.hasMask)).toEqual([true, true]);
    put(base, 'masked/other/b.png', await tinyPng(0, 5, 3));
    await expect(both[1]!.load()).rejects.toMatchObject({
      code: 'IMAGE',
      message: expect.stringContaining('is 5 × 3, the image 4 × 3'),
    });
  });
});

describe('masks', () => {
  const size = { width: 4, height: 3, channels: 1 } as const;
  const grey = Uint8Array.from([0, 3, 9, 40, 90, 126, 129, 180, 220, 250, 255, 255]);
  const halves = [0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1];
  const maskOf = async (name: string, mask: Uint8Array, format: 'png' | 'jpeg' = 'png') => {
    await folder(name, 'file,mask\na.png,m.png\n', ['a.png']);
    const image = sharp(mask, { raw: size }).toColourspace('b-w');
    put(base, `${name}/m.png`, await (format === 'png' ? image.png() : image.jpeg({ quality: 100 })).toBuffer());
    const dataset = await open({ path: name });
    return { remarks: dataset.remarks, mask: (await list(dataset))[0]!.load().then(l => [...l.mask!.data]) };
  };

  it('of many grey values, or in a JPEG file, are inside from the middle on, and that is said', async () => {
    for (const format of ['png', 'jpeg'] as const) {
      const { mask, remarks } = await maskOf(`grey-${format}`, grey, format);
      expect(await mask).toEqual(halves);
      expect(remarks).toEqual(['masks: 1 of 1 masks: each is grey: pixels in the upper half of its range are inside']);
    }
  });

  it('of several structures are inside wherever one of them is, and that is said', async () => {
    const { mask, remarks } = await maskOf('labels', Uint8Array.from([0, 0, 1, 2, 3, 0, 0, 0, 0, 0, 0, 0]));
    expect((await mask).slice(0, 6)).toEqual([0, 0, 1, 1, 1, 0]);
    expect(remarks?.join()).toMatch(/has the values 0, 1, 2, 3: all above 0 are inside/);
  });

  it('of two values need no word: 0 and 1, 0 and 255, two greys', async () => {
    for (const [low, high] of [
      [0, 1],
      [0, 255],
      [40, 90],
    ] as const) {
      const { mask, remarks } = await maskOf(`two-${low}-${high}`, Uint8Array.from(halves.map(v => (v ? high : low))));
      expect(await mask).toEqual(halves);
      expect(remarks).toEqual([]);
    }
  });

  it('of dark greys alone, and in a JPEG file without a bright pixel, are failures of their images', async () => {
    const dark = await maskOf(
      'dark',
      grey.map(v => v / 3),
    );
    await expect(dark.mask).rejects.toMatchObject({ code: 'IMAGE', message: expect.stringMatching(/upper half/) });
    const ones = await maskOf('ones', Uint8Array.from(halves), 'jpeg');
    await expect(ones.mask).rejects.toMatchObject({ code: 'IMAGE' });
  });

  it('without an outside are said', async () => {
    expect((await maskOf('full', new Uint8Array(12).fill(255))).remarks?.join()).toMatch(/has no outside/);
  });

  it('in a folder may have another ending; what is called like no image is said; a folder of none is refused', async () => {
    await folder('endings', undefined, ['yes/a.png', 'yes/b.png', 'no/c.png']);
    const mask = await encode(Uint8Array.from(halves), size);
    for (const name of ['yes/a.tif', 'no/c.PNG', 'yes/other.png']) put(base, `endings/masks/${name}`, mask);
    const dataset = await open({ path: 'endings', masks: 'masks' });
    expect((await list(dataset)).map(s => [s.id, s.hasMask])).toEqual([
      ['no/c.png', true],
      ['yes/a.png', true],
      ['yes/b.png', false],
    ]);
    expect(dataset.remarks).toEqual([
      'masks: 2 of 3 images have one',
      'masks: 1 files are called like no image, for example yes/other.png',
    ]);
    expect((await open({ path: 'endings' })).remarks?.join()).toMatch(
      /'masks' was taken for a class.*set 'masks: masks'/,
    );
    put(base, 'elsewhere/x.png', mask);
    const error = await refusal({ path: 'endings', masks: '../elsewhere' });
    expect(`${error.message} ${error.hint}`).toMatch(/none of the 1 pictures.*no\/c\.png.*for example, x\.png/);
    expect(await refusal({ path: 'endings', masks: 'nowhere' })).toMatchObject({ code: 'DATA' });
    put(base, 'endings/masks/yes/a.png.txt', '');
    put(base, 'endings/masks/yes/a.jpg', mask);
    expect((await refusal({ path: 'endings', masks: 'masks' })).message).toMatch(/yes\/a\.png has two masks/);
  });
});

describe('what lies between the data', () => {
  it('is left out and said: what systems and editors put there', async () => {
    await folder('litter', undefined, [
      'no/a.png',
      'no/._a.png',
      'no/.ipynb_checkpoints/a-checkpoint.png',
      '__MACOSX/no/._a.png',
      'yes/__MACOSX/b.png',
      'yes/b.png',
      'loose.png',
    ]);
    put(base, 'litter/no/Thumbs.db', '');
    put(base, 'litter/no/notes.txt', '');
    const dataset = await open({ path: 'litter' });
    expect((await list(dataset)).map(s => s.id)).toEqual(['no/a.png', 'yes/b.png']);
    expect(dataset.labels).toEqual(['no', 'yes']);
    const said = dataset.remarks!.join('\n');
    for (const what of [
      '__MACOSX (2)',
      '.ipynb_checkpoints (1)',
      '._* (1)',
      'Thumbs.db (1)',
      '.txt (1)',
      ': 1 images',
    ]) {
      expect(said).toContain(what);
    }
  });

  it('linked folders and files are read; links in a circle and to nowhere are not', async () => {
    await folder('store', undefined, ['pool/x.png', 'pool/y.png']);
    await folder('linked', undefined, ['no/a.png']);
    symlinkSync(`${base}/store/pool`, `${base}/linked/yes`);
    symlinkSync(`${base}/store/pool/x.png`, `${base}/linked/no/b.png`);
    symlinkSync('..', `${base}/linked/no/round`);
    symlinkSync('nowhere', `${base}/linked/no/c.png`);
    const dataset = await open({ path: 'linked' });
    expect((await list(dataset)).map(s => s.id)).toEqual(['no/a.png', 'no/b.png', 'yes/x.png', 'yes/y.png']);
    expect(dataset.remarks!.join()).toMatch(/links that lead nowhere \(1\), links to a folder above themselves \(1\)/);
  });
});

describe('tables as programs write them', () => {
  const files = ['a.png', 'b.png', 'c.png'];
  const table = 'file,label,patient\na.png,yes,Müller\nb.png,no,Möller\nc.png,no,Möller\n';
  const utf16 = (text: string, bom: boolean) => Buffer.from(`${bom ? '\ufeff' : ''}${text}`, 'utf16le');
  const readAs = async (name: string, content: string | Uint8Array) => {
    await folder(name, undefined, files);
    put(base, `${name}/index.csv`, content);
    const dataset = await open({ path: name });
    return { patients: (await list(dataset)).map(s => s.patient), remarks: dataset.remarks };
  };

  it.each([
    ['UTF-8 with a mark', Buffer.from(`\ufeff${table}`)],
    ['UTF-16 with a mark', utf16(table.replaceAll(',', '\t'), true)],
    ['UTF-16 without a mark', utf16(table, false)],
    ['UTF-16, big end first', utf16(table, true).swap16()],
    ['Windows-1252', Buffer.from(table, 'latin1')],
    ['Excel with sep=;', Buffer.from(`sep=;\r\n${table.replaceAll(',', ';').replaceAll('\n', '\r\n')}`)],
    [
      'semicolons and a comma in a name',
      Buffer.from(table.replaceAll(',', ';').replace('patient', 'patient;"a, b, c, d"')),
    ],
    ['bars', Buffer.from(table.replaceAll(',', '|'))],
    ['rows whose cells were emptied', Buffer.from(table.replaceAll('\n', '\n , ,\n'))],
    ['empty cells behind', Buffer.from(table.replaceAll('\n', ',\n').replace(',\n', '\n'))],
  ])('%s: every patient stays who it is', async (name, content) => {
    const { patients, remarks } = await readAs(name.replaceAll(/\W/g, '-'), content).catch(e => ({
      patients: e,
      remarks: [],
    }));
    if (name.startsWith('semicolons'))
      expect(patients.message).toMatch(/line 2: the row has \d cells, the header has \d/);
    else expect(patients).toEqual(['Müller', 'Möller', 'Möller']);
    expect(remarks!.join()).toMatch(name === 'Windows-1252' ? /not in UTF-8; it was read as Windows-1252/ : /^$/);
  });

  it('a spreadsheet that is called .csv is refused', async () => {
    const error = await readAs('xlsx', Buffer.from('PK\u0003\u0004\0\0\0\0\0\0\0\0')).catch(e => e);
    expect(error.message).toMatch(/not a CSV file.*no text/);
  });

  it.each([
    ['PatientID', 'file,label,PatientID', /'PatientID' like a column 'patient'/, /columns: \{ patient: PatientID \}/],
    [
      'Patient and Label',
      'file,Label,Patient',
      /'Label' like a column 'label', 'Patient' like a column 'patient'/,
      /label: Label/,
    ],
    ['patient id', 'file,label,patient id', /'patient id' like/, /patient: 'patient id'/],
    ['a slip', 'file,lable,patient', /'lable' like a column 'label'/, /label: lable/],
  ])('a column that is nearly one is asked back: %s', async (name, header, message, hint) => {
    const error = await readAs(`near-${name}`.replaceAll(' ', '-'), `${header}\na.png,x,p\n`).catch(e => e);
    expect(error).toMatchObject({ code: 'DATA' });
    expect(error.message).toMatch(message);
    expect(error.hint).toMatch(hint);
  });

  it('a finding is not asked back as a slip: Mass is no mask', async () => {
    await folder('mass', 'file,patient,label,Mass\na.png,7,x,1\n', ['a.png']);
    expect((await open({ path: 'mass' })).remarks).toEqual(['index.csv: columns not used: Mass']);
  });

  it('columns: false goes on without; columns that nothing uses are said; groups come from columns', async () => {
    await folder('said', 'file,PatientID,age,sex,remark\na.png,7,60s,F,x\n', ['a.png']);
    const dataset = await open({ path: 'said', columns: { patient: false }, groups: ['age', 'sex'] });
    expect(dataset.remarks).toEqual(['index.csv: columns not used: PatientID, remark']);
    expect((await list(dataset))[0]).toMatchObject({ patient: 'a.png', groups: { age: '60s', sex: 'F' } });
    expect(await refusal({ path: 'said', columns: { patient: false }, groups: ['birth_date'] })).toMatchObject({
      message: expect.stringMatching(/name or a date/),
    });
    expect(await refusal({ path: 'said', columns: { patient: false }, groups: ['aeg'] })).toMatchObject({
      hint: expect.stringMatching(/Did you mean 'age'/),
    });
    await folder('twins', 'file,label,label\na.png,x,y\n', ['a.png']);
    expect((await refusal({ path: 'twins' })).message).toMatch(/two columns called 'label'/);
  });

  it('./a.png and a.png are one file; a\\b.png of Windows is a/b.png', async () => {
    await folder('spelt', 'file\n./x/a.png\nx\\b.png\n', ['x/a.png', 'x/b.png']);
    expect((await list(await open({ path: 'spelt' }))).map(s => s.id)).toEqual(['x/a.png', 'x/b.png']);
    await folder('spelt', 'file\nx/a.png\n./x/a.png\n');
    expect((await refusal({ path: 'spelt' })).message).toMatch(/same file: .*line 2.*line 3/);
  });
});

describe('with a subfolder per class', () => {
  it('takes labels from folders, at any depth below, sorted; each image its own patient', async () => {
    await folder('classes', undefined, ['b/z.png', 'a/deep/y.PNG', 'a/x.png', 'a/.hidden.png', 'a/notes.txt']);
    const samples = await list(await open({ path: 'classes' }));
    expect(samples.map(s => s.id)).toEqual(['a/deep/y.PNG', 'a/x.png', 'b/z.png']);
    expect(samples.map(s => s.label)).toEqual(['a', 'a', 'b']);
    expect(samples.map(s => s.patient)).toEqual(samples.map(s => s.id));
  });

  it('takes patients by a pattern', async () => {
    await folder('patients', undefined, ['a/P1-1.png', 'a/P1-2.png', 'b/P2-1.png']);
    const samples = await list(await open({ path: 'patients', patientPattern: '/(P[0-9]+)-' }));
    expect(samples.map(s => s.patient)).toEqual(['P1', 'P1', 'P2']);
    for (const patientPattern of ['(X)', 'P1', '(']) {
      expect(await refusal({ path: 'patients', patientPattern })).toMatchObject({ code: 'DATA' });
    }
  });
});

describe('values', () => {
  it('16 bits become 0…255 with fractions; rescale gives HU from what is stored', async () => {
    const stored = Uint16Array.from([0, 1, 257, 65535]);
    put(base, 'deep/a/x.png', await encode(stored, { width: 2, height: 2, channels: 1 }));
    const load = async (more: object) => (await list(await open({ path: 'deep', ...more })))[0]!.load();
    const { source: grey } = await load({ spacing: 0.7 });
    expect([...grey.pixels.data]).toEqual([0, Math.fround(1 / 257), 1, 255]);
    expect(grey).toMatchObject({ unit: 'grey', spacing: [0.7, 0.7] });
    const { source: hu } = await load({ rescale: { intercept: -1024 }, spacing: [1, 2] });
    expect([...hu.pixels.data]).toEqual([-1024, -1023, -767, 64511]);
    expect(hu).toMatchObject({ unit: 'HU', spacing: [1, 2] });
  });
});

describe('values that are no plain grey', () => {
  const one = async (name: string, bytes: Uint8Array, more: object = {}) => {
    put(base, `${name}/a/x.tif`, bytes);
    return (await list(await open({ path: name, ...more })))[0]!.load().then(({ source }) => source);
  };

  it('12 bits in 16 are asked back; bits or rescale say what they are', async () => {
    const twelve = await encode(Uint16Array.from([0, 1024, 2040, 4095]), { width: 2, height: 2, channels: 1 }, 'tiff');
    put(base, 'twelve/a/x.tif', twelve);
    const error = await refusal({ path: 'twelve' });
    expect(error).toMatchObject({ code: 'DATA', hint: expect.stringMatching(/bits: 12.*rescale/) });
    const grey = await one('twelve', twelve, { bits: 12 });
    expect([...grey.pixels.data].map(Math.round)).toEqual([0, 64, 127, 255]);
    expect([...(await one('twelve', twelve, { rescale: { intercept: -1024 } })).pixels.data]).toEqual([
      -1024, 0, 1016, 3071,
    ]);
    expect((await one('twelve', twelve, { bits: 16 })).pixels.data[3]).toBeCloseTo(15.93, 2);
    await expect(one('twelve', twelve, { bits: 11 })).rejects.toMatchObject({
      message: expect.stringMatching(/4095, more than 11/),
    });
  });

  it('one file that uses all 16 bits says that the dark ones do, too, and the dark ones are told of', async () => {
    const of = (last: number) => encode(Uint16Array.from([0, 1, 2, last]), { width: 2, height: 2, channels: 1 });
    put(base, 'wide/a/dark.png', await of(4000));
    put(base, 'wide/a/bright.png', await of(60_000));
    expect((await open({ path: 'wide' })).count).toBe(2);
    expect((await open({ path: 'wide' })).remarks).toContainEqual(
      expect.stringMatching(/^1 of 2 16-bit files.*bits: 12/),
    );
    expect((await open({ path: 'wide', bits: 16 })).remarks).toEqual([]);
  });

  it('values below 0 are HU, and said; signed ones without, and fractions, are refused', async () => {
    const hu = await one('signed', signedTiff([-1024, -832, 40, 1016]));
    expect(hu.unit).toBe('HU');
    expect([...hu.pixels.data]).toEqual([-1024, -832, 40, 1016]);
    expect((await open({ path: 'signed' })).remarks).toEqual([
      expect.stringMatching(/below 0 were taken for Hounsfield/),
    ]);
    await expect(one('positive', signedTiff([0, 1, 2, 3]))).rejects.toMatchObject({
      message: expect.stringMatching(/signed pixels, which may be HU or grey levels/),
    });
    expect((await one('positive', signedTiff([0, 1, 2, 3]), { rescale: { intercept: 0 } })).unit).toBe('HU');
  });
});

describe('the digest', () => {
  it('depends on content, labels and options, not on times or places', async () => {
    const digest = async (path: string, more: object = {}) => (await open({ path, ...more })).digest;
    await folder('copy', INDEX);
    utimesSync(`${base}/copy/NonCOVID/b.png`, 1, 1);
    const original = await digest('indexed');
    expect(await digest('copy')).toBe(original);
    expect(await digest('copy', { split: 'test' })).not.toBe(original);
    expect(await digest('copy', { rescale: { intercept: 0 } })).not.toBe(original);
    expect(await digest('copy', { spacing: 1 })).not.toBe(original);
    put(base, 'copy/NonCOVID/b.png', await tinyPng(99));
    expect(await digest('copy')).not.toBe(original);
    await folder('copy', INDEX.replace('P1', 'P9'));
    expect(await digest('copy')).not.toBe(original);
  });
});

describe('what is refused', () => {
  it('a folder that is missing, empty, or has loose images', async () => {
    expect(await refusal({ path: 'nowhere' })).toMatchObject({
      code: 'DATA',
      message: expect.stringContaining('nowhere'),
    });
    put(base, 'empty/readme.txt', '');
    expect(await refusal({ path: 'empty' })).toMatchObject({
      code: 'DATA',
      hint: expect.stringMatching(/index\.csv.*subfolder per class/),
    });
    await folder('loose', undefined, ['a.png', 'b.png']);
    expect((await refusal({ path: 'loose' })).message).toContain('2 images lie in the folder itself');
    expect(await refusal({ path: 'loose', split: 'test' })).toMatchObject({ code: 'DATA' });
  });

  it.each([
    ['no rows', 'file,label\n', /has no rows/],
    ['nothing at all', '', /no column 'file'/],
    ['no file column', 'fil,label\na.png,x\n', /no column 'file'.*Did you mean 'fil'/],
    ['an empty label', 'file,label\na.png,\n', /line 2: a.png has no label/],
    ['an empty patient', 'file,patient\na.png,p\nb.png,\n', /line 3: b.png has no patient/],
    ['an empty file name', 'file,label\n,x\n', /line 2: the file name is empty/],
    ['a row too long', 'file,label\na.png,x,y\n', /line 2: the row has 3 cells, the header has 2/],
    ['a row too short', 'file,label,patient\na.png,x\n', /line 2: the row has 2 cells, the header has 3/],
    ['an open quote', 'file,label\n"a.png,x\n', /not a sound CSV file/],
    ['the same file twice', 'file,label\na.png,x\nb.png,y\na.png,y\n', /same file: .*line 2.*line 4/],
    ['missing files', 'file\na.png\nc.png\nd.png\n', /2 files are missing:\n.*line 3: c.png/],
    ['a bad spacing', 'file,spacing\na.png,0\n', /line 2: a.png: spacing '0'/],
    ['a missing mask', 'file,mask\na.png,m.png\n', /line 2: a.png \(mask\)/],
  ])('an index with %s', async (name, index, message) => {
    const path = await folder(name, index, ['a.png', 'b.png']);
    const error = await refusal({ path });
    expect(error.code).toBe('DATA');
    expect(`${error.message} ${error.hint ?? ''}`).toMatch(message);
  });

  it('columns that are named and not there; a split without a column; an index that is not there', async () => {
    await folder('plain', 'file,Label\na.png,x\n', ['a.png']);
    const error = await refusal({ path: 'plain', columns: { label: 'label' } });
    expect(error.hint).toContain("Did you mean 'Label'?");
    expect(await refusal({ path: 'plain', split: 'test' })).toMatchObject({ code: 'DATA' });
    expect(await refusal({ path: 'plain', index: 'other.csv' })).toMatchObject({ code: 'DATA' });
  });

  it('a damaged image only when it is loaded, naming file and line', async () => {
    await folder('damaged', 'file,label\na.png,x\nbad.png,x\n', ['a.png']);
    put(base, 'damaged/bad.png', (await tinyPng()).subarray(0, 50));
    const [good, bad] = await list(await open({ path: 'damaged' }));
    await expect(good!.load()).resolves.toBeDefined();
    await expect(bad!.load()).rejects.toMatchObject({
      code: 'IMAGE',
      message: expect.stringContaining('index.csv, line 3: bad.png'),
    });
  });

  it('an image that vanished since, and a load that is cancelled', async () => {
    await folder('vanishing', 'file\na.png\n', ['a.png']);
    const [sample] = await list(await open({ path: 'vanishing' }));
    const abort = new AbortController();
    abort.abort(new Error('stop'));
    await expect(sample!.load(abort.signal)).rejects.toThrow('stop');
    rmSync(`${base}/vanishing/a.png`);
    await expect(sample!.load()).rejects.toMatchObject({ code: 'IMAGE' });
  });
});

/** 2 × 2, 16 bits with a sign, uncompressed. */
function signedTiff(values: readonly number[]): Uint8Array {
  const tags = { 256: 2, 257: 2, 258: 16, 259: 1, 262: 1, 273: 8, 278: 2, 279: 8, 339: 2 };
  const view = new DataView(new ArrayBuffer(16 + 2 + 12 * 9 + 4));
  view.setUint32(0, 0x2a4949, true);
  view.setUint32(4, 16, true);
  values.forEach((v, i) => {
    view.setInt16(8 + 2 * i, v, true);
  });
  view.setUint16(16, 9, true);
  Object.entries(tags).forEach(([tag, value], i) => {
    const at = 18 + 12 * i;
    view.setUint16(at, Number(tag), true);
    view.setUint16(at + 2, 3, true);
    view.setUint32(at + 4, 1, true);
    view.setUint16(at + 8, value, true);
  });
  return new Uint8Array(view.buffer);
}
