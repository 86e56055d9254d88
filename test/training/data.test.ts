import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { builtinRegistry } from '../../src/builtin.ts';
import { writeNpy } from '../../src/core/npy.ts';
import { openData } from '../../src/training/data.ts';
import { encode, put, temporaryFolder } from '../data/images.ts';

const folder = temporaryFolder();
const [data, testData] = ['train-and-val', 'test'].map(name => join(folder, name)) as [string, string];
const PATIENTS = 40;

beforeAll(async () => {
  const png = await encode(Uint8Array.of(1, 2, 3, 4), { width: 2, height: 2, channels: 1 });
  for (const [path, patients] of [
    [data, PATIENTS],
    [testData, 4],
  ] as const) {
    mkdirSync(path);
    const rows = Array.from({ length: 2 * patients }, (_, i) => {
      put(path, `${i}.png`, png);
      const patient = i >> 1;
      // Every fourth patient is to validate.
      return [`${i}.png`, patient % 2 ? 'ill' : 'well', patient % 4 ? 'train' : 'val', `${path}-${patient}`].join(',');
    });
    writeFileSync(join(path, 'index.csv'), ['file,label,split,patient', ...rows].join('\n'));
  }
});

test.each([false, true])('splits of a folder with another for testing; drawn anew: %s', async redraw => {
  const phantom = { train: 2, val: 2, test: 2, slices: 1 };
  const { splits, description } = await openData({
    readers: builtinRegistry().readers,
    data,
    testData,
    seed: 1,
    phantom,
    redraw,
  });
  const { train, val, test: held } = splits;
  const patients = (of: typeof train) => new Set(of.samples.map(s => s.patient));
  expect(held.samples).toHaveLength(8);
  expect(train.samples.length + val.samples.length).toBe(2 * PATIENTS);
  expect([...patients(val)].filter(p => patients(train).has(p))).toEqual([]);
  expect(val.samples.every(s => s.split === 'val')).toBe(!redraw);
  expect(patients(val).size).toBe(redraw ? 6 : 10);
  expect(description.includes('drawn anew')).toBe(redraw);
});

test('volumes train as pictures do: through the reader that their files suggest, in HU', async () => {
  const volumes = join(folder, 'volumes');
  for (const label of ['ill', 'well']) {
    for (let patient = 0; patient < 12; patient++) {
      const data = new Int16Array(2 * 3 * 4).fill(-800 + patient);
      put(volumes, `${label}/${patient}.npy`, writeNpy({ shape: [2, 3, 4], data }));
    }
  }
  const phantom = { train: 2, val: 2, test: 2, slices: 1 };
  const { readers } = builtinRegistry();
  const options = { patientPattern: '/([0-9]+)' };
  const { splits, unit, labels } = await openData({ readers, data: volumes, seed: 1, phantom, options });
  expect([unit, labels]).toEqual(['HU', ['ill', 'well']]);
  expect(Object.values(splits).reduce((sum, s) => sum + s.samples.length, 0)).toBe(48);
  await expect(openData({ readers, data: volumes, seed: 1, phantom, options: { nonsense: 1 } })).rejects.toMatchObject({
    code: 'USAGE',
  });
});

test('a letter that always agrees with the label is in every positive image and in no other', async () => {
  const phantom = { train: 4, val: 2, test: 2, slices: 1, confounder: { name: 'letter' as const, agreement: 1 } };
  const { readers } = builtinRegistry();
  const { splits, description } = await openData({ readers, data: 'phantom', seed: 1, phantom });
  expect(description).toContain('a burnt-in letter that agrees with the label in 100 %');
  const plain = await openData({
    readers,
    data: 'phantom',
    seed: 1,
    phantom: { train: 4, val: 2, test: 2, slices: 1 },
  });
  expect(splits.train.digest).not.toBe(plain.splits.train.digest);
  for (const { label, factors } of splits.train.samples) {
    expect(factors!.some(f => f.role === 'confounder')).toBe(label === 'covid');
  }
});

test('the phantom is scanned where its options say so, and the card will tell', async () => {
  const phantom = { train: 2, val: 2, test: 2, slices: 1 };
  const { readers } = builtinRegistry();
  const options = { physics: 'projection', kernel: 'sharp', size: 64 };
  const { splits, description } = await openData({ readers, data: 'phantom', seed: 1, phantom, options });
  expect(description).toContain('CT phantom v3, sharp kernel, 2 mm: 2 train, 2 val, 2 test');
  const plain = await openData({ readers, data: 'phantom', seed: 1, phantom, options: { size: 64 } });
  expect(plain.description).toContain('CT phantom: 2 train');
  expect(splits.train.digest).not.toBe(plain.splits.train.digest);
  const refused = openData({ readers, data: 'phantom', seed: 1, phantom, options: { kernel: 'sharp' } });
  await expect(refused).rejects.toThrow(/kernel goes with physics: projection/);
});
