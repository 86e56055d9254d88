import { existsSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { builtinRegistry } from '../../src/builtin.ts';
import type { Sample } from '../../src/core/contracts/index.ts';
import { put, temporaryFolder } from './images.ts';
import { makeCollections } from './small-data.ts';

const base = temporaryFolder();
const { readers } = builtinRegistry();
beforeAll(() => makeCollections(base));

const open = async (use: string, options: object = {}) => {
  const dataset = await readers.get(use)!.open({ path: use, ...options }, { base });
  const samples: Sample[] = [];
  for await (const sample of dataset.samples()) samples.push(sample);
  return { ...dataset, list: samples };
};
const facts = (list: readonly Sample[]) => list.map(s => [s.id, s.label, s.patient, s.split]);

describe('collections as they are published', () => {
  it('covid-ct: splits from the lists, patients from the tables', async () => {
    const { list, remarks, labels } = await open('covid-ct');
    expect(labels).toEqual(['COVID', 'NonCOVID']);
    expect(facts(list)).toEqual([
      ['Images-processed/CT_COVID/paper p1-12%0.png', 'COVID', 'Patient 7', 'train'],
      ['Images-processed/CT_COVID/paper p1-12%1.png', 'COVID', 'Patient 7', 'test'],
      ['Images-processed/CT_NonCOVID/0.png', 'NonCOVID', 'Patient 9', 'test'],
      ['Images-processed/CT_NonCOVID/1.png', 'NonCOVID', 'Images-processed/CT_NonCOVID/1.png', 'test'],
    ]);
    expect(remarks!.join()).toMatch(/1 of 4 images have no patient/);
    expect((await open('covid-ct', { split: 'train' })).list).toHaveLength(1);
    await expect(open('covid-ct', { split: 'val' })).rejects.toMatchObject({ code: 'DATA' });
  });

  it('sars-cov-2-ct: two folders, no patients', async () => {
    const { list, labels, remarks } = await open('sars-cov-2-ct');
    expect(labels).toEqual(['COVID', 'non-COVID']);
    expect(new Set(list.map(s => s.patient)).size).toBe(3);
    expect(remarks!.join()).toMatch(/intervals are too narrow/);
  });

  it('covidx-ct: lists of splits, patients by the longest id that a name begins with', async () => {
    const { list } = await open('covidx-ct');
    expect(facts(list).sort()).toEqual([
      ['CP_0_3131_0001.png', 'Pneumonia', 'CP_0', 'val'],
      ['NCP_96_1328_0035.png', 'COVID-19', 'NCP_96', 'train'],
      ['NCP_96_1328_0036.png', 'COVID-19', 'NCP_96', 'train'],
      ['alone-007.png', 'Normal', 'alone', 'test'],
    ]);
    expect((await open('covidx-ct', { split: ['val', 'test'] })).list).toHaveLength(2);
    put(base, 'covidx-broken/test_COVIDx_CT-3A.txt', 'a.png 7\n');
    await expect(open('covidx-ct', { path: 'covidx-broken' })).rejects.toThrow(/line 1: 'a.png 7' is not/);
  });

  it('mosmed: classes of severity, a patient a study, masks where there are some', async () => {
    const { list, labels } = await open('mosmed');
    expect(labels).toEqual(['CT-0', 'CT-1']);
    expect(new Set(list.map(s => [s.patient, s.label, s.hasMask].join()))).toEqual(
      new Set(['study_0001,CT-0,false', 'study_0255,CT-1,true']),
    );
  });

  it('covid-ct-md: classes by folder, patients by folder as keyed hashes', async () => {
    const { list, labels } = await open('covid-ct-md');
    expect(labels).toEqual(['CAP', 'COVID-19', 'Normal']);
    expect(new Set(list.map(s => s.patient)).size).toBe(3);
    expect(JSON.stringify(list)).not.toMatch(/"patient":"(P001|cap002)"/);
  });

  it('stoic: COVID by the table, severity as a subgroup, volumes of no row left out', async () => {
    const { list, labels, remarks } = await open('stoic');
    expect(labels).toEqual(['COVID', 'non-COVID']);
    expect(new Set(list.map(s => [s.patient, s.label, s.groups!['severe']].join()))).toEqual(
      new Set(['5,COVID,yes', '12,non-COVID,no']),
    );
    expect(remarks!.join()).toMatch(/1 volumes do not stand in reference.csv and are left out: 13/);
    rmSync(join(base, 'stoic/metadata/reference.csv'));
    await expect(open('stoic')).rejects.toThrow(/no reference.csv/);
  });

  it('medmnist: three splits in one archive; volumes are refused', async () => {
    const { list } = await open('medmnist');
    expect(facts(list)).toEqual([
      ['train/0', '0', 'train/0', 'train'],
      ['train/1', '1', 'train/1', 'train'],
      ['train/2', '2', 'train/2', 'train'],
      ['test/0', '2', 'test/0', 'test'],
      ['test/1', '0', 'test/1', 'test'],
    ]);
    const { source } = await list[1]!.load();
    expect([...source.pixels.data.slice(0, 3)]).toEqual([36, 37, 38]);
    expect((await open('medmnist', { split: 'test' })).count).toBe(2);
  });

  it('say where to get them, under which licence, and whether they were tried', async () => {
    for (const name of ['covid-ct', 'sars-cov-2-ct', 'covidx-ct', 'mosmed', 'covid-ct-md', 'stoic', 'medmnist']) {
      expect(readers.get(name)!.summary).toMatch(
        /Get it from https:.*licence: .*(Untried|Tried) on (the )?real files\.$/,
      );
      await expect(open(name, { path: 'nowhere' })).rejects.toMatchObject({
        code: 'DATA',
        hint: expect.stringMatching(/https:/),
      });
    }
  });
});

const real = resolve(import.meta.dirname, '../../../shared/data/covid-ct-md');
it.skipIf(!existsSync(real))('covid-ct-md on six subjects of the real files', async () => {
  const { list, labels } = await open('covid-ct-md', { path: real });
  expect(labels).toEqual(['CAP', 'COVID-19', 'Normal']);
  expect(list).toHaveLength(24);
  expect(new Set(list.map(s => s.patient)).size).toBe(6);
});

const pictures = resolve(import.meta.dirname, '../../../shared/data/covid-ct');
it.skipIf(!existsSync(pictures))('covid-ct on pictures of the real test split, with a table of patients', async () => {
  const { list, labels } = await open('covid-ct', { path: pictures });
  expect(labels).toEqual(['COVID', 'NonCOVID']);
  expect(list).toHaveLength(80);
  expect(new Set(list.map(s => s.patient)).size).toBe(45);
});
