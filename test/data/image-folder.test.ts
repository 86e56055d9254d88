import { rmSync, utimesSync } from 'node:fs';
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

  it('finds a file in the other Unicode form; the id is composed', async () => {
    await folder('decomposed', 'file\nu\u0308.png\n', ['\u00fc.png']);
    const [sample] = await list(await open({ path: 'decomposed' }));
    expect(sample!.id).toBe('\u00fc.png');
    await expect(sample!.load()).resolves.toBeDefined();
  });

  it('reads masks: a column, or a folder of the same names; pixels above 0 are inside', async () => {
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
    ['a row too long', 'file,label\na.png,x,y\n', /not a sound CSV file.*line 2/],
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
