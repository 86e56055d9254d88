import { expect, it } from 'vitest';
import { builtinRegistry } from '../../src/builtin.ts';
import { readerChecks } from '../../src/conformance/index.ts';
import { ACQUISITIONS, withAcquisitions } from '../../src/core/acquisitions/acquisition-variants.ts';
import type { DataReader, Sample } from '../../src/core/contracts/index.ts';
import { innerAir } from '../../src/core/image/lungs.ts';
import { noiseLevel } from '../../src/core/perturbation/noise.ts';

const phantom = builtinRegistry().readers.get('phantom')!;
const reader: DataReader = {
  ...phantom,
  checks: { options: { patients: 2, slices: 1, size: 128 } },
  open: async (given, context) => withAcquisitions(await phantom.open(given, context)),
};

for (const { name, run } of readerChecks(reader)) it(`data with acquisitions: ${name}`, run);

const first = async (): Promise<Sample> => {
  const dataset = await reader.open(phantom.options.parse({ patients: 1, slices: 1, size: 256 }), { base: '.' });
  for await (const sample of dataset.samples()) return sample;
  throw new Error('no sample');
};

it('each version is the same for the same sample, differs from it, and keeps the mask', async () => {
  const sample = await first();
  const plain = await sample.load();
  expect(sample.variants).toEqual(['no-lesion', ...ACQUISITIONS]);
  for (const name of ACQUISITIONS) {
    const [a, b] = [await sample.load(undefined, name), await sample.load(undefined, name)];
    expect(a.source.pixels.data).toEqual(b.source.pixels.data);
    expect(a.source.pixels.data).not.toEqual(plain.source.pixels.data);
    expect(a.mask!.data).toEqual(plain.mask!.data);
  }
});

it('noise is that of the dose: variance by its reciprocal; a soft kernel lowers it, a sharp one raises it', async () => {
  const sample = await first();
  const { pixels } = (await sample.load()).source;
  const { body } = innerAir(pixels);
  const level = async (name: string) => noiseLevel((await sample.load(undefined, name)).source.pixels, body);
  const own = noiseLevel(pixels, body);
  expect(await level('dose: 0.25')).toBeGreaterThan(1.5 * own);
  expect(await level('dose: 0.25')).toBeGreaterThan(await level('dose: 0.5'));
  expect(await level('kernel: smooth')).toBeLessThan(own);
  expect(await level('kernel: sharp')).toBeGreaterThan(own);
});

it('a wider window lowers contrast around its middle', async () => {
  const sample = await first();
  const [plain, wide] = [await sample.load(), await sample.load(undefined, 'window: wide')];
  const i = plain.source.pixels.data.findIndex(v => v > 0);
  expect(wide.source.pixels.data[i]).toBeCloseTo(-400 + 0.85 * (plain.source.pixels.data[i]! + 400), 2);
});
